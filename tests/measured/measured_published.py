"""What people measured and published: tests/golden/measured.md says what it is."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from measured_rows import Asked, Figure, known, rows, seen
from measured_vllm import tokens

from fitcheck.engines import ENGINES
from fitcheck.engines.base import Component, Loaded, Memory, Range, Workload
from fitcheck.engines.llama_cpp.weights import placed
from fitcheck.engines.vllm.loaded import VllmModel
from fitcheck.quantization import scheme
from fitcheck.units import GIB, Bytes

CARD: Final = 80 * GIB  # each of several, where a row does not tell their sizes


def published() -> Iterator[Figure]:
    """tests/golden/measured.csv: what people measured and published."""
    return (_published(row, "published") for row in rows("measured.csv"))


def unseen() -> Iterator[Figure]:
    """tests/golden/unseen.csv: figures that were looked for when all the rules stood."""
    return (_published(row, "unseen") for row in rows("unseen.csv"))


PARTS: Final[dict[str, Component]] = {
    "weights": "weights",
    "load": "weights",
    "kv_cache": "kv_cache",
    "recurrent_state": "recurrent_state",
    "activations": "activations",
}
# What stands in `settings` and is a workload's own field.
_FIELDS: Final = ("attention", "kv_cache")
_NUMBERS: Final = ("ubatch", "parallel")


def _published(row: dict[str, str], table: str) -> Figure:
    held, workload, available = _run(row)
    cards = int(row["cards"])
    memory = _on(held, workload, cards, row["card"])
    ours, total = _component(row, held, memory), None
    if row["component"] == "total":
        total = memory.total
    elif row["component"] == "tokens":
        assert isinstance(held, VllmModel)
        ours = tokens(held, workload, cards, available)
    elif row["component"] == "without_cache":
        total = _less(memory.total, _kept(memory))
    if row["card"] == "each" and row["component"] != "tokens":
        ours, total = ours // cards, total and _less(total, 0, cards)
    return Figure(
        table=_table(row, table),
        engine=row["engine"],
        name=f"{row['id']}: {row['model']} {row['scheme']} {row['component']} {row['printed']}",
        ours=ours,
        measured=tuple(int(row[k]) for k in ("bytes", "or_bytes") if row[k]),
        total=total,
        unseen=memory.component("overhead") if _beside(row) else 0,
        cards=1 if row["card"] == "each" else cards,
        aside=ASIDE[row["aside"]],
        note=row["note"],
        asked=_asked(row) if row["component"] == "total" and cards == 1 else None,
    )


def _run(row: dict[str, str]) -> tuple[Loaded, Workload, int]:
    """What was loaded and asked, and bytes that the source says were there for a cache."""
    settings = dict(pair.split("=", 1) for pair in row["settings"].split(";") if pair)
    imatrix = settings.pop("imatrix", "") == "1"
    available = round(float(settings.pop("available", 0)) * GIB)
    numbers: dict[str, Any] = {k: int(settings.pop(k)) for k in _NUMBERS if k in settings}
    fields: dict[str, Any] = {k: settings.pop(k) for k in _FIELDS if k in settings}
    how = msgspec.structs.replace(scheme(row["scheme"]), imatrix=imatrix or None)
    held = ENGINES[row["engine"]].load(known(row["model"]), how)
    asked = Workload(
        context=int(row["context"]),
        prompt=int(row["prompt"]),
        batch=int(row["batch"]),
        settings=settings,
        **numbers,
        **fields,
    )
    return held, held.settle(asked), available


def _less(total: Range, size: int, parts: int = 1) -> Range:
    """The range without what is certain in it, of one part of so many."""
    ends = (total.low, total.expected, total.high)
    return Range(*(Bytes((end - size) // parts) for end in ends))


def _kept(memory: Memory) -> int:
    return memory.component("kv_cache") + memory.component("recurrent_state")


def _asked(row: dict[str, str]) -> Asked:
    return Asked(
        model=row["model"],
        scheme=row["scheme"],
        context=int(row["context"]),
        batch=int(row["batch"]),
    )


def _on(held: Loaded, workload: Workload, cards: int, card: str) -> Memory:
    if card.isdecimal():
        return held.shares(workload, [CARD] * cards)[int(card) - 1]  # type: ignore[list-item]
    return held.memory(workload, cards)


def _component(row: dict[str, str], held: Loaded, memory: Memory) -> int:
    if row["component"] == "file":
        return held.file_bytes
    if row["component"] == "total":
        return seen(memory) if row["meter"] in ("allocated", "log") else memory.total.expected
    if row["component"] == "without_cache":
        return memory.total.expected - _kept(memory)
    if row["component"] == "host_weights":
        assert held.scheme.file_type is not None
        return placed(held.model, held.scheme.file_type)[1]
    ours: int = memory.component(PARTS.get(row["component"], "weights"))
    if row["engine"] == "vllm" and row["component"] == "weights":
        # "Model loading took" counts the tables of positions that are made then.
        ours += sum(t.size for t in memory.terms if t.name == "rotary tables")
    return ours


# Why a row proves nothing.
ASIDE: Final = {
    "": "",
    "old": "a version long gone, whose graphs, files or compilation were others",
    "source": "the source contradicts itself there",
    "conditions": "the source does not say what was asked (tokens at once, context, whose tokens)",
    "packing": "a file of Unsloth's own mixture of types, not the named one",
    "meter": "get_memory_footprint, which does not see the scales of 4-bit matrices",
}

METERS: Final = {
    "allocated": "totals, torch's count",
    "whole": "totals, whole card",
    "gtt": "totals, whole process (HIP)",
    "unknown": "totals, meter not told",
    "log": "totals, its own log",
}


def _table(row: dict[str, str], table: str) -> str:
    what = METERS[row["meter"]] if row["component"] == "total" else NAMES.get(row["component"])
    return f"{table}, {row['engine']}: {what or row['component']}"


NAMES: Final = {
    "tokens": "tokens of a pool",
    "without_cache": "all but the cache",
    "host_weights": "weights in RAM",
}


def _beside(row: dict[str, str]) -> bool:
    """Whether the process holds more than that meter sees."""
    return row["component"] == "total" and row["meter"] in ("allocated", "log")
