"""A plot before it is drawn: lines of memory by context, levels of what cards offer, ticks.

Contexts double from tick to tick, so the horizontal axis is logarithmic; memory is in GiB.
"""

from collections.abc import Sequence
from math import ceil, log2
from textwrap import wrap
from typing import Final

import msgspec

from fitcheck.render.grid import tokens
from fitcheck.units import GIB

# What goes across a drawing of usual width; a third line of a title would be in the curves.
_TITLE_WIDTH: Final = 95
_TITLE_LINES: Final = 2
# Steps between ticks of the vertical axis, times a power of ten.
_STEPS: Final = (1, 2, 5, 10)


class Line(msgspec.Struct, frozen=True):
    """A named curve: contexts and GiB."""

    name: str
    points: tuple[tuple[int, float], ...]


class Level(msgspec.Struct, frozen=True):
    """What a machine offers, in GiB."""

    name: str
    height: float


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """Curves and levels over one pair of axes."""

    title: str
    lines: tuple[Line, ...]
    levels: tuple[Level, ...] = ()

    @property
    def title_lines(self) -> tuple[str, ...]:
        """The title folded, and cut where even that does not hold it."""
        return tuple(wrap(self.title, _TITLE_WIDTH, max_lines=_TITLE_LINES, placeholder=" …"))

    @property
    def contexts(self) -> tuple[int, int]:
        """The least and the largest context; never the same, so that there is an axis."""
        found = [x for line in self.lines for x, _ in line.points]
        least, most = min(found), max(found)
        return (least, most) if least < most else (least, least * 2)

    @property
    def top(self) -> float:
        """The end of the vertical axis: a tick at or above everything."""
        heights = [y for line in self.lines for _, y in line.points]
        highest = max((*heights, *(level.height for level in self.levels)))
        step = _step(highest)
        return max(step, ceil(highest / step) * step)

    def across(self, context: int) -> float:
        """Where a context lies on the axis, from 0 to 1."""
        least, most = self.contexts
        return log2(context / least) / log2(most / least)

    def up(self, height: float) -> float:
        """Where GiB lie on the axis, from 0 to 1."""
        return height / self.top

    @property
    def context_ticks(self) -> tuple[tuple[int, str], ...]:
        """Powers of two within the axis; its ends where there are none."""
        least, most = self.contexts
        powers = [1 << n for n in range(ceil(log2(least)), int(log2(most)) + 1)]
        return tuple((p, tokens(p)) for p in powers or (least, most))

    @property
    def height_ticks(self) -> tuple[tuple[float, str], ...]:
        """Four to nine round numbers of GiB from 0 to the top."""
        step = _step(self.top)
        count = round(self.top / step)
        return tuple((i * step, f"{i * step:g}") for i in range(count + 1))


def _step(highest: float) -> float:
    """A round number that goes into `highest` at most eight times."""
    size = 10.0 ** (len(str(int(highest))) - 2)
    return next(s * size for s in (*_STEPS, 20, 50, 100) if highest <= 8 * s * size)


def gibs(sizes: Sequence[tuple[int, int]]) -> tuple[tuple[int, float], ...]:
    """Contexts and bytes as contexts and GiB."""
    return tuple((context, size / GIB) for context, size in sizes)
