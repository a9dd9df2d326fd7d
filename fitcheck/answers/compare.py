"""The same models on several machines, side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from fitcheck.answers.asked import Ask
from fitcheck.answers.check import CheckAnswer, best_first, check
from fitcheck.answers.known import Known
from fitcheck.machine import Machine
from fitcheck.resolve import Subject

if TYPE_CHECKING:
    from fitcheck.measure.records import Measured


class CompareAnswer(msgspec.Struct, frozen=True):
    """A check for each machine, their rows in one and the same order."""

    checks: tuple[CheckAnswer, ...]


def compare(
    subjects: tuple[Subject, ...],
    machines: tuple[Machine, ...],
    ask: Ask,
    *,
    named: bool,
    known: Known | None = None,
    measured: "Sequence[Measured]" = (),
) -> CompareAnswer:
    """Ask every machine the same; sort by the last where the whole catalog was asked about.

    `known` and `measured` are as in `check`.

    Machines are usually given from small to large, so the order by the last keeps what runs
    nowhere at the end.
    """
    checks = tuple(
        check(subjects, m, ask, named=True, solve="table", known=known, measured=measured)
        for m in machines
    )
    if named:
        return CompareAnswer(checks)
    order = sorted(range(len(subjects)), key=lambda i: best_first(checks[-1].rows[i]))
    return CompareAnswer(
        tuple(
            msgspec.structs.replace(c, rows=tuple(c.rows[i] for i in order), named=False)
            for c in checks
        )
    )


def only_fitting(answer: CompareAnswer) -> CompareAnswer:
    """The rows in which something runs on one of the machines."""
    runs = [
        any(c.rows[i].estimates and c.rows[i].verdict != "no" for c in answer.checks)
        for i in range(len(answer.checks[0].rows))
    ]
    return CompareAnswer(
        tuple(
            msgspec.structs.replace(
                c, rows=tuple(row for row, r in zip(c.rows, runs, strict=True) if r)
            )
            for c in answer.checks
        )
    )
