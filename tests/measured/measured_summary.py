"""What the errors of many figures come to, table by table."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache

import msgspec
from measured_rows import Figure

from fitcheck.cards import catalog_cards


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One table's rows: how far off, how often inside the range, how often a verdict was wrong.

    `errors` and `widths` are sorted; widths are of stated ranges, relative to what is expected.
    `noes` counts pairs of a row and a card of which we say no, `false_noes` those that do go.
    """

    table: str
    errors: tuple[float, ...]
    widths: tuple[float, ...]
    inside: int
    contradicted: int
    noes: int
    false_noes: int
    aside: int

    @property
    def rows(self) -> int:
        """Those that count."""
        return len(self.errors)

    @property
    def median(self) -> float:
        """The middle |error|."""
        return quantile(self.errors, 0.5)

    @property
    def high(self) -> float:
        """The |error| that 19 of 20 rows do not exceed."""
        return quantile(self.errors, 0.95)

    @property
    def exact(self) -> float:
        """The share that is right to the byte, or to what was printed."""
        return self.share(lambda error: error == 0)

    @property
    def inside_share(self) -> float:
        """Of the rows with a stated range, those in it."""
        return self.inside / len(self.widths) if self.widths else 1.0

    @property
    def width(self) -> float:
        """The middle width of a range, against what is expected."""
        return quantile(self.widths, 0.5)

    @property
    def false_no_share(self) -> float:
        """Of all times that we say no, those that are wrong."""
        return self.false_noes / self.noes if self.noes else 0.0

    def share(self, holds: Callable[[float], bool]) -> float:
        """The share of rows whose |error| is as asked."""
        return sum(map(holds, self.errors)) / self.rows if self.rows else 1.0


def quantile(values: Sequence[float], part: float) -> float:
    """Of sorted values, the one that so great a part does not exceed; 0 of none."""
    return values[min(len(values) - 1, int(part * len(values)))] if values else 0.0


@cache
def card_sizes() -> tuple[int, ...]:
    """What a program can allocate on each of the cards that fitcheck knows, the least first."""
    return tuple(sorted({card.visible for card in catalog_cards()}))


def summaries(figures: Iterable[Figure]) -> list[Summary]:
    """One for each table, in the order in which they come."""
    tables: dict[str, list[Figure]] = {}
    for figure in figures:
        tables.setdefault(figure.table, []).append(figure)
    return [summary(name, found) for name, found in tables.items()]


def summary(table: str, figures: Sequence[Figure]) -> Summary:
    """Of rows that prove something; the others are counted."""
    counted = [f for f in figures if not f.aside]
    ranged = [f for f in counted if f.total is not None]
    verdicts = [_noes(f) for f in ranged]
    return Summary(
        table=table,
        errors=tuple(sorted(abs(f.error) for f in counted)),
        widths=tuple(sorted(f.width for f in ranged)),
        inside=sum(bool(f.inside) for f in ranged),
        contradicted=sum(f.contradicts(card_sizes()) is not None for f in ranged),
        noes=sum(said for said, _ in verdicts),
        false_noes=sum(wrong for _, wrong in verdicts),
        aside=len(figures) - len(counted),
    )


def _noes(figure: Figure) -> tuple[int, int]:
    """Cards of which we say no, and of these the ones on which the run goes."""
    if figure.total is None:
        return 0, 0
    said = [u * figure.cards for u in card_sizes() if figure.total.expected > u * figure.cards]
    return len(said), sum(figure.takes <= size for size in said)
