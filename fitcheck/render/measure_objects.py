"""`fitcheck.measure/1`: an estimate and what was measured, as plain objects."""

from fitcheck.answers.measure import MeasureAnswer
from fitcheck.render.grid import Object
from fitcheck.render.objects import subject


def answer(a: MeasureAnswer) -> Object:
    """The whole answer; sizes in bytes, errors as shares of what was measured."""
    row, reading = a.row, a.row.reading
    return {
        "schema": "fitcheck.measure/1",
        "model": subject(a.estimate.subject),
        "engine": row.engine,
        "quantization": row.scheme,
        "workload": dict(row.workload),
        "how": reading.how,
        "when": row.when,
        "machine": {
            "card": reading.machine.card or None,
            "architecture": reading.machine.architecture or None,
            "driver": reading.machine.driver or None,
            "total": reading.machine.total,
        },
        "versions": dict(reading.versions),
        "memory": {line.pop("component"): line for line in lines(a)},
        "figure": row.figure,
        "runs": list(row.runs),
        "allocated": reading.parts.allocated,
        "reserved": reading.parts.reserved,
        "process": reading.process,
        "inside": a.inside,
        "ran_out": reading.ran_out or None,
        "notes": list(a.notes),
    }


def lines(a: MeasureAnswer) -> list[Object]:
    """A row for each component, and the sum with its range."""
    found: list[Object] = [
        {
            "component": line.name,
            "estimated": line.estimated,
            "measured": line.measured,
            "error": _rounded(line.error),
        }
        for line in a.lines
    ]
    total = {
        "component": "total",
        "low": a.total.low,
        "estimated": a.total.expected,
        "high": a.total.high,
        "measured": a.figure,
        "error": _rounded(a.error),
    }
    return [*found, total]


def _rounded(error: float | None) -> float | None:
    return None if error is None else round(error, 4)
