"""The table of `check`: what runs on these cards."""

from collections.abc import Container, Iterable, Iterator
from typing import Final

from fitcheck.answers.check import CheckAnswer, Row, taken
from fitcheck.answers.estimate import Estimate, notes
from fitcheck.fit import Fit, Verdict
from fitcheck.machine import Machine
from fitcheck.quantization import Precision
from fitcheck.render.grid import Cell, Column, Grid, Mood, parameters, size, tokens
from fitcheck.units import gib

MOODS: Final[dict[Verdict, Mood]] = {
    "fits": "good", "tight": "fair", "short": "fair", "offload": "fair", "no": "faint",
}  # fmt: skip
LEGEND: Final = "GiB needed, verdict, and up to what context (no: cards needed)"
NOTHING: Final = "no model is left: drop a filter, or --fits"


def grid(answer: CheckAnswer) -> Grid:
    """Rows are models, columns precisions; a cell is memory, verdict and longest context."""
    columns = (
        Column("MODEL"),
        Column("PARAMS", "right", rank=1),
        Column("CONTEXT", "right", rank=0),
        *(Column(precision.upper()) for precision in answer.columns),
    )
    rows = tuple(_row(row, answer.columns) for row in answer.rows)
    if not rows:
        return Grid(above=(title(answer),), below=(NOTHING,))
    return Grid(columns=columns, rows=rows, above=(title(answer),), below=_below(answer))


def as_stored(answer: CheckAnswer) -> Grid:
    """Rows are models in the one scheme that they are stored in."""
    columns = (
        Column("MODEL"),
        Column("PARAMS", "right", rank=0),
        Column("ENGINE", rank=1),
        Column("STORED AS"),
        Column("NEEDS"),
    )
    rows = tuple(_stored(row) for row in answer.rows)
    whys = tuple(f"{r.subject.id}: {r.unknown}" for r in answer.rows if r.unknown)
    return Grid(columns=columns, rows=rows, above=(title(answer),), below=("", LEGEND, *whys))


def _stored(row: Row) -> tuple[Cell, ...]:
    model, e = row.subject.model, next(iter(row.estimates), None)
    return (
        Cell(row.subject.id),
        Cell(parameters(model.parameters if model else None)),
        Cell(e.engine if e else "-"),
        Cell(e.scheme.word if e else "-"),
        cell(e),
    )


def _row(row: Row, columns: tuple[Precision, ...]) -> tuple[Cell, ...]:
    model = row.subject.model
    found = {e.column: e for e in row.estimates}
    return (
        Cell(row.subject.id),
        Cell(parameters(model.parameters if model else None)),
        Cell(tokens(model.context_length if model else None)),
        *(cell(found.get(precision)) for precision in columns),
    )


def cell(e: Estimate | None) -> Cell:
    """` 13.1 fits   4k`; a dash where that precision does not exist."""
    if e is None or e.fit is None:
        return Cell(f"{'-':>5}", "faint")
    f = e.fit
    if f.verdict == "no":
        last = f"{f.cards_needed}x" if f.cards_needed else ""
    else:
        last = tokens(f.max_context_sure if f.verdict == "fits" else f.max_context)
    text = f"{gib(e.memory.total.expected):>5} {f.verdict:<5}{last:>5}"
    return Cell(text.rstrip(), MOODS[f.verdict])


def title(answer: CheckAnswer) -> str:
    """The card, what of it can be used, and what was asked."""
    ask = answer.ask
    engines = dict.fromkeys(e.engine for row in answer.rows for e in row.estimates)
    context = f"context {ask.context}" if ask.context else "context 4096 or the model's limit"
    batch = f", batch {ask.batch}" if ask.batch > 1 else ""
    shares = "".join(
        f" ({name} takes at most {size(share)})" for name, share in taken(answer).items()
    )
    asked = ", ".join((*engines, f"{context}{batch}"))
    return f"{describe(answer.machine)}{shares}. {asked}"


def describe(machine: Machine) -> str:
    """`2 x NVIDIA GeForce RTX 3090, 47.1 GiB usable`."""
    names = dict.fromkeys(c.name for c in machine.cards)
    counts = {n: sum(c.name == n for c in machine.cards) for n in names}
    cards = ", ".join(n if k == 1 else f"{k} x {n}" for n, k in counts.items())
    nodes = f"{machine.nodes} nodes, " if machine.nodes > 1 else ""
    return f"{nodes}{cards}, {usable(machine)}"


def usable(machine: Machine) -> str:
    """`47.1 GiB usable`, and what was supposed of the machine."""
    return f"{size(sum(c.available for c in machine.cards))} usable{supposed(machine)}"


def supposed(machine: Machine) -> str:
    """`, as if nothing else ran, 1.0 GiB of each card kept free`: what a user supposed of it."""
    said = [", as if nothing else ran"] if machine.assumed_empty else []
    said += [f", {size(machine.kept_free)} of each card kept free"] if machine.kept_free else []
    return "".join(said)


def _below(answer: CheckAnswer) -> tuple[str, ...]:
    """The legend; of models that were named, what to know of each, and what each verdict stands on.

    What is said of one scheme with each of several models is said once, at the end.
    """
    if not answer.named:
        return ("", LEGEND)
    shared = _shared(answer)
    lines = [line for row in answer.rows for line in _named(row, shared)]
    ends = (why if why.startswith(word) else f"all in {word}: {why}" for word, why in shared)
    return ("", LEGEND, *lines, *ends)


def _shared(answer: CheckAnswer) -> list[tuple[str, str]]:
    """Schemes of several models, and what each of these models is told of it."""
    told: dict[str, list[tuple[str, ...]]] = {}
    for e in (e for row in answer.rows for e in row.estimates):
        told.setdefault(e.scheme.word, []).append(e.fit.reasons if e.fit else ())
    return [
        (word, why)
        for word, (first, *others) in told.items()
        for why in first
        if others and all(why in reasons for reasons in others)
    ]


def _named(row: Row, shared: Container[tuple[str, str]]) -> Iterator[str]:
    name, estimates = row.subject.id, [e for e in row.estimates if e.fit]
    yield from [f"{name}: {row.unknown}"] if row.unknown else []
    yield from (f"{name}: {note}" for e in estimates[:1] for note in notes(row.subject, e.workload))
    yield from (f"{name} {', '.join(words)}: {said}" for said, words in _said(estimates, shared))


def _said(
    estimates: list[Estimate], shared: Container[tuple[str, str]]
) -> Iterable[tuple[str, list[str]]]:
    """What is said of each scheme; once where it is the same of several."""
    found: dict[str, list[str]] = {}
    for e in estimates:
        assert e.fit is not None
        own = (why for why in e.fit.reasons if (e.scheme.word, why) not in shared)
        if said := "; ".join((*cards(e.fit), *own)):
            found.setdefault(said, []).append(e.scheme.word)
    return found.items()


def cards(f: Fit) -> Iterator[str]:
    """`21.4, 20.6 GiB on 2 cards, card 1 has least left: 2.1 GiB`, of what runs on several."""
    least = f.limiting_card
    if least is None or f.verdict in ("no", "short"):
        return
    sizes = [gib(one.memory.total.expected) for one in f.per_card]
    each = f"{sizes[0]} GiB each" if len(set(sizes)) == 1 else f"{', '.join(sizes)} GiB"
    one = f.per_card[least]
    yield f"{each} on {f.cards} cards, card {least + 1} has least left: {gib(one.headroom)} GiB"
