"""Which cards a CUDA program may use, by CUDA_VISIBLE_DEVICES.

CUDA C++ Programming Guide 13.0, "CUDA Environment Variables", 2025: a list of indices or of UUIDs
(also shortened, while they are unique), of MIG instances too; what stands after an entry that names
no card is invisible; an empty list hides them all.
"""

from collections.abc import Sequence

from fitcheck.detect.reading import Seen, whole


def visible(cards: Sequence[Seen], wanted: str | None) -> tuple[Seen, ...]:
    """The cards that the variable names, in its order; all of them where it is not set."""
    if wanted is None:
        return tuple(cards)
    found: list[Seen] = []
    for word in wanted.split(","):
        named = _named(cards, word.strip())
        if not named or named[0] in found:
            break
        found.extend(named)
    return tuple(found)


def _named(cards: Sequence[Seen], word: str) -> list[Seen]:
    """The card of that index (a cut one gives a program its first instance) or UUID."""
    index = whole(word)
    if index is not None:
        return [card for card in cards if card.index == index][:1]
    if not word.startswith(("GPU-", "MIG-")):
        return []
    named = [card for card in cards if card.uuid.startswith(word)]
    return named if len(named) == 1 else []


def order_is_unsure(cards: Sequence[Seen], wanted: str | None, order: str | None) -> bool:
    """Whether an index may mean another card: CUDA counts the fastest first unless told not to."""
    differ = len({card.name for card in cards}) > 1
    by_index = any(whole(word) is not None for word in (wanted or "").split(","))
    return differ and by_index and order != "PCI_BUS_ID"
