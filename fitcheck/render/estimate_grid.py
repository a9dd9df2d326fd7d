"""The table of `estimate`: components of memory, a column for each scheme."""

from typing import Final

from fitcheck.answers.estimate import Estimate
from fitcheck.engines.base import Component
from fitcheck.render.grid import Cell, Column, Grid, parameters, size

_LABELS: Final[dict[Component, str]] = {
    "weights": "weights",
    "kv_cache": "KV cache",
    "recurrent_state": "recurrent state",
    "activations": "activations",
    "overhead": "overhead",
}


def grid(found: tuple[Estimate, ...]) -> Grid:
    """Rows are components, then the sum, its range, and what is apart from it."""
    rows = [
        (Cell(label), *(Cell(size(e.memory.component(name))) for e in found))
        for name, label in _LABELS.items()
        if any(e.memory.component(name) for e in found)
    ]
    rows.append(
        (Cell("expected", "bold"), *(Cell(size(e.memory.total.expected), "bold") for e in found))
    )
    rows.append((Cell("range"), *(Cell(_range(e)) for e in found)))
    if any(e.memory.component("host") for e in found):
        rows.append((Cell("in RAM"), *(Cell(size(e.memory.component("host"))) for e in found)))
    rows.append((Cell("on disk"), *(Cell(size(e.file_bytes)) for e in found)))
    return Grid(
        columns=(Column(""), *(Column(f"{e.engine} {e.scheme.word}", "right") for e in found)),
        rows=tuple(rows),
        above=(_title(found[0]),),
        below=tuple(dict.fromkeys(note for e in found for note in e.notes)),
    )


def _range(e: Estimate) -> str:
    total = e.memory.total
    return f"{size(total.low).removesuffix(' GiB')} to {size(total.high)}"


def _title(e: Estimate) -> str:
    count = parameters(e.subject.model.parameters if e.subject.model else None)
    w = e.workload
    return f"{e.subject.name}, {count} parameters, context {w.context}, batch {w.batch}"
