"""The tables of `plan`: cards down and schemes across, or one machine and its schemes down."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from fitcheck.answers.estimate import Estimate
from fitcheck.answers.plan import PlanAnswer
from fitcheck.answers.ways import KINDS, Step, Way
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
    if answer.budget is not None:
        columns, rows = (), ()
    return Grid(
        columns=columns,
        rows=rows,
        above=(_title(answer),),
        below=("", *_legend(answer), *map(_step, answer.steps)),
        then=tuple(_least(answer)),
    )


def _legend(answer: PlanAnswer) -> Iterator[str]:
    if answer.budget is None:
        yield LEGEND
        return
    nothing = "" if answer.ways else ": nothing runs it"
    yield f"within ${answer.budget:g} an hour, on demand{nothing}"
    if answer.unpriced:
        yield f"{answer.unpriced} instances are left out: nobody says here what they cost"


def _least(answer: PlanAnswer) -> Iterator[Grid]:
    """A table for each scheme: one card, several, RAM beside one, what is rented."""
    by_scheme: dict[str, list[Way]] = {}
    for way in answer.ways:
        by_scheme.setdefault(way.estimate.scheme.word, []).append(way)
    for scheme, found in by_scheme.items():
        ordered = sorted(found, key=lambda way: KINDS.index(way.kind))
        shown = [c for c in _WAYS if any(c.cell(way).text for way in ordered)]
        firsts = [i == 0 or ordered[i - 1].kind != way.kind for i, way in enumerate(ordered)]
        yield Grid(
            columns=tuple(c.column for c in shown),
            rows=tuple(
                (Cell(_KINDS[way.kind] if first else ""), *(c.cell(way) for c in shown[1:]))
                for way, first in zip(ordered, firsts, strict=True)
            ),
            above=(f"{scheme}: the least that runs it; GiB, dollars an hour",),
        )


_KINDS: Final = {
    "card": "one card",
    "cards": "several",
    "offload": "with RAM",
    "cloud": "rented",
}


class _Shown(NamedTuple):
    """A column, and what stands in it of a way."""

    column: Column
    cell: Callable[[Way], Cell]


def _where(way: Way) -> Cell:
    """The machine, and what is on its cards where not all is."""
    offload = way.fit.offload if way.kind == "offload" else None
    return Cell(f"{way.machine.name}: {offload.words}" if offload else way.machine.name)


_WAYS: Final = (
    _Shown(Column(""), lambda way: Cell(_KINDS[way.kind])),
    _Shown(Column("MACHINE"), _where),
    _Shown(Column("LEFT", "right"), lambda way: Cell(gib(way.headroom))),
    _Shown(Column("RAM", "right"), lambda way: Cell(gib(way.host) if way.host else "")),
    _Shown(
        Column("CONTEXT", "right"),
        lambda way: Cell("" if way.kind == "offload" else tokens(way.fit.longest)),
    ),
    _Shown(Column("$/H", "right"), lambda way: Cell(f"{way.price:.2f}" if way.price else "")),
)


def way_words(way: Way) -> str:
    """`L40S (3.2 GiB left, context 4k)`."""
    price = f", ${way.price:.2f}/h" if way.price is not None else ""
    if way.kind == "offload":
        offload = way.fit.offload
        layers = f", {offload.words}" if offload else ""
        return f"{way.machine.name} ({gib(way.host)} GiB of RAM{layers})"
    longest = tokens(way.fit.longest)
    return f"{way.machine.name} ({gib(way.headroom)} GiB left, context {longest}{price})"


def _step(step: Step) -> str:
    """`RTX 4090 lacks 1.9 GiB for bnb-int8; the next step up is ...`."""
    up = f"; the next step up is {way_words(step.up)}" if step.up else ""
    return f"{step.machine.name} lacks {gib(step.lacks)} GiB for {step.estimate.scheme.word}{up}"


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
    longest = tokens(f.longest)
    users = f" x{f.max_batch}" if f.max_batch else ""
    verdict = "" if f.verdict == "fits" else f" {f.verdict}"
    return Cell(f"{count}{verdict} {longest}{users}", MOODS[f.verdict])


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
        Cell(tokens(f.longest)),
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
    yield from map(_step, answer.steps)
    yield BITS
