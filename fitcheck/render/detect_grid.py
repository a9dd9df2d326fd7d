"""The table of `detect`: what this machine has, and what could not be seen of it."""

from collections.abc import Sequence

from fitcheck.machine import Card, Machine
from fitcheck.render.grid import Cell, Column, Grid, size


def grid(machine: Machine, more: Sequence[str] = ()) -> Grid:
    """A row for each card; RAM, driver and what was not seen below, then `more`."""
    columns = (
        Column("CARD"),
        Column("TOTAL", "right"),
        Column("RESERVED", "right", rank=0),
        Column("IN USE", "right", rank=1),
        Column("USABLE", "right"),
        Column("COMPUTE", "right", rank=2),
    )
    return Grid(
        columns=columns,
        rows=tuple(_row(card) for card in machine.cards),
        below=("", *_below(machine), *(("", *more) if more else ())),
    )


def _row(card: Card) -> tuple[Cell, ...]:
    index = "" if card.index is None else f"{card.index}: "
    return (
        Cell(f"{index}{card.name}"),
        Cell(size(card.total)),
        Cell(_known(card.reserved)),
        Cell(_known(card.used)),
        Cell(size(card.available), "good"),
        Cell(f"{card.compute_capability:.1f}" if card.compute_capability else "?"),
    )


def _known(count: int | None) -> str:
    return "?" if count is None else size(count)


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
