"""How far fitcheck is from what was measured: every row, table by table, worst first.

    python benchmarks/accuracy.py [--table NAME] [--worst N] [--all]

Reads the tables of tests/golden (each says beside it where its rows are from) and asks the engines
the same questions. Prints for each table how many rows it has, |error| (exact rows, median, 95th
percentile, worst), how many figures fall in the stated range and how wide that is, how often
"fits" is contradicted by a figure on any card that fitcheck knows, and how many "no" are wrong;
then the targets, how far off other programs are on the same runs, rows that were set aside and why,
and the worst rows. NAME is a part of a table's name or one of those that --help lists.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ("measured", "engines/llama_cpp", "engines/transformers")
sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / part) for part in TESTS)]

from accuracy_others import print_others  # noqa: E402 (the path is set above)
from measured import TABLES  # noqa: E402
from measured_rows import Figure  # noqa: E402
from measured_summary import Summary, summaries, summary  # noqa: E402
from measured_targets import TARGETS  # noqa: E402
from tabulate import tabulate  # noqa: E402

HEADERS = (
    "table", "rows", "exact", "median", "95 %", "worst", "in range", "width", "false fits",
    "false no", "aside",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Work out every row and print what was asked for."""
    asked = _parser().parse_args(argv)
    figures = chosen(asked.table)
    if not figures:
        sys.exit(f"no table is called {asked.table!r}: {', '.join(TABLES)}, or part of a name")
    print_summaries(summaries(figures), summary("all of them", figures))
    if asked.table is None:
        print_targets(figures)
    print_others(figures)
    print_aside(figures)
    print_worst(figures, None if asked.all else asked.worst)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description="How far fitcheck is from what was measured.")
    made.add_argument("--table", metavar="NAME", help=f"{', '.join(TABLES)}, or part of a name")
    made.add_argument("--worst", type=int, default=10, metavar="N", help="rows a table (10)")
    made.add_argument("--all", action="store_true", help="every row that is not exact")
    return made


def chosen(name: str | None) -> list[Figure]:
    """The figures of a group of tables, of those with a name like that, or all."""
    if name in TABLES:
        return list(TABLES[name]())
    figures = [figure for table in TABLES.values() for figure in table()]
    return [f for f in figures if name is None or name.lower() in f.table.lower()]


def print_summaries(found: Sequence[Summary], together: Summary) -> None:
    """A line for each table, and one for them all."""
    lines = [_line(each) for each in (*found, together)]
    print(tabulate(lines, HEADERS, disable_numparse=True, colalign=("left",) + ("right",) * 10))


def _line(found: Summary) -> tuple[str, ...]:
    ranged = bool(found.widths)
    errors = (found.median, found.high, found.errors[-1]) if found.rows else ()
    return (
        found.table,
        str(found.rows),
        f"{found.exact:.1%}" if found.rows else "",
        *(f"{error:.2%}" for error in errors or ()),
        *([""] * (3 - len(errors))),
        f"{found.inside_share:.1%}" if ranged else "",
        f"{found.width:.1%}" if ranged else "",
        str(found.contradicted) if ranged else "",
        f"{found.false_no_share:.2%}" if ranged else "",
        str(found.aside or ""),
    )


def print_targets(figures: Sequence[Figure]) -> None:
    """What was aimed at, what came of it."""
    lines = []
    for target in TARGETS:
        found = target.found(figures)
        lines.append((target.name, target.wanted, target.form(found), target.verdict(found)))
    print("\n" + tabulate(lines, ("target", "wanted", "found", ""), disable_numparse=True))


def print_aside(figures: Sequence[Figure]) -> None:
    """Rows that prove nothing, by the reason."""
    reasons = Counter((f.table, f.aside) for f in figures if f.aside)
    if reasons:
        print("\nSet aside:")
    for (table, reason), count in sorted(reasons.items()):
        print(f"  {count:>4}  {table}: {reason}")


def print_worst(figures: Sequence[Figure], limit: int | None) -> None:
    """Rows that are not exact, the worst first, so many of each table."""
    listed: Counter[str] = Counter()
    print("\nWorst first (error, outside of the range !, row, note):")
    for figure in sorted(figures, key=lambda f: -abs(f.error)):
        listed[figure.table] += 1
        if figure.aside or not figure.error or (limit is not None and listed[figure.table] > limit):
            continue
        mark = "!" if figure.inside is False else " "
        note = f"  ({figure.note})" if figure.note else ""
        print(f"  {figure.error:>+8.2%} {mark} {figure.table}: {figure.name}{note}")


if __name__ == "__main__":
    main()
