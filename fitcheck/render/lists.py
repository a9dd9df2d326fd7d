"""The tables that list what there is: models, schemes, engines, cards."""

from collections.abc import Iterable

from fitcheck.engines.base import Engine
from fitcheck.machine import Card
from fitcheck.quantization import Scheme
from fitcheck.render.grid import Cell, Column, Grid, parameters, size, tokens
from fitcheck.render.objects import Object
from fitcheck.resolve import Subject


def models(subjects: Iterable[Subject]) -> Grid:
    """Ids first: they are what is typed next."""
    columns = (
        Column("MODEL"),
        Column("NAME", rank=1),
        Column("BY", rank=2),
        Column("PARAMS", "right"),
        Column("CONTEXT", "right"),
        Column("RELEASED"),
        Column("LANGUAGES", rank=0),
        Column("LICENCE"),
    )
    return Grid(columns=columns, rows=tuple(_model(s) for s in subjects))


def _model(s: Subject) -> tuple[Cell, ...]:
    entry, model = s.entry, s.model
    count = (entry.parameters if entry else None) or (model.parameters if model else None)
    languages = ", ".join(entry.languages[:4]) if entry else ""
    more = f" +{len(entry.languages) - 4}" if entry and len(entry.languages) > 4 else ""
    return (
        Cell(s.id),
        Cell(s.name),
        Cell(entry.organisation if entry else ""),
        Cell(parameters(count)),
        Cell(tokens(model.context_length if model else None)),
        Cell((entry.released if entry else None) or ""),
        Cell(languages + more),
        Cell((entry.licence if entry else None) or ""),
    )


def schemes(found: Iterable[Scheme]) -> Grid:
    """Nominal and true bits, who runs it, what card it needs, what it costs."""
    columns = (
        Column("SCHEME"),
        Column("BITS", "right"),
        Column("ENGINES"),
        Column("NEEDS", rank=1),
        Column("WHAT IT COSTS", rank=0),
    )
    rows = tuple(
        (
            Cell(s.name),
            Cell(f"{s.bits_per_weight:.2f}" if s.bits_per_weight else "?"),
            Cell(", ".join(s.engines)),
            Cell(_needs(s)),
            Cell(s.quality),
        )
        for s in found
    )
    return Grid(columns=columns, rows=rows)


def _needs(s: Scheme) -> str:
    least = f"cc {s.compute_capability}" if s.compute_capability else ""
    return ", ".join(part for part in (least, f"{s.needs} units" if s.needs else "") if part)


def engines(found: Iterable[Engine]) -> Grid:
    """Each engine with what it takes when nothing is said."""
    columns = (Column("ENGINE"), Column("WHAT IT IS"), Column("DEFAULTS", rank=0))
    return Grid(
        columns=columns, rows=tuple((Cell(e.name), Cell(e.title), Cell(e.defaults)) for e in found)
    )


def cards(found: Iterable[Card]) -> Grid:
    """What is typed, what it is called, and what a program can use of it."""
    columns = (
        Column("CARD"),
        Column("NAME", rank=0),
        Column("TOTAL", "right"),
        Column("USABLE", "right"),
        Column("GB/S", "right", rank=2),
        Column("COMPUTE", "right", rank=1),
    )
    rows = tuple(
        (
            Cell(c.id),
            Cell(c.name),
            Cell(size(c.total)),
            Cell(size(c.available)),
            Cell(f"{c.bandwidth:.0f}" if c.bandwidth else "?"),
            Cell(f"{c.compute_capability:.1f}" if c.compute_capability else ""),
        )
        for c in found
    )
    return Grid(columns=columns, rows=rows)


def of_objects(rows: Iterable[Object], columns: dict[str, str]) -> Grid:
    """Objects as rows: `columns` maps keys to headings."""
    return Grid(
        columns=tuple(Column(heading) for heading in columns.values()),
        rows=tuple(
            tuple(Cell("" if row.get(k) is None else str(row[k])) for k in columns) for row in rows
        ),
    )
