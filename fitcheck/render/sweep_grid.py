"""The table and the plot of `sweep`: contexts down, schemes across."""

from collections.abc import Iterator
from typing import Final

from fitcheck.answers.sweep import Point, Series, SweepAnswer
from fitcheck.render.check_grid import MOODS, describe
from fitcheck.render.grid import Cell, Column, Grid, parameters
from fitcheck.render.plot import Level, Line, Plot, gibs
from fitcheck.units import GIB, gib

LEGEND: Final = "GiB in all, and whether that goes in"


def grid(answer: SweepAnswer, drawn: tuple[str, ...] = ()) -> Grid:
    """A row for each context on each machine; `drawn` is the plot, put below."""
    several = len(answer.machines) > 1
    schemes = list(dict.fromkeys(s.scheme.word for s in answer.series))
    columns = (
        *((Column("MACHINE"),) if several else ()),
        Column("CONTEXT", "right"),
        *(Column(name) for name in schemes),
    )
    return Grid(
        columns=columns,
        rows=tuple(_rows(answer, schemes, several=several)),
        above=(title(answer),),
        below=("", *_longest(answer), LEGEND, *(("", *drawn) if drawn else ())),
    )


def title(answer: SweepAnswer) -> str:
    """The model, what it is held against, and the engine."""
    model = answer.subject.model
    said = [f"{answer.subject.name}, {parameters(model.parameters if model else None)} parameters"]
    said += [describe(machine) for machine in answer.machines]
    engines = dict.fromkeys(s.engine for s in answer.series)
    batch = f", batch {answer.ask.batch}" if answer.ask.batch > 1 else ""
    return ". ".join((*said, ", ".join(engines))) + batch


def _rows(answer: SweepAnswer, schemes: list[str], *, several: bool) -> Iterator[tuple[Cell, ...]]:
    for machine in answer.machines or (None,):
        series = {s.scheme.word: s for s in answer.series if s.machine is machine}
        for i, context in enumerate(answer.contexts):
            named = (Cell(machine.name),) if machine is not None and several else ()
            found = (cell(series[name].points[i]) for name in schemes)
            yield (*named, Cell(f"{context}"), *found)


def cell(point: Point) -> Cell:
    """`16.4 fits`."""
    text = f"{gib(point.memory.total.expected):>5}"
    if point.verdict is None:
        return Cell(text)
    return Cell(f"{text} {point.verdict}", MOODS[point.verdict])


def _longest(answer: SweepAnswer) -> Iterator[str]:
    """The exact longest context of every series."""
    for s in answer.series:
        if s.machine is None:
            continue
        where = f" on {s.machine.name}" if len(answer.machines) > 1 else ""
        if s.max_context is None:
            yield f"{s.scheme.word}{where}: no context goes in"
        else:
            sure = f"{s.max_context_sure} for sure" if s.max_context_sure else "none for sure"
            yield f"{s.scheme.word}{where}: {s.max_context} tokens go in, {sure}"


def plot(answer: SweepAnswer) -> Plot:
    """Totals by context, with what each machine offers across them."""
    levels = {s.machine.name: s.usable for s in answer.series if s.machine is not None and s.usable}
    return Plot(
        title=title(answer),
        lines=tuple(_line(s, answer) for s in _alike(answer)),
        levels=tuple(Level(f"{gib(u)} {name}", u / GIB) for name, u in levels.items()),
    )


def _alike(answer: SweepAnswer) -> Iterator[Series]:
    """Series that differ: on machines of as many cards a model takes the same."""
    seen = set()
    for s in answer.series:
        sizes = (s.scheme.word, tuple(p.memory.total.expected for p in s.points))
        if sizes not in seen:
            seen.add(sizes)
            yield s


def _line(s: Series, answer: SweepAnswer) -> Line:
    alike = [o for o in _alike(answer) if o.scheme.word == s.scheme.word]
    where = f" on {s.machine.name}" if s.machine is not None and len(alike) > 1 else ""
    sizes = [(p.context, p.memory.total.expected) for p in s.points]
    return Line(s.scheme.word + where, gibs(sizes))
