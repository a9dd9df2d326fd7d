"""What a table needs of each model at the usual workload, known from the run before.

The memory that a model takes does not depend on the card, so of the thousand cells of a table most
are decided by four numbers that were worked out once: the model fits to its own limit, or not even
with the shortest context. Only between these is the engine asked again. The numbers are the
engine's own totals, kept under a key of all code and data that they follow from (fitcheck/kept.py).
"""

from functools import cache
from typing import Final

import msgspec

from fitcheck.answers.asked import Ask
from fitcheck.engines.base import Engine, Loaded, LooksAtCards, Workload
from fitcheck.fit import SHORTEST_CONTEXT, Fit
from fitcheck.machine import Machine
from fitcheck.resolve import Subject
from fitcheck.units import Bytes


class Totals(msgspec.Struct, frozen=True, array_like=True):
    """On one card: expected and high at the usual context, and what decides beyond it."""

    expected: Bytes
    high: Bytes
    shortest_expected: Bytes
    limit_high: Bytes
    limit: int


# Beyond so many answers, of some thirty cards, they are begun anew.
MOST_SEARCHED: Final = 10_000


class Known(msgspec.Struct):
    """Totals by model, engine and scheme; and on a card with so much memory, what was found there.

    It is filled while a table is made: `fresh` says that there is something new in it.
    """

    totals: dict[str, Totals] = msgspec.field(default_factory=dict)
    searched: dict[str, Fit] = msgspec.field(default_factory=dict)
    fresh: bool = False

    def learn(self, place: str, found: Totals) -> Totals:
        """Keep totals."""
        self.totals[place], self.fresh = found, True
        return found

    def answer(self, searched: str, found: Fit) -> None:
        """Keep what a search found."""
        if len(self.searched) >= MOST_SEARCHED:
            self.searched.clear()
        self.searched[searched], self.fresh = found, True


def key(subject: Subject, engine: str, scheme: str) -> str:
    """Where the totals of a catalog's model are kept."""
    return f"{subject.id} {engine} {scheme}"


def is_usual(ask: Ask, machine: Machine) -> bool:
    """Whether the question is the one that totals are kept for: no option said, one card."""
    plain = msgspec.structs.replace(ask, engine=None, precisions=()) == Ask()
    return plain and len(machine.cards) == 1


def is_kept(subject: Subject, engine: Engine) -> bool:
    """Whether totals of it are kept: a model of the catalog, an engine to which cards are alike."""
    return subject.entry is not None and not _looks_at_cards(type(engine))


@cache
def _looks_at_cards(kind: type[Engine]) -> bool:
    return issubclass(kind, LooksAtCards)


def totals(loaded: Loaded, workload: Workload, usable: Bytes) -> Totals:
    """The four numbers, asked of the engine."""

    def at(context: int) -> tuple[Bytes, Bytes]:
        asked = msgspec.structs.replace(workload, context=context, prompt=context)
        (total,) = loaded.totals(asked, (usable,))
        return total.expected, total.high

    context = workload.context
    limit = max(loaded.model.context_length or context, context)
    expected, high = at(context)
    shortest, _ = at(min(SHORTEST_CONTEXT, context))
    _, longest = at(limit)
    return Totals(expected, high, shortest, longest, limit)


def decided(all_known: Known, place: str, usable: Bytes) -> Fit | None:
    """The verdict, where the four numbers are enough for it."""
    known = all_known.totals[place]
    if known.limit_high <= usable and known.high <= usable:
        fits = Fit(verdict="fits", usable=usable, headroom=usable - known.expected, cards=1)
        return msgspec.structs.replace(fits, max_context=known.limit, max_context_sure=known.limit)
    if known.shortest_expected > usable and known.expected > usable:
        return Fit(verdict="no", usable=usable, headroom=usable - known.expected, cards=1)
    return None
