"""The table of `upgrade`: models down, what runs now and what would on each machine across."""

from collections.abc import Iterator
from typing import Final

from fitcheck.answers.upgrade import OPENS, Gain, Opens, Target, UpgradeAnswer
from fitcheck.render.check_grid import usable
from fitcheck.render.compare_grid import running
from fitcheck.render.grid import Cell, Column, Grid, parameters

LEGEND: Final = "precision that runs and the longest context there; new, bits, sure, +: what is won"

_MARKS: Final[dict[Opens, str]] = {
    "model": "new", "precision": "bits", "sure": "sure", "context": "+", "nothing": "",
}  # fmt: skip
_COUNTED: Final[dict[Opens, str]] = {
    "model": "newly run",
    "precision": "run in more bits",
    "sure": "surely fit that were tight or short",
    "context": "have a longer context",
}


def grid(answer: UpgradeAnswer) -> Grid:
    """All that were named; of a whole catalog those that newly run or run in more bits."""
    columns = (
        Column("MODEL"),
        Column("PARAMS", "right", rank=0),
        Column(answer.origin.name),
        *(Column(t.machine.name) for t in answer.targets),
    )
    shown = [i for i in _order(answer) if answer.named or _worth(answer, i)]
    rows = tuple(_row([t.gains[i] for t in answer.targets]) for i in shown)
    machines = (answer.origin, *(t.machine for t in answer.targets))
    above = [f"{m.name}: {usable(m)}" for m in machines]
    return Grid(columns=columns, rows=rows, above=tuple(above), below=("", *_below(answer)))


def _order(answer: UpgradeAnswer) -> list[int]:
    """As asked; of a whole catalog the largest that newly run first."""
    places = range(len(answer.targets[0].gains))
    return list(places) if answer.named else sorted(places, key=lambda i: _rank(answer, i))


def _rank(answer: UpgradeAnswer, i: int) -> tuple[int, int]:
    gains = [target.gains[i] for target in answer.targets]
    model = gains[0].subject.model
    return min(OPENS.index(g.opens) for g in gains), -(model.parameters if model else 0)


def _worth(answer: UpgradeAnswer, i: int) -> bool:
    return any(target.gains[i].opens in ("model", "precision") for target in answer.targets)


def _row(gains: list[Gain]) -> tuple[Cell, ...]:
    subject = gains[0].subject
    before = gains[0].before
    return (
        Cell(subject.id),
        Cell(parameters(subject.model.parameters if subject.model else None)),
        Cell("-", "faint") if before is None else running(before),
        *map(_after, gains),
    )


def _after(gain: Gain) -> Cell:
    if gain.after is None:
        return Cell("-", "faint")
    cell = running(gain.after)
    return Cell(f"{cell.text} {_MARKS[gain.opens]}".rstrip(), cell.mood)


def _below(answer: UpgradeAnswer) -> Iterator[str]:
    for target in answer.targets:
        yield f"{target.machine.name}: {_counts(target)}"
    yield LEGEND


def _counts(target: Target) -> str:
    said = [f"{n} {words}" for what, words in _COUNTED.items() if (n := len(target.opened(what)))]
    return ", ".join(said) or "nothing more"
