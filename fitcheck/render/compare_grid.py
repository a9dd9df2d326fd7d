"""The table of `compare`: models down, machines across, in each cell the best that runs."""

from typing import Final

from fitcheck.answers.check import CheckAnswer, Row
from fitcheck.answers.compare import CompareAnswer
from fitcheck.answers.estimate import Estimate
from fitcheck.render.check_grid import MOODS, usable
from fitcheck.render.grid import Cell, Column, Grid, parameters, tokens
from fitcheck.units import gib

LEGEND: Final = "best precision that runs, and up to what context; no: what the least takes"


def grid(answer: CompareAnswer) -> Grid:
    """One column for each machine."""
    first = answer.checks[0]
    columns = (
        Column("MODEL"),
        Column("PARAMS", "right", rank=0),
        *(Column(c.machine.name) for c in answer.checks),
    )
    rows = tuple(
        (
            Cell(row.subject.id),
            Cell(parameters(row.subject.model.parameters if row.subject.model else None)),
            *(cell(c.rows[i]) for c in answer.checks),
        )
        for i, row in enumerate(first.rows)
    )
    below = ("", LEGEND, *_unknown(answer.checks))
    return Grid(columns=columns, rows=rows, above=tuple(_lines(answer.checks)), below=below)


def _unknown(checks: tuple[CheckAnswer, ...]) -> dict[str, None]:
    """Why there is nothing to tell of a model that was named, once for all machines."""
    rows = (row for c in checks if c.named for row in c.rows)
    return dict.fromkeys(f"{row.subject.id}: {row.unknown}" for row in rows if row.unknown)


def _lines(checks: tuple[CheckAnswer, ...]) -> list[str]:
    return [f"{c.machine.name}: {usable(c.machine)}" for c in checks]


def cell(row: Row) -> Cell:
    """`fp16 32k`, `int4 ~ 4k` where it is tight or short, `34.1 no` where nothing runs.

    `int8 offload` is with a part in RAM, where nothing runs without.
    """
    if row.best is not None:
        return running(row.best)
    if not row.estimates:
        return Cell("-", "faint")
    beside = [e for e in row.estimates if e.fit is not None and e.fit.verdict == "offload"]
    if beside:
        return Cell(f"{beside[0].column} offload", MOODS["offload"])
    least = min(e.memory.total.expected for e in row.estimates)
    return Cell(f"{gib(least)} no", MOODS["no"])


def running(e: Estimate) -> Cell:
    """`fp16 32k`, `int4 tight 4k`."""
    assert e.fit is not None
    f = e.fit
    longest = tokens(f.longest)
    verdict = "" if f.verdict == "fits" else f"{f.verdict} "
    return Cell(f"{e.column} {verdict}{longest}", MOODS[f.verdict])
