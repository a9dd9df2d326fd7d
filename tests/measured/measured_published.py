"""What people measured and published: tests/golden/measured.md says what it is."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from measured_rows import Figure, known, rows, seen

from fitcheck.engines import ENGINES
from fitcheck.engines.base import Component, Loaded, Memory, Workload
from fitcheck.quantization import scheme
from fitcheck.units import GIB

CARD: Final = 80 * GIB  # each of several, where a row does not tell their sizes


def published() -> Iterator[Figure]:
    """tests/golden/measured.csv: what people measured and published."""
    return map(_published, rows("measured.csv"))


PARTS: Final[dict[str, Component]] = {
    "weights": "weights",
    "load": "weights",
    "kv_cache": "kv_cache",
    "activations": "activations",
}
# What stands in `settings` and is a workload's own field.
_FIELDS: Final = ("attention", "kv_cache")


def _published(row: dict[str, str]) -> Figure:
    settings = dict(pair.split("=", 1) for pair in row["settings"].split(";") if pair)
    imatrix = settings.pop("imatrix", "") == "1"
    ubatch = settings.pop("ubatch", None)
    fields: dict[str, Any] = {k: settings.pop(k) for k in _FIELDS if k in settings}
    how = msgspec.structs.replace(scheme(row["scheme"]), imatrix=imatrix or None)
    held = ENGINES[row["engine"]].load(known(row["model"]), how)
    cards = int(row["cards"])
    workload = held.settle(
        Workload(
            context=int(row["context"]),
            prompt=int(row["prompt"]),
            batch=int(row["batch"]),
            ubatch=int(ubatch) if ubatch else None,
            settings=settings,
            **fields,
        )
    )
    memory = _on(held, workload, cards, row["card"])
    ours = _component(row, held, memory) // (cards if row["card"] == "each" else 1)
    return Figure(
        table=_table(row),
        engine=row["engine"],
        name=f"{row['id']}: {row['model']} {row['scheme']} {row['component']} {row['printed']}",
        ours=ours,
        measured=tuple(int(row[k]) for k in ("bytes", "or_bytes") if row[k]),
        total=memory.total if row["component"] == "total" else None,
        unseen=memory.component("overhead") if row["meter"] in ("allocated", "log") else 0,
        cards=cards,
        aside=ASIDE[row["aside"]],
        note=row["note"],
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
    return memory.component(PARTS[row["component"]])


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


def _table(row: dict[str, str]) -> str:
    what = METERS[row["meter"]] if row["component"] == "total" else row["component"]
    return f"published, {row['engine']}: {what}"
