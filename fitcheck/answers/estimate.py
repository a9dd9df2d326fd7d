"""Memory alone: what a model takes under each scheme asked for, no card needed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from fitcheck.answers.asked import Ask, jobs, workload
from fitcheck.engines.base import Memory, Workload
from fitcheck.errors import BadInput
from fitcheck.fit import Fit
from fitcheck.quantization import Precision, Scheme
from fitcheck.resolve import Subject
from fitcheck.units import Bytes

if TYPE_CHECKING:
    from fitcheck.measure.records import Measured


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A model under a scheme and a workload; `fit` where it was held against a machine."""

    subject: Subject
    engine: str
    scheme: Scheme
    column: Precision
    workload: Workload
    memory: Memory
    file_bytes: Bytes
    notes: tuple[str, ...] = ()
    fit: Fit | None = None


def estimate(subject: Subject, ask: Ask, rows: "Sequence[Measured]" = ()) -> tuple[Estimate, ...]:
    """One estimate for each scheme asked for: 16 bit, or as published, where none was.

    `rows` were measured on this machine; where one is of the very same, it is told.
    Raises BadInput where nothing is known of the model's architecture.
    """
    model = subject.model
    if model is None:
        raise BadInput(
            f"{subject.id}: its architecture is not published, so nothing can be counted"
        )
    found = []
    for job in jobs(subject, ask, columns=("fp16",)):
        loaded = job.engine.load(model, job.scheme, subject.checkpoint)
        settled = loaded.settle(workload(subject, ask))
        memory = loaded.memory(settled)
        found.append(
            Estimate(
                subject=subject,
                engine=job.engine.name,
                scheme=job.scheme,
                column=job.column,
                workload=settled,
                memory=memory,
                file_bytes=loaded.file_bytes,
                notes=(*notes(subject, settled), *memory.notes),
            )
        )
    return tuple(applied(e, rows) for e in found) if rows else tuple(found)


def applied(e: Estimate, rows: "Sequence[Measured]") -> Estimate:
    """The estimate with a note of what was measured, and the range that this leaves.

    `expected` stays the sum of the terms: it is what `explain` teaches, and the range holds both.
    """
    from fitcheck.answers.measured import matching, narrowed, note, of_model

    model = e.subject.model
    assert model is not None
    row = matching(of_model(rows, model), e.engine, e.scheme.name, e.workload)
    if row is None:
        return e
    memory = msgspec.structs.replace(e.memory, total=narrowed(e.memory.total, row))
    return msgspec.structs.replace(e, memory=memory, notes=(*e.notes, note(row)))


def notes(subject: Subject, settled: Workload) -> tuple[str, ...]:
    """What a reader must know to read the figures rightly."""
    model = subject.model
    found = list(subject.notes)
    if model is not None:
        found += [f"approximate: {reason}" for reason in model.approximate]
        if model.context_length is not None and settled.context > model.context_length:
            found.append(f"the model was made for {model.context_length} tokens of context")
    return tuple(found)
