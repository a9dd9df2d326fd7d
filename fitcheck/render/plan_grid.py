"""The table of `plan`: cards down, schemes across."""

from fitcheck.answers.estimate import Estimate
from fitcheck.answers.plan import PlanAnswer
from fitcheck.render.check_grid import MOODS
from fitcheck.render.grid import Cell, Column, Grid, parameters, size, tokens

LEGEND = "cards that hold it, the longest context there, x: sequences of the usual one at once"


def grid(answer: PlanAnswer) -> Grid:
    """A cell says how many cards hold the model and what goes on there."""
    schemes = list(dict.fromkeys(e.scheme.name for o in answer.options for e in o.row.estimates))
    columns = (
        Column("CARD"),
        Column("USABLE", "right", rank=0),
        *(Column(name) for name in schemes),
    )
    rows = tuple(
        (
            Cell(o.machine.name),
            Cell(size(sum(c.available for c in o.machine.cards))),
            *(cell({e.scheme.name: e for e in o.row.estimates}.get(name)) for name in schemes),
        )
        for o in answer.options
    )
    model = answer.subject.model
    title = f"{answer.subject.name}, {parameters(model.parameters if model else None)} parameters"
    return Grid(columns=columns, rows=rows, above=(title,), below=("", LEGEND))


def cell(e: Estimate | None) -> Cell:
    """`1 card 32k x7`; `3 cards` where one is too few; a dash where none hold it."""
    if e is None or e.fit is None:
        return Cell("-", "faint")
    f = e.fit
    if f.cards_needed is not None:
        return Cell(f"{f.cards_needed} cards", "faint")
    if f.verdict == "no":
        return Cell("no", "bad")
    count = f"{f.cards} card{'s' * (f.cards > 1)}"
    longest = tokens(f.max_context_sure or f.max_context)
    users = f" x{f.max_batch}" if f.max_batch else ""
    verdict = "" if f.verdict == "fits" else f" {f.verdict}"
    return Cell(f"{count}{verdict} {longest}{users}", MOODS[f.verdict])
