"""Which cards a CUDA program may use, by CUDA_VISIBLE_DEVICES.

CUDA C++ Programming Guide 13.0, "CUDA Environment Variables", 2025: a list of indices or of UUIDs
(also shortened, while they are unique), of MIG instances too; what stands after an entry that names
no card is invisible; an empty list hides them all. How an index is read and that one card named
twice hides all of them is as PyTorch follows the driver (2.13.0, torch/cuda/__init__.py,
_parse_visible_devices).
"""

import re
from collections.abc import Sequence

from fitcheck.detect.reading import Seen


def visible(cards: Sequence[Seen], wanted: str | None) -> tuple[Seen, ...]:
    """The cards that the variable names, in its order; all of them where it is not set."""
    if wanted is None:
        return tuple(cards)
    found: list[Seen] = []
    for word in wanted.split(","):
        named = _named(cards, word.strip())
        if not named:
            break
        if named[0] in found:
            return ()
        found.extend(named)
    return tuple(found)


def _named(cards: Sequence[Seen], word: str) -> list[Seen]:
    """The card of that index (a cut one gives a program its first instance) or UUID."""
    index = _index(word)
    if index is not None:
        return [card for card in cards if card.index == index][:1]
    if not word.startswith(("GPU-", "MIG-")):
        return []
    old = re.fullmatch(r"MIG-(GPU-[0-9A-Fa-f-]+)/\d{1,3}/\d{1,3}", word)
    named = [card for card in cards if card.uuid.lower().startswith(word.lower())]
    if old and not named:  # drivers before R470 name an instance after its card
        return [c for c in cards if c.uuid.lower() == old[1].lower()][:1]
    return named if len(named) == 1 else []


def _index(word: str) -> int | None:
    """`1`, `+1`, and `1gpu` as strtoul reads them; None for anything that begins otherwise."""
    match = re.match(r"\+?(\d{1,6})", word, re.ASCII)
    return int(match[1]) if match else None


def order_is_unsure(cards: Sequence[Seen], wanted: str | None, order: str | None) -> bool:
    """Whether an index may mean another card: CUDA counts the fastest first unless told not to."""
    differ = len({card.name for card in cards}) > 1
    by_index = any(_index(word.strip()) is not None for word in (wanted or "").split(","))
    return differ and by_index and order != "PCI_BUS_ID"
