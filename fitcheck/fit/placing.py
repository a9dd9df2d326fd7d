"""A model on cards: which of them can run it, and which sets of them are tried."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from fitcheck.engines.base import (
    ChoosesCards,
    Engine,
    Memory,
    Rebalances,
    Workload,
    fewest_first,
    together,
)
from fitcheck.engines.capabilities import of_one_maker, refusals, unknown
from fitcheck.errors import BadInput
from fitcheck.fit.records import OnCard, Question
from fitcheck.machine import Card
from fitcheck.quantization import Scheme
from fitcheck.units import Bytes


def unsupported(scheme: Scheme, card: Card, engine: Engine, cards: int = 1) -> tuple[str, ...]:
    """Why the card cannot run the scheme there at all; empty if it can or if that is not known."""
    return refusals(engine.rules, engine.name, scheme, card, cards)


def capable(q: Question) -> tuple[tuple[Card, ...], tuple[str, ...]]:
    """The cards that can run the scheme, and why others cannot or what is not known of them."""
    scheme, engine, cards = q.loaded.scheme, q.engine, q.machine.cards
    refused = {card: unsupported(scheme, card, engine) for card in dict.fromkeys(cards)}
    whys = [why for found in refused.values() for why in found]
    whys += [why for card in refused if (why := unknown(engine.rules, scheme, card))]
    able = [card for card in cards if not refused[card]]
    kept, left_out = of_one_maker(engine.rules, engine.name, able)
    whys += [left_out] if left_out else []
    return kept, tuple(dict.fromkeys(whys))


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """A model on these cards: what each takes and what each offers."""

    cards: tuple[Card, ...]
    shares: tuple[Memory, ...]
    usable: tuple[Bytes, ...]
    memory: Memory

    @property
    def fits(self) -> bool:
        """Even the upper end of every card's range is within what the card offers."""
        return all(s.total.high <= u for s, u in zip(self.shares, self.usable, strict=True))

    @property
    def tight(self) -> bool:
        """Every card's expected memory is within what the card offers."""
        return all(s.total.expected <= u for s, u in zip(self.shares, self.usable, strict=True))


def place(q: Question, cards: Sequence[Card], workload: Workload) -> Placement:
    """The model on these cards. Raises BadInput where the engine cannot divide it so."""
    usable = tuple(q.engine.usable(card, workload) for card in cards)
    if whys := unsupported(q.loaded.scheme, cards[0], q.engine, len(cards)):
        raise BadInput(whys[0])
    shares = q.loaded.shares(workload, usable)
    if is_measured(q, cards, workload):
        shares = (msgspec.structs.replace(shares[0], total=q.measured),)
    if len(cards) == 1:
        memory = shares[0]
    elif len(set(usable)) == 1:
        memory = q.loaded.memory(workload, len(cards))
        said = tuple(dict.fromkeys((*memory.notes, *shares[0].notes)))
        memory = msgspec.structs.replace(memory, notes=said)
    else:
        memory = together(shares)
    return Placement(cards=tuple(cards), shares=shares, usable=usable, memory=memory)


def is_measured(q: Question, cards: Sequence[Card], workload: Workload) -> bool:
    """Whether that very workload was measured, on the one card that was asked about."""
    return q.measured is not None and len(cards) == 1 and workload == q.workload


class Placements(msgspec.Struct, frozen=True):
    """The model on as few cards as need be, on the most that it can be divided over, and on the
    sets that were tried beside these.
    """

    least: Placement
    most: Placement
    tried: tuple[Placement, ...]

    @property
    def each(self) -> tuple[Placement, ...]:
        """Every set once: the fewest that hold it first, then the most, which mostly hold most."""
        ends = (self.least,) if self.most is self.least else (self.least, self.most)
        return (*ends, *(p for p in self.tried if p is not self.least and p is not self.most))


def placements(q: Question) -> tuple[Placements | None, str]:
    """On the fewest cards that surely hold it, else on those that may, else on all.

    Why not, where it can be divided over no number of them: what was said of the most.
    """
    tried, why = [], ""
    try:
        for cards in _choices(q):
            try:
                tried.append(place(q, cards, q.workload))
            except BadInput as error:
                why = str(error)
    except BadInput as error:
        return None, str(error)
    best = [p for p in tried if p.fits] or [p for p in tried if p.tight] or tried[-1:]
    if not best:
        return None, why
    # Where layers go by the cards' memory, of cards that are alike more hold more: the ends do.
    alike = isinstance(q.loaded, Rebalances) and len(set(tried[-1].usable)) == 1
    return Placements(best[0], tried[-1], () if alike else tuple(tried)), why


# Dealing layers out costs a search for each card: beyond these the engine's own way is all there
# is.
MOST_TOLD: Final = 4


def can_be_told(q: Question, cards: Sequence[Card]) -> bool:
    """Whether layers can be told where to go on so many cards."""
    return 1 < len(cards) <= MOST_TOLD and isinstance(q.loaded, Rebalances)


def otherwise(q: Question, placed: Placements) -> tuple[Question, Placements, str] | None:
    """Layers told where to go, where all cards together hold what the engine's own way does not.

    The question with that in its workload, unless its own way may do, and what is typed for it.
    Proportions are only told where they surely fit, so what is solved for them is as strict.
    """
    p = placed.most
    room = sum(p.usable) - p.memory.total.expected
    if placed.least.fits or room < 0 or not can_be_told(q, p.cards):
        return None
    assert isinstance(q.loaded, Rebalances)
    found = q.loaded.rebalanced(q.workload, p.usable)
    if found is None:
        return None
    workload, how = found
    if placed.least.tight:
        return q, placed, f"{how} surely fits"
    told = place(q, p.cards, workload)
    said = f"{how}: the engine's own division is too much for a card"
    asked = msgspec.structs.replace(q, workload=workload, strict=True)
    return asked, Placements(told, told, (told,)), said


def _choices(q: Question) -> Iterable[tuple[Card, ...]]:
    """The engine's, else one card, two, three: the largest of them, in the machine's order."""
    if isinstance(q.engine, ChoosesCards):
        return q.engine.choices(q.machine, q.workload)
    return fewest_first(q.machine.cards)


def per_card(
    cards: Sequence[Card], usable: Sequence[Bytes], shares: Sequence[Memory]
) -> tuple[OnCard, ...]:
    """Each card's part, where there are several."""
    if len(cards) == 1:
        return ()
    found = zip(cards, usable, shares, strict=True)
    return tuple(OnCard(card.name, u, share) for card, u, share in found)
