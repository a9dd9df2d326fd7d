"""What a card must be able to do for an engine, scheme by scheme: how each engine's table is read.

Every engine has its own table in its `capabilities.py`. All rows that name a scheme hold. What is
not known of a card (a size alone has no compute capability) refuses nothing, but is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from fitcheck.machine import Card
from fitcheck.quantization import SCHEMES, Scheme

# Of any vendor that sells cards, but for those named.
_VENDORS: Final[Mapping[str, str]] = {
    "nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel", "apple": "Apple", "huawei": "Huawei",
    "google": "Google",
}  # fmt: skip


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A row of an engine's table: what these schemes ask of a card.

    `schemes` are names or patterns (`gptq-*`). `least` is the least compute capability, which only
    NVIDIA's cards have, and `below` what theirs must be less than; `vendors` those whose cards do,
    empty for all; `but` architectures of theirs that do not. `cards` is the most that a model may
    be divided over; `one_maker` that all of them must be of one vendor. `instead` are schemes, or
    engines, that may work where this one does not, the nearest first.
    """

    schemes: tuple[str, ...]
    source: str
    least: float | None = None
    below: float | None = None
    vendors: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    cards: int | None = None
    one_maker: bool = False
    instead: tuple[str, ...] = ()

    def covers(self, scheme: Scheme) -> bool:
        """Whether the row is about that scheme."""
        return any(fnmatchcase(scheme.name, pattern) for pattern in self.schemes)

    def lacks(self, card: Card) -> str:
        """What the card does not have of it; empty where it has all, or where that is not known."""
        if self.vendors and card.vendor and card.vendor not in self.vendors:
            names = " and ".join(_VENDORS.get(v, v) for v in self.vendors)
            return f"runs on cards of {names}, {card.name} is none"
        has = card.compute_capability
        if self.least is not None and has is not None and has < self.least:
            return f"needs compute capability {self.least}, {card.name} has {has}"
        if self.below is not None and has is not None and has >= self.below:
            return f"needs a compute capability below {self.below}, {card.name} has {has}"
        if any(card.architecture.startswith(one) for one in self.but):
            return f"does not run on {card.architecture} ({card.name})"
        return ""


def refusals(
    rules: Sequence[Rule], engine: str, scheme: Scheme, card: Card, cards: int = 1
) -> tuple[str, ...]:
    """Why the card cannot run the scheme there at all, each with what could run instead."""
    return tuple(_refusals(rules, engine, scheme, card, cards))


def _refusals(
    rules: Sequence[Rule], engine: str, scheme: Scheme, card: Card, cards: int
) -> Iterator[str]:
    for rule in (r for r in rules if r.covers(scheme)):
        what = engine if "*" in rule.schemes else f"{scheme.name} in {engine}"
        lacks = rule.lacks(card)
        if not lacks and rule.cards is not None and cards > rule.cards:
            lacks = f"runs on {rule.cards} card{'s' * (rule.cards > 1)} at most"
        if lacks:
            other = next((s for s in rule.instead if _works(rules, s, card, cards)), "")
            rather = f"; {other} runs there" if other else ""
            yield f"{what} {lacks} ({rule.source}){rather}"


def _works(rules: Sequence[Rule], name: str, card: Card, cards: int) -> bool:
    """Whether a scheme, or another engine, is free of what refuses the first."""
    scheme = SCHEMES.get(name)
    if scheme is None:
        return _starts(name, card)
    return not refusals(rules, "", scheme, card, cards)


def _starts(engine: str, card: Card) -> bool:
    """Whether that other engine runs anything on the card."""
    from fitcheck.engines import ENGINES

    return not any(r.lacks(card) for r in ENGINES[engine].rules if "*" in r.schemes)


def of_one_maker(
    rules: Sequence[Rule], engine: str, cards: Sequence[Card]
) -> tuple[tuple[Card, ...], str]:
    """Those of the maker of most memory, where the engine uses one maker's; what is left out."""
    rule = next((r for r in rules if r.one_maker), None)
    room: dict[str, int] = {}
    for card in cards:
        if card.vendor:
            room[card.vendor] = room.get(card.vendor, 0) + card.available
    if rule is None or len(room) <= 1:
        return tuple(cards), ""
    most = max(room, key=room.__getitem__)
    kept = tuple(card for card in cards if card.vendor in ("", most))
    left = ", ".join(dict.fromkeys(card.name for card in cards if card not in kept))
    return kept, f"{engine} uses cards of one maker, so not the {left} ({rule.source})"


def unknown(rules: Sequence[Rule], scheme: Scheme, card: Card) -> str:
    """What would have to be known of the card; empty where all is."""
    least = least_capability(rules, scheme)
    if least is None or card.compute_capability is not None or card.vendor not in ("", "nvidia"):
        return ""
    return f"{scheme.name} needs compute capability {least}; that of {card.name} is not known"


def least_capability(rules: Sequence[Rule], scheme: Scheme) -> float | None:
    """The least compute capability that the scheme runs on there; None if any."""
    found = [r.least for r in rules if r.least is not None and r.covers(scheme)]
    return max(found, default=None)
