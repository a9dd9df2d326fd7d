"""The tables of `plan`: cards down and schemes across, or one machine and its schemes down."""

from collections.abc import Iterator
from typing import Final

from fitcheck.answers.estimate import Estimate
from fitcheck.answers.plan import PlanAnswer
from fitcheck.fit import Fit
from fitcheck.render.check_grid import MOODS, describe, supposed
from fitcheck.render.grid import Cell, Column, Grid, parameters, size, tokens
from fitcheck.units import gib

LEGEND: Final = (
    "cards that hold it, the longest context there, and sequences at once (x) of the usual one"
)
BITS: Final = "BITS are of a weight, on disk; LEFT is GiB on the card, CONTEXT the longest there"


def grid(answer: PlanAnswer) -> Grid:
    """Schemes down for one machine; else cards down, schemes across."""
    return _schemes(answer) if answer.by_scheme else _cards(answer)


def _cards(answer: PlanAnswer) -> Grid:
    schemes = list(dict.fromkeys(e.scheme.word for o in answer.options for e in o.row.estimates))
    columns = (
        Column("CARD"),
        Column("USABLE", "right", rank=0),
        *(Column(name) for name in schemes),
    )
    rows = tuple(
        (
            Cell(o.machine.name),
            Cell(size(sum(c.available for c in o.machine.cards))),
            *(cell({e.scheme.word: e for e in o.row.estimates}.get(name)) for name in schemes),
        )
        for o in answer.options
    )
    return Grid(columns=columns, rows=rows, above=(_title(answer),), below=("", LEGEND))


def _title(answer: PlanAnswer) -> str:
    model = answer.subject.model
    asked = supposed(answer.options[0].machine) if answer.options and not answer.by_scheme else ""
    count = parameters(model.parameters if model else None)
    return f"{answer.subject.name}, {count} parameters{asked}"


def cell(e: Estimate | None) -> Cell:
    """`1 card 32k x7`; `3 cards` where one is too few; a dash where none hold it."""
    if e is None or e.fit is None:
        return Cell("-", "faint")
    f = e.fit
    if f.verdict == "offload":
        return Cell(f"{gib(e.memory.component('host'))} GiB in RAM", MOODS["offload"])
    if f.cards_needed is not None:
        return Cell(f"{f.cards_needed} cards", "faint")
    if f.verdict == "no":
        return Cell("no", "bad")
    count = f"{f.cards} card{'s' * (f.cards > 1)}"
    longest = tokens(_longest(f))
    users = f" x{f.max_batch}" if f.max_batch else ""
    verdict = "" if f.verdict == "fits" else f" {f.verdict}"
    return Cell(f"{count}{verdict} {longest}{users}", MOODS[f.verdict])


def _longest(f: Fit) -> int | None:
    """As sure as the verdict is."""
    return f.max_context_sure if f.verdict == "fits" else f.max_context


def _schemes(answer: PlanAnswer) -> Grid:
    option = answer.options[0]
    columns = (
        Column("SCHEME"),
        Column("BITS", "right"),
        Column("GiB", "right"),
        Column("VERDICT"),
        Column("LEFT", "right", rank=2),
        Column("CONTEXT", "right"),
        Column("USERS", "right"),
        Column("WHAT IT COSTS", rank=0),
    )
    engines = ", ".join(dict.fromkeys(e.engine for e in option.row.estimates))
    context = f", context {option.row.estimates[0].workload.context}" if engines else ""
    return Grid(
        columns=columns,
        rows=tuple(_scheme(e) for e in option.row.estimates),
        above=(f"{_title(answer)}. {describe(option.machine)}. {engines}{context}",),
        below=("", *_below(answer)),
    )


def _scheme(e: Estimate) -> tuple[Cell, ...]:
    model, f = e.subject.model, e.fit
    assert f is not None
    assert model is not None
    needed = f", {f.cards_needed} cards" if f.cards_needed else ""
    return (
        Cell(e.scheme.word),
        Cell(f"{8 * e.file_bytes / model.parameters:.2f}"),
        Cell(gib(e.memory.total.expected)),
        Cell(f.verdict + needed, MOODS[f.verdict]),
        Cell(gib(f.headroom)),
        Cell(tokens(_longest(f))),
        Cell(str(f.max_batch or "-")),
        Cell(e.scheme.quality),
    )


def _below(answer: PlanAnswer) -> Iterator[str]:
    """What is best and why nothing is; the legend."""
    best, row = answer.best, answer.options[0].row
    if row.unknown:
        yield f"{answer.subject.id}: {row.unknown}"
    if best is not None:
        yield f"best: {best.scheme.word}, {best.scheme.title}: {best.scheme.quality}"
    for e in row.estimates:
        if e.fit is not None and e.fit.verdict == "offload":
            yield f"{e.scheme.word}: {e.fit.reasons[-1]}"
    yield BITS
