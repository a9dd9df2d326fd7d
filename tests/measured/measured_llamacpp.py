"""llama.cpp: files, where tensors go, caches, compute buffers, and all of it together."""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Final

import msgspec
from llamacpp_buffer_rows import Row
from llamacpp_buffer_rows import rows as starts_of
from llamacpp_golden import MODELS
from measured_rows import Asked, Figure, loaded, memory_of, model, part, rows

from fitcheck.engines.base import Memory, Workload
from fitcheck.engines.llama_cpp import cache as kv_cache
from fitcheck.engines.llama_cpp import recurrent
from fitcheck.engines.llama_cpp.engine import LLAMA_CPP
from fitcheck.engines.llama_cpp.graph.tensors import HOST
from fitcheck.engines.llama_cpp.weights import placed
from fitcheck.quantization import scheme

ALL_EXPERTS: Final = 1 << 20  # --cpu-moe: of more layers than there are
SKETCHED: Final = "an architecture whose graph is not drawn, and said to be within half and double"
MTP: Final = "a file with the layer for multi-token prediction, which we count without, and say so"


def files() -> Iterator[Figure]:
    """llama-quantize's own sizes."""
    for name, key in (("llamacpp_files.csv", "model"), ("llamacpp_converted.csv", "hf_id")):
        for row in rows(name):
            if row["ftype"] == "copy":  # a checkpoint's own MXFP4, which these configurations omit
                continue
            how = scheme({"f16": "fp16", "f32": "fp32"}.get(row["ftype"], row["ftype"]))
            how = msgspec.structs.replace(how, imatrix=row["imatrix"] == "1")
            held = LLAMA_CPP.load(model(row[key], plain=True), how)
            made = part("files", "llama.cpp", row, held.file_bytes, int(row["tensor_bytes"]))
            yield msgspec.structs.replace(made, aside=MTP if "mtp" in row[key] else "")


def places() -> Iterator[Figure]:
    """What llama.cpp's loader puts on each card and in host memory."""
    for row in rows("llamacpp_places.csv"):
        cards, host = placed(
            model(row["model"], plain=True),
            row["ftype"],
            int(row["n_gpu_layers"]) if row["n_gpu_layers"] else None,
            ALL_EXPERTS if row["cpu_moe"] == "1" else None,
            free=[1] * int(row["cards"]),
            mtp=MODELS[row["model"]].get("mtp"),
        )
        names = [f"card_{k}" for k in range(len(cards))]
        for name, ours in zip((*names, "host"), (*cards, host), strict=True):
            if int(row[name]) or ours:
                made = part("weights by place", "llama.cpp", row, ours, int(row[name]))
                yield msgspec.structs.replace(made, name=f"{made.name} {name}")


def buffers(step: int = 1) -> Iterator[Figure]:
    """Caches and states, and compute buffers, of every device of every start (or each `step`th)."""
    for name in ("llamacpp_buffers.csv", "llamacpp_buffers_other.csv"):
        for row in starts_of(name)[::step]:
            if row.refused:
                continue
            for device, kept, scratch in zip(row.devices, row.context, row.compute, strict=True):
                yield from _device(row, device, kept, scratch)


def _device(row: Row, device: int, kept: int, scratch: int) -> Iterator[Figure]:
    subject, settings, split = row.buffers.subject, row.settings, row.split
    flash = "off" if settings.flash_attention == "off" else "on"
    held = (
        *kv_cache.terms(subject, settings, split, device),
        *recurrent.terms(subject, settings, split, device),
    )
    where = f"card {device}" if device != HOST else "host"
    said = (
        f"{row.model} -c {settings.context} -ub {settings.ubatch} -np {settings.parallel}"
        f" {settings.cache_type_k.name} {where}"
    )
    aside = SKETCHED if row.buffers.rough else ""
    for what, ours, theirs in (
        ("KV cache and states", sum(t.size for t in held), kept),
        (
            f"compute buffers, flash {flash}",
            row.buffers.size(settings, split, row.cards, device),
            scratch,
        ),
    ):
        if ours or theirs:
            yield Figure(
                table=f"llama.cpp: {what}",
                engine="llama.cpp",
                name=said,
                ours=ours,
                measured=(max(theirs, 1),),
                aside=aside if "compute" in what else "",
            )


@cache
def _places() -> dict[tuple[str, ...], dict[str, str]]:
    keys = ("model", "ftype", "cards", "n_gpu_layers", "cpu_moe")
    return {tuple(row[k] for k in keys): row for row in rows("llamacpp_places.csv")}


def starts(step: int = 1) -> Iterator[Figure]:
    """llama.cpp: model buffers of one table and caches and compute buffers of another, together.

    Of starts on cards, whatever is on them; our CUDA context and pool are added, unmeasured.
    """
    for row in rows("llamacpp_buffers.csv")[::step]:
        key = (
            row["model"],
            row["ftype"],
            row["cards"],
            row["layers"],
            "1" if row["experts"] else "0",
        )
        place = _places().get(key)
        if place is None or row["refused"]:
            continue
        cards = int(row["cards"])
        weights = sum(int(place[f"card_{k}"]) for k in range(cards))
        buffers = sum(
            int(size)
            for name in ("context_bytes", "compute_bytes")
            for size in row[name].split(";")[:cards]
        )
        memory = _start(row, cards)
        beside = memory.component("overhead")
        yield Figure(
            table="llama.cpp: starts, and the CUDA context and pool",
            engine="llama.cpp",
            name=" ".join(v for v in islice(row.values(), 15) if v),
            ours=memory.total.expected,
            measured=(weights + buffers + beside,),
            total=memory.total,
            cards=cards,
            aside=MTP if "mtp" in row["model"] else "",
            asked=_asked(row),
        )


def _asked(row: dict[str, str]) -> Asked | None:
    """Of starts as they come: one card, all layers on it, one slot, an f16 cache."""
    told = ("layers", "experts", "swa_full", "outputs")
    usual = row["cards"] == row["slots"] == "1" and row["keys"] == row["values"] == "f16"
    usual = usual and row["ubatch"] == "512" and not row["batch"]
    if not usual or any(row[k] for k in told) or row["flash"] == "off" or row["offload"] == "0":
        return None
    packing = {"f16": "fp16"}.get(row["ftype"], row["ftype"])
    return Asked(model=row["model"], scheme=packing, context=int(row["context"]))


FLASH: Final = {"auto": "auto", "on": "flash", "off": "eager"}


def _start(row: dict[str, str], cards: int) -> Memory:
    """What we say of that start: `-c` is for all slots, a workload's context for each of them."""
    given = {
        "n_gpu_layers": row["layers"],
        "n_cpu_moe": "all" if row["experts"] else "",
        "cache_type_k": row["keys"],
        "cache_type_v": row["values"],
        "outputs": row["outputs"],
        "batch_size": row["batch"],
        "swa_full": "on" if row["swa_full"] == "1" else "",
        "kv_unified": "on" if row["unified"] == "1" else "",
        "kv_offload": "off" if row["offload"] == "0" else "",
    }
    context, slots = int(row["context"]), int(row["slots"])
    packing = {"f16": "fp16"}.get(row["ftype"], row["ftype"])
    asked = Workload(
        context=context,
        prompt=context,
        parallel=slots,
        ubatch=int(row["ubatch"]),
        attention=FLASH[row["flash"]],
        settings={k: v for k, v in given.items() if v},
    )
    return memory_of(loaded("llama.cpp", row["model"], packing), asked, cards)
