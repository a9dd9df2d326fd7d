"""The tables that list what there is: models, schemes, engines, cards."""

from collections.abc import Iterable, Iterator

from fitcheck.answers.local import Stored
from fitcheck.engines.base import Engine
from fitcheck.errors import printable
from fitcheck.machine import Card
from fitcheck.quantization import Scheme
from fitcheck.render.grid import Cell, Column, Grid, Object, parameters, size, tokens
from fitcheck.render.list_objects import least_capabilities
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


def stored(found: Iterable[Stored]) -> Grid:
    """Names as their programs have them; name and path can both be asked about."""
    columns = (
        Column("MODEL"),
        Column("WHERE", rank=1),
        Column("FORMAT", rank=0),
        Column("STORED AS"),
        Column("SIZE", "right"),
        Column("PATH", rank=2),
    )
    rows = (
        (
            s.found.name,
            s.found.store,
            s.found.form or "",
            "unreadable" if s.why else s.quantization,
            size(s.found.size) if s.found.size is not None else "-",
            s.found.path,
        )
        for s in found
    )
    return Grid(columns=columns, rows=tuple(tuple(Cell(printable(c)) for c in r) for r in rows))


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
    below = ("fitcheck quants SCHEME: all about one, what it costs in quality too",)
    return Grid(columns=columns, rows=rows, below=below)


def _needs(s: Scheme) -> str:
    """Compute capability: `cc 8.9`, or by engine where they differ: `cc 9.0 in transformers`."""
    found = {name: least for name, least in least_capabilities(s, own=True).items() if least}
    if len(found) == len(s.engines) and len(set(found.values())) == 1:
        return f"cc {next(iter(found.values()))}"
    return ", ".join(f"cc {least} in {name}" for name, least in found.items())


def one_scheme(s: Scheme) -> str:
    """All that is known of one scheme, a line each: nothing is left out for want of width."""
    exact = s.bits_per_weight
    facts = {
        "title": s.title,
        "also called": ", ".join(s.aliases),
        "stands under": s.precision,
        "bits per weight": f"{exact:.4f}" if exact else "not known",
        "runs in": ", ".join(s.engines),
        "needs of a card": ", ".join(_wants(s)) or "nothing in particular",
        "what it costs": s.quality or "not known",
        "source": s.source,
    }
    return "\n".join((s.name, *(f"{k:<18}{v}" for k, v in facts.items() if v))) + "\n"


def _wants(s: Scheme) -> Iterator[str]:
    for engine, least in least_capabilities(s, own=True).items():
        if least:
            yield f"in {engine} compute capability {least} if NVIDIA's"


def engines(found: Iterable[Engine]) -> Grid:
    """Each engine with what it takes when nothing is said."""
    columns = (Column("ENGINE"), Column("WHAT IT IS"), Column("DEFAULTS", rank=0))
    return Grid(
        columns=columns, rows=tuple((Cell(e.name), Cell(e.title), Cell(e.defaults)) for e in found)
    )


def options(engine: Engine) -> Grid:
    """What is typed here, what the engine calls it, and what holds where nothing is said."""
    columns = (
        Column("OPTION"),
        Column(engine.name.upper()),
        Column("DEFAULT"),
        Column("MEANING", rank=1),
        Column("SOURCE", rank=0),
    )
    rows = (
        (o.flag, o.own or "-", o.default, o.meaning, o.source) for o in engine.options if o.typed
    )
    unseen = sum(not o.typed for o in engine.options)
    return Grid(
        columns=columns,
        rows=tuple(tuple(map(Cell, row)) for row in rows),
        below=("", f"{unseen} more can be set by programs (fitcheck.api): --json names them."),
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
