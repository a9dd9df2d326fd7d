"""A plot as SVG, written here: a few shapes need no library."""

from collections.abc import Iterator
from html import escape
from typing import Final

from fitcheck.render.plot import Plot

WIDTH: Final = 800
HEIGHT: Final = 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 170, 40, 50
_BETWEEN: Final = 14
# Okabe and Ito's colours, told apart with any kind of sight (jfly.uni-koeln.de/color, 2008), black
# left for what cards offer.
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")


def draw(plot: Plot) -> str:
    """The whole file."""
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
            ' font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            *_title(plot),
            *_axes(plot),
            *_levels(plot),
            *_lines(plot),
            *_names(plot),
            "</svg>",
            "",
        )
    )


def _title(plot: Plot) -> Iterator[str]:
    """Lines that end above the curves, one in the middle of the space for two."""
    lines = plot.title_lines
    first = _TOP - 18 - 8 * (len(lines) - 1)
    for number, line in enumerate(lines):
        yield _text(_LEFT, first + 15 * number, line, size=14)


def _x(plot: Plot, context: int) -> float:
    return round(_LEFT + plot.across(context) * (WIDTH - _LEFT - _RIGHT), 1)


def _y(plot: Plot, height: float) -> float:
    return round(HEIGHT - _BOTTOM - plot.up(height) * (HEIGHT - _TOP - _BOTTOM), 1)


def _axes(plot: Plot) -> Iterator[str]:
    right, floor = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    for height, label in plot.height_ticks:
        y = _y(plot, height)
        yield _stroke(_LEFT, y, right, y, "#dddddd")
        yield _text(_LEFT - 6, y + 4, label, anchor="end")
    for context, label in plot.context_ticks:
        x = _x(plot, context)
        yield _stroke(x, _TOP, x, floor, "#eeeeee")
        yield _text(x, floor + 16, label, anchor="middle")
    yield _stroke(_LEFT, floor, right, floor, "black")
    yield _stroke(_LEFT, _TOP, _LEFT, floor, "black")
    yield _text((_LEFT + right) / 2, HEIGHT - 12, "context, tokens", anchor="middle")
    yield _text(_LEFT - 6, _TOP - 4, "GiB", anchor="end")


def _levels(plot: Plot) -> Iterator[str]:
    for level in plot.levels:
        y = _y(plot, level.height)
        yield _stroke(_LEFT, y, WIDTH - _RIGHT, y, "black", ' stroke-dasharray="6 4"')


def _lines(plot: Plot) -> Iterator[str]:
    for number, line in enumerate(plot.lines):
        path = " ".join(f"{_x(plot, x)},{_y(plot, y)}" for x, y in line.points)
        style = f'fill="none" stroke="{_colour(number)}" stroke-width="2"'
        yield f'<polyline points="{path}" {style}/>'


def _names(plot: Plot) -> Iterator[str]:
    """At the right ends, from the top down, none over another."""
    ends = [(n.points[-1][1], n.name, _colour(i)) for i, n in enumerate(plot.lines)]
    ends += [(level.height, level.name, "black") for level in plot.levels]
    free = 0.0
    for height, name, colour in sorted(ends, reverse=True):
        y = max(free, _y(plot, height) + 4)
        free = y + _BETWEEN
        yield _text(WIDTH - _RIGHT + 6, y, name, colour=colour)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}"{more}/>'


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, colour: str = "black"
) -> str:
    style = f'text-anchor="{anchor}" font-size="{size}" fill="{colour}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'
