"""A table before it is drawn: headings, cells with a mood, and which columns may be left out."""

from typing import Any, Final, Literal

import msgspec

from fitcheck.units import GIB, gib

Object = dict[str, Any]  # a line of machine output, by the contract's names
Mood = Literal["", "good", "fair", "bad", "faint", "bold"]
_CODES: Final[dict[Mood, str]] = {
    "good": "32",
    "fair": "33",
    "bad": "31",
    "faint": "2",
    "bold": "1",
}


class Cell(msgspec.Struct, frozen=True):
    """Text and how it is meant; `mood` becomes a colour where there are colours."""

    text: str
    mood: Mood = ""


class Column(msgspec.Struct, frozen=True):
    """A heading; numbers stand `right`. Columns with a `rank` go first where room is short."""

    heading: str
    align: Literal["left", "right"] = "left"
    rank: int | None = None


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Rows under columns, with lines of text above and below, and the tables that follow."""

    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    then: "tuple[Grid, ...]" = ()


def painted(cell: Cell) -> str:
    """The cell with its colour's codes around it."""
    return f"\x1b[{_CODES[cell.mood]}m{cell.text}\x1b[0m" if cell.mood else cell.text


def tokens(count: int | None) -> str:
    """`4k`, `128k`, `1M`: whole thousands of 1024, rounded down so that nothing is promised."""
    if count is None:
        return "-"
    if count >= 1 << 20:
        return f"{count / (1 << 20):.0f}M" if count % (1 << 20) == 0 else f"{count >> 10}k"
    return f"{count >> 10}k" if count >= 1024 else str(count)


def parameters(count: int | None) -> str:
    """`6.7B`, `117M`: as people say a model's size."""
    if count is None:
        return "?"
    return f"{count / 1e9:.1f}B" if count >= 1e9 else f"{count / 1e6:.0f}M"


def size(count: int) -> str:
    """`11.2 GiB`; `310 MiB`, `64 KiB` or `12 B` for what a decimal of a GiB would hide."""
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if unit <= count < GIB:
            return f"{count / unit:.0f} {name}"
    return f"{gib(count)} GiB" if count >= GIB else f"{count} B"
