"""What llama.cpp reserved while it ran: rows of tests/golden/llamacpp_buffers*.csv."""

import csv
import json
from functools import cache

import msgspec
from llamacpp_golden import GOLDEN, MODELS

from fitcheck.architecture import from_config
from fitcheck.engines.base import Term
from fitcheck.engines.llama_cpp.buffers import Buffers
from fitcheck.engines.llama_cpp.graph.plan import Subject
from fitcheck.engines.llama_cpp.graph.tensors import HOST
from fitcheck.engines.llama_cpp.placement import Split, split
from fitcheck.engines.llama_cpp.settings import FlashAttention, Settings, cache_type
from fitcheck.engines.llama_cpp.weights import Weights
from fitcheck.quantization.ggml import FILE_TYPES
from fitcheck.units import ceil_div


class Row(msgspec.Struct, frozen=True):
    """One start of llama.cpp: the model, its settings, and bytes on each card and on the host.

    `kv`, `window` and `states` are MiB as it prints them, over all devices.
    """

    model: str
    file_type: str
    settings: Settings
    split: Split
    cards: int
    kv: float
    window: float
    states: float
    context: tuple[int, ...]
    compute: tuple[int, ...]
    model_bytes: tuple[int, ...]
    refused: str

    @property
    def devices(self) -> tuple[int, ...]:
        """Cards, and the host."""
        return (*range(self.cards), HOST)

    @property
    def buffers(self) -> Buffers:
        """The model's."""
        return buffers(self.model, self.file_type)


@cache
def configs() -> dict[str, dict[str, object]]:
    """config.json of every model of the tables."""
    found: dict[str, dict[str, object]] = {}
    for name in ("params.jsonl", "llamacpp_buffers_models.jsonl", "llamacpp_heldout_models.jsonl"):
        for line in map(json.loads, (GOLDEN / name).read_text().splitlines()):
            if "config" in line:
                found[line.get("model") or line["hf_id"]] = line["config"]
    return found | {name: found["config"] for name, found in MODELS.items()}


@cache
def buffers(model: str, file_type: str) -> Buffers:
    """A model's file and what is drawn of it."""
    parsed = from_config(configs()[model])
    mtp = MODELS.get(model, {}).get("mtp")
    weights = Weights.made(parsed, FILE_TYPES[file_type], mtp=mtp)
    return Buffers(Subject(model=parsed, file=weights.file, packed=weights.packed))


@cache
def rows(name: str) -> tuple[Row, ...]:
    """The rows of a table."""
    with (GOLDEN / name).open(newline="") as file:
        return tuple(map(_row, csv.DictReader(file)))


def _row(row: dict[str, str]) -> Row:
    cards = int(row["cards"])
    file = buffers(row["model"], row["ftype"]).subject.file
    layers = int(row["layers"]) if row["layers"] else None
    where = Split(starts=(file.block_count + 1,))
    if cards:
        shares = [float(share) for share in row.get("split", "").split(";") if share]
        where = split(file, layers, shares or [1] * cards, cpu_moe=_on_host(row["experts"]))
    flash: dict[str, FlashAttention] = {"auto": "auto", "on": "on", "off": "off"}
    return Row(
        model=row["model"],
        file_type=row["ftype"],
        settings=Settings(
            context=int(row["context"]),
            batch=int(row["batch"] or 2048),
            ubatch=int(row["ubatch"]),
            parallel=int(row["slots"]),
            kv_unified=row["unified"] == "1",
            cache_type_k=cache_type(row["keys"]),
            cache_type_v=cache_type(row["values"]),
            flash_attention=flash[row["flash"]],
            swa_full=row["swa_full"] == "1",
            kv_offload=row["offload"] != "0",
            outputs=int(row["outputs"]) if row["outputs"] else None,
        ),
        split=where,
        cards=cards,
        kv=float(row["kv"] or 0),
        window=float(row["window"] or 0),
        states=float(row["states"] or 0),
        context=_bytes(row["context_bytes"]),
        compute=_bytes(row["compute_bytes"]),
        model_bytes=_bytes(row.get("model_bytes", "")),
        refused=row["refused"],
    )


def _on_host(experts: str) -> int | None:
    """Layers whose experts stay in host memory: `host` is --cpu-moe, a number --n-cpu-moe."""
    if experts == "host":
        return 1 << 20
    return int(experts) if experts else None


def _bytes(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(";"))) if text else ()


def worked_out(term: Term) -> int:
    """A term's size by its formula."""
    known = {"ceil_div": ceil_div, "min": min, "max": max}
    return int(eval(term.formula, known, dict(term.values)))
