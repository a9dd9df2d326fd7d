"""The table of `measure`: what was estimated, what was measured, and how far they lie apart."""

from collections.abc import Iterator

from fitcheck.answers.measure import Line, MeasureAnswer
from fitcheck.render.grid import Cell, Column, Grid, Mood, size

_TOTALS = {"process": "process", "allocated": "engine's count"}
_HOWS = {"run": "run here", "loaded": "loaded here", "log": "from a log"}


def grid(answer: MeasureAnswer) -> Grid:
    """A row for each component that the engine tells of, then the sum."""
    rows = [_row(line) for line in answer.lines]
    rows.append(
        (
            Cell(_TOTALS[answer.row.figure], "bold"),
            Cell(size(answer.total.expected), "bold"),
            Cell(_measured(answer), "bold"),
            _off(answer.error),
        )
    )
    return Grid(
        columns=(
            Column(""),
            Column("ESTIMATED", "right"),
            Column("MEASURED", "right"),
            Column("OFF BY", "right"),
        ),
        rows=tuple(rows),
        above=(title(answer),),
        below=("", verdict(answer), *_below(answer)),
    )


def _row(line: Line) -> tuple[Cell, ...]:
    measured = "not told" if line.measured is None else size(line.measured)
    return Cell(line.label), Cell(size(line.estimated)), Cell(measured), _off(line.error)


def _measured(answer: MeasureAnswer) -> str:
    if answer.figure is not None:
        return size(answer.figure)
    return "ran out" if answer.row.reading.ran_out else "not told"


def title(answer: MeasureAnswer) -> str:
    """What was measured, on what, and how."""
    e, w = answer.estimate, answer.estimate.workload
    card = answer.row.reading.machine.card or "a card that was not named"
    asked = f"context {w.context}, prompt {w.prompt}, batch {w.batch}"
    how = _HOWS[answer.row.reading.how]
    return f"{e.subject.name}, {e.scheme.word} in {e.engine}, {asked}; {how} on {card}"


def verdict(answer: MeasureAnswer) -> str:
    """Whether the range holds it."""
    span = f"{size(answer.total.low)} to {size(answer.total.high)}"
    if answer.inside is None:
        return f"too little is told to hold it to the estimate's range, {span}"
    if answer.figure is None:
        return f"it does not fit; the estimate {'allows for' if answer.inside else 'denies'} that"
    return f"{'inside' if answer.inside else 'OUTSIDE'} the estimate's range, {span}"


def _below(answer: MeasureAnswer) -> Iterator[str]:
    row = answer.row
    machine = row.reading.machine
    versions = [f"{name} {version}" for name, version in row.reading.versions.items()]
    if machine.driver:
        versions.append(f"driver {machine.driver}")
    if versions:
        yield f"with {', '.join(versions)}"
    if len(row.runs) > 1:
        apart = row.spread / (1 << 20)
        yield f"the most of {len(row.runs)} runs, which lie {apart:.0f} MiB apart"
    yield from answer.notes


def _off(error: float | None) -> Cell:
    if error is None:
        return Cell("")
    mood: Mood = "good" if abs(error) < 0.02 else "fair" if abs(error) < 0.1 else "bad"
    # Half of what a decimal shows, rounded, must not become a zero with a sign.
    return Cell(f"{error:+.1%}" if abs(error) >= 0.0005 else "0.0%", mood)
