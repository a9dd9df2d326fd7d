"""The objects of `sweep`: every component at every context."""

from collections.abc import Iterator

from fitcheck.answers.sweep import Point, Series, SweepAnswer
from fitcheck.render.grid import Object
from fitcheck.render.objects import machine, memory, subject


def sweep(answer: SweepAnswer) -> Object:
    """`fitcheck.sweep/1`."""
    return {
        "schema": "fitcheck.sweep/1",
        "model": subject(answer.subject),
        "machines": [machine(m) for m in answer.machines],
        "contexts": list(answer.contexts),
        "series": [_series(s) for s in answer.series],
    }


def _series(s: Series) -> Object:
    return {
        **_named(s),
        "usable": s.usable,
        "max_context": s.max_context,
        "max_context_sure": s.max_context_sure,
        "points": [_point(p) for p in s.points],
    }


def _named(s: Series) -> Object:
    return {
        "machine": s.machine.name if s.machine else None,
        "engine": s.engine,
        "quantization": s.scheme.word,
    }


def _point(p: Point) -> Object:
    return {"context": p.context, "memory": memory(p.memory), "verdict": p.verdict}


def rows(answer: SweepAnswer) -> list[Object]:
    """A row for each point, a column for each component."""
    return list(_rows(answer))


def _rows(answer: SweepAnswer) -> Iterator[Object]:
    for s in answer.series:
        for p in s.points:
            yield {"model": answer.subject.id, **_named(s), **_point(p)}
