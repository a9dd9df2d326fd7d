"""A grid as text for people, in the width and the colours that it is given."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from fitcheck.render.grid import Cell, Column, Grid, painted

_GAP: Final = 2
_STEP: Final = 2
_NARROWEST: Final = 12
_CUT: Final = "…"  # stands for what was too long
_TAIL: Final = 7  # characters at the end of a name that are kept: `-qwen-32b` or `-32b-awq` differ


def draw(grid: Grid, width: int, colour: bool) -> str:
    """The table with its lines above and below. No wider than `width` where that can be had.
    Columns without a row are not drawn.

    Drawn here and not by tabulate, which costs as much time as all the arithmetic of a table.
    """
    columns, rows = fitted(grid, width)
    widths = _widths(columns, rows)
    heading = [Cell(c.heading) for c in columns]
    lines = [_line(heading, columns, widths, False), "  ".join("-" * w for w in widths)]
    lines = lines if rows else []
    lines += [_line(row, columns, widths, colour) for row in rows]
    above = [*folded(grid.above, width), *([""] if grid.above and lines else [])]
    said = "\n".join((*above, *lines, *folded(grid.below, width))).lstrip("\n")
    text = f"{said}\n" if said else ""
    return "\n".join((text, *(draw(one, width, colour) for one in grid.then)))


def folded(lines: Iterable[str], width: int) -> Iterator[str]:
    """Lines no wider than that, a step further in where they go on; words stay whole."""
    for line in lines:
        if len(line) <= width:
            yield line
            continue
        indent = " " * (len(line) - len(line.lstrip()) + _STEP)
        yield from textwrap.wrap(
            line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )


def _line(cells: list[Cell], columns: list[Column], widths: list[int], colour: bool) -> str:
    padded = (
        _padded(cell, width, column.align == "right", colour)
        for cell, column, width in zip(cells, columns, widths, strict=True)
    )
    return (" " * _GAP).join(padded).rstrip()


def _padded(cell: Cell, width: int, right: bool, colour: bool) -> str:
    space = " " * (width - shown(cell.text))
    text = painted(cell) if colour else cell.text
    return space + text if right else text + space


def fitted(grid: Grid, width: int) -> tuple[list[Column], list[list[Cell]]]:
    """Columns left out by rank, then the widest of text cut, until it is within `width`."""
    columns, rows = list(grid.columns), [list(row) for row in grid.rows]
    while _wide(columns, rows) > width and (out := _least(columns)) is not None:
        del columns[out]
        for row in rows:
            del row[out]
    while rows and (excess := _wide(columns, rows) - width) > 0:
        widths = _widths(columns, rows)
        texts = [i for i, c in enumerate(columns) if c.align == "left"]
        i = max(texts, key=widths.__getitem__, default=0)
        most = max(_NARROWEST, shown(columns[i].heading), widths[i] - excess)
        if most >= widths[i]:
            break
        rows = [[*row[:i], _cut(row[i], most), *row[i + 1 :]] for row in rows]
    return columns, rows


def _least(columns: list[Column]) -> int | None:
    ranked = [(c.rank, i) for i, c in enumerate(columns) if c.rank is not None]
    return min(ranked)[1] if ranked else None


def _widths(columns: list[Column], rows: list[list[Cell]]) -> list[int]:
    return [
        max(shown(c.heading), *(shown(row[i].text) for row in rows), 0)
        for i, c in enumerate(columns)
    ]


def _wide(columns: list[Column], rows: list[list[Cell]]) -> int:
    return sum(_widths(columns, rows)) + _GAP * (len(columns) - 1)


def _cut(cell: Cell, most: int) -> Cell:
    """A name of one word loses its middle, as its end tells it from its like; a text its end."""
    text, end = cell.text, ""
    if shown(text) <= most:
        return cell
    if " " not in text:
        text, end = text[:-_TAIL], text[-_TAIL:]
    while shown(text) + shown(end) > most - 1:
        text = text[:-1]
    return Cell(f"{text}{_CUT}{end}", cell.mood)


def shown(text: str) -> int:
    """Columns that the text takes on a terminal; a Chinese character takes two."""
    if text.replace(_CUT, "").isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(0, wcswidth(text))
