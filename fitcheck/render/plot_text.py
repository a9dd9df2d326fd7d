"""A plot in characters: braille dots on a terminal that can, letters where it cannot."""

from collections.abc import Iterator
from typing import Final

from fitcheck.render.plot import Line, Plot

ROWS: Final = 12
_NARROWEST: Final = 20
# Bits of a braille character's dots, by column and by row from the top (Unicode 17, U+2800).
_DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK: Final = 0x2800


def draw(plot: Plot, width: int, *, plain: bool) -> tuple[str, ...]:
    """Lines of text, no wider than `width`; `plain` has nothing but ASCII.

    Where names leave too little of it, what cards offer goes by its number alone.
    """
    left = max(len(label) for _, label in plot.height_ticks)
    labels = _at_right(plot, plain=plain)
    if _columns(width, left, labels) < _NARROWEST:
        levels = {level.name: level.name.split(" ")[0] for level in plot.levels}
        labels = {row: levels.get(label, label) for row, label in labels.items()}
    columns = _columns(width, left, labels)
    if columns < _NARROWEST:
        return ()
    cells = _letters(plot, columns) if plain else _braille(plot, columns)
    ticks = {_row(plot, height): label for height, label in plot.height_ticks}
    axis = "|" if plain else "│"
    body = (
        f"{ticks.get(r, ''):>{left}} {axis}{''.join(row)} {labels.get(r, '')}".rstrip()
        for r, row in enumerate(cells)
    )
    return ("GiB", *body, *_axis(plot, left, columns, plain))


def _columns(width: int, left: int, labels: dict[int, str]) -> int:
    return width - left - max(map(len, labels.values())) - 3


def _row(plot: Plot, height: float) -> int:
    return round((1 - plot.up(height)) * (ROWS - 1))


def _letter(number: int) -> str:
    return chr(ord("a") + number % 26)


def _at_right(plot: Plot, *, plain: bool) -> dict[int, str]:
    """Names beside the ends of what they name, the higher one higher; letters name their own."""
    ends = [
        (line.points[-1][1], f"{_letter(i)} {line.name}" if plain else line.name)
        for i, line in enumerate(plot.lines)
    ]
    ends += [(level.height, level.name) for level in plot.levels]
    found: dict[int, str] = {}
    for height, name in sorted(ends, reverse=True):
        row = _row(plot, height)
        free = next((r for r in (*range(row, ROWS), *range(row, -1, -1)) if r not in found), None)
        if free is not None:
            found[free] = name
    return found


def _letters(plot: Plot, columns: int) -> list[list[str]]:
    cells = [[" "] * columns for _ in range(ROWS)]
    for level in plot.levels:
        cells[_row(plot, level.height)] = ["-"] * columns
    for number, line in enumerate(plot.lines):
        for column, height in _heights(plot, line, columns):
            cells[_row(plot, height)][column] = _letter(number)
    return cells


def _braille(plot: Plot, columns: int) -> list[list[str]]:
    """Two dots across and four down in each character; levels are dashes."""
    dots = [[_BLANK] * columns for _ in range(ROWS)]
    high = 4 * ROWS - 1
    for line in plot.lines:
        for x, height in _heights(plot, line, 2 * columns):
            y = round((1 - plot.up(height)) * high)
            dots[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
    cells = [["" if d == _BLANK else chr(d) for d in row] for row in dots]
    dashed = {_row(plot, level.height) for level in plot.levels}
    return [[cell or ("╌" if r in dashed else " ") for cell in row] for r, row in enumerate(cells)]


def _heights(plot: Plot, line: Line, steps: int) -> Iterator[tuple[int, float]]:
    """The curve at every step across, straight between its points on the logarithmic axis."""
    ends = [(plot.across(x) * (steps - 1), y) for x, y in line.points]
    for step in range(steps):
        after = next((i for i, (x, _) in enumerate(ends) if x >= step - 1e-9), None)
        if after is None or (after == 0 and ends[0][0] > step + 1e-9):
            continue
        (x0, y0), (x1, y1) = ends[max(0, after - 1)], ends[after]
        share = (step - x0) / (x1 - x0) if x1 > x0 else 1
        yield step, y0 + (y1 - y0) * share


def _axis(plot: Plot, left: int, columns: int, plain: bool) -> Iterator[str]:
    corner, dash = ("+", "-") if plain else ("└", "─")
    yield f"{'':{left}} {corner}{dash * columns}"
    labels = [" "] * (columns + 1)
    free = 0
    for context, label in plot.context_ticks:
        at = min(round(plot.across(context) * (columns - 1)), columns + 1 - len(label))
        if at >= free:
            labels[at : at + len(label)] = label
            free = at + len(label) + 1
    yield f"{'':{left}}  {''.join(labels)}".rstrip()
