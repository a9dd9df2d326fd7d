"""The table of `detect`: what this machine has, and what could not be seen of it."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from fitcheck.machine import Card, Machine
from fitcheck.render.grid import Cell, Column, Grid, size


def grid(machine: Machine, more: Sequence[str] = ()) -> Grid:
    """A row for each card; RAM, driver and what was not seen below, then `more`.

    Columns of which nothing is known are left out, all of them where there is no card.
    """
    cards = machine.cards
    shown = [c for c in _COLUMNS if any(c.cell(one).text not in _NOTHING for one in cards)]
    return Grid(
        columns=tuple(c.column for c in shown),
        rows=tuple(tuple(c.cell(card) for c in shown) for card in machine.cards),
        below=("", *_below(machine), *(("", *more) if more else ())),
    )


def _name(card: Card) -> Cell:
    return Cell(card.name if card.index is None else f"{card.index}: {card.name}")


def _capability(card: Card) -> Cell:
    """NVIDIA's compute capability; cards of others have none."""
    if card.compute_capability:
        return Cell(f"{card.compute_capability:.1f}")
    return Cell("?" if card.vendor in ("", "nvidia") else "-")


def _known(count: int | None) -> Cell:
    return Cell("?" if count is None else size(count))


class _Shown(NamedTuple):
    """A column, and what stands in it of a card."""

    column: Column
    cell: Callable[[Card], Cell]


_NOTHING: Final = ("?", "-")
_COLUMNS: Final = (
    _Shown(Column("CARD"), _name),
    _Shown(Column("TOTAL", "right"), lambda card: Cell(size(card.total))),
    _Shown(Column("RESERVED", "right", rank=0), lambda card: _known(card.reserved)),
    _Shown(Column("IN USE", "right", rank=1), lambda card: _known(card.used)),
    _Shown(Column("USABLE", "right"), lambda card: Cell(size(card.available), "good")),
    _Shown(Column("COMPUTE", "right", rank=2), _capability),
)


def _below(machine: Machine) -> list[str]:
    lines = []
    if machine.ram_total is not None:
        free = f", {size(machine.ram_available)} available" if machine.ram_available else ""
        lines.append(f"RAM {size(machine.ram_total)}{free}")
    if machine.link:
        lines.append(f"cards joined by {machine.link}")
    if machine.driver:
        lines.append(f"driver {machine.driver}")
    lines += [f"not seen by {u.asked}: {u.why}" for u in machine.unseen]
    lines += list(machine.notes)
    if not machine.cards:
        lines.append("no card here: ask about one with --gpu 3090, or about a size with --gpu 24GB")
    return lines
