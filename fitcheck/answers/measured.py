"""Rows that were measured on this machine, where an estimate asks for the very same."""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from fitcheck.architecture import Model
from fitcheck.engines.base import Range, Workload
from fitcheck.machine import Card
from fitcheck.measure.records import Measured
from fitcheck.units import Bytes, gib

# torch asks the driver for segments of 20 MiB where it needs less than 10 at once, so that two runs
# of one program differ by whole ones. Source: PyTorch 2.13, c10/core/AllocatorConfig.h,
# kLargeBuffer (2026-11-21).
SEGMENT: Final = Bytes(20 << 20)


def fingerprint(model: Model) -> str:
    """16 hexadecimal digits that stand for a model's tensors and their order."""
    digest = hashlib.sha256(model.model_type.encode())
    for layer, count in model.kinds:
        digest.update(f"|{count}".encode())
        for tensor in layer.tensors:
            digest.update(f"{tensor.role}{tensor.shape}".encode())
    for tensor in model.tensors:
        digest.update(f"{tensor.role}{tensor.shape}".encode())
    return digest.hexdigest()[:16]


def described(workload: Workload) -> dict[str, Any]:
    """A settled workload, field by field, as a row keeps it."""
    fields = msgspec.structs.asdict(workload)
    return {**fields, "settings": dict(workload.settings)}


def of_model(rows: Iterable[Measured], model: Model) -> tuple[Measured, ...]:
    """The rows of a model, or of another one with the very same tensors."""
    mine = fingerprint(model)
    return tuple(row for row in rows if row.fingerprint == mine)


def matching(
    rows: Iterable[Measured], engine: str, scheme: str, workload: Workload
) -> Measured | None:
    """The newest of a model's rows for that engine, scheme and workload; of one day the last."""
    asked = described(workload)
    found = [
        row
        for row in rows
        if row.engine == engine and row.scheme == scheme and row.workload == asked
    ]
    return max(enumerate(found), key=lambda row: (row[1].when, row[0]))[1] if found else None


def on(row: Measured, card: Card) -> bool:
    """Whether a row's card is of the same architecture, by compute capability or by name."""
    machine = row.reading.machine
    if card.compute_capability and machine.architecture:
        return machine.architecture == f"{card.compute_capability:.1f}"
    return machine.card == card.name


def narrowed(total: Range, row: Measured) -> Range:
    """What a run took by the driver's count, give or take as far as runs lie apart and a segment.

    Memory of one program on one card does not vary as a sample does: the same calls are made in
    the same order. What is left is what the driver hands out at once. The plain sum stays inside.
    A model that was only loaded, or an engine's own count without the driver's, leaves the range.
    """
    if row.figure != "process" or row.reading.how != "run":
        return total
    give = row.spread + SEGMENT
    low, high = min(row.runs) - give, row.size + give
    return Range(Bytes(min(total.expected, low)), total.expected, Bytes(max(total.expected, high)))


def note(row: Measured) -> str:
    """`measured on 2026-11-21 (NVIDIA A100, torch 2.13.0): 15.9 GiB`, and of what."""
    machine = row.reading.machine
    versions = [f"{name} {version}" for name, version in row.reading.versions.items()]
    where = ", ".join(part for part in (machine.card, *versions) if part)
    of = "" if row.figure == "process" else " by the engine's own count"
    return f"measured on this machine on {row.when} ({where}): {gib(row.size)} GiB{of}"
