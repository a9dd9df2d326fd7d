"""Other programs' answers (benchmarks/other_tools.csv) beside ours, over the runs they answered."""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "measured")]

from measured_rows import Figure  # noqa: E402 (the path is set above)
from measured_summary import quantile  # noqa: E402
from tabulate import tabulate  # noqa: E402

ANSWERS = HERE / "other_tools.csv"
HEADERS = (
    "the same runs", "runs", "median", "95 %", "too little by 10 %", "ours: median", "95 %",
    "too little by 10 %",
)  # fmt: skip


def print_others(figures: Sequence[Figure]) -> None:
    """A line for each program and group of tables: its errors, and ours over the same rows."""
    lines = [
        (
            f"{tool}: {group}",
            len(pairs),
            *_told([p[0] for p in pairs]),
            *_told([p[1] for p in pairs]),
        )
        for (tool, group), pairs in sorted(_pairs(figures).items())
    ]
    if lines:
        print("\n" + tabulate(lines, HEADERS, disable_numparse=True))


def _told(errors: list[float]) -> tuple[str, ...]:
    sizes = sorted(map(abs, errors))
    short = sum(error < -0.1 for error in errors) / len(errors)
    return (f"{quantile(sizes, 0.5):.1%}", f"{quantile(sizes, 0.95):.1%}", f"{short:.0%}")


def _pairs(figures: Sequence[Figure]) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """By program and group: its error and ours.

    A program need not say whether it counts the process: each is held to the meter's reading, or
    to that with what the process holds besides, whichever is nearer to its answer.
    """
    known = {(f.table, f.name): f for f in figures if f.asked is not None}
    found = defaultdict(list)
    for row in _rows():
        figure = known.get((row["table"], row["name"]))
        if figure is not None:
            told = [int(row[k]) for k in ("bytes", "or_bytes") if row[k]]
            read = {m + more for m in figure.measured for more in (0, max(figure.unseen, 0))}
            error = min((size / m - 1 for size in told for m in read), key=abs)
            found[f"{row['tool']} {row['version']}", _group(figure)].append((error, figure.error))
    return found


def _rows() -> Iterator[dict[str, str]]:
    with ANSWERS.open(newline="") as file:
        yield from csv.DictReader(file)


def _group(figure: Figure) -> str:
    if figure.table.startswith(("published", "unseen", "Qwen")):
        return f"{figure.engine}, published"
    return f"{figure.engine}, measured here"
