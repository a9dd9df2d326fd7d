"""A machine as it would be: with nothing else running on it, or with some of it kept for others."""

from msgspec import structs

from fitcheck.errors import BadInput
from fitcheck.machine import SYSTEM_RAM, Card, Machine
from fitcheck.units import Bytes, gib


def emptied(machine: Machine) -> Machine:
    """As if nothing else ran on its cards; a note says how much that is."""
    held = [(card, max(card.visible - card.available, 0)) for card in machine.cards]
    told = ", ".join(f"{gib(more)} GiB of {card.name}" for card, more in held if more)
    note = f"as if nothing else ran: {told} in use is not counted" if told else ""
    return structs.replace(
        machine,
        cards=tuple(map(_emptied, machine.cards)),
        notes=(*machine.notes, *([note] if note else [])),
        assumed_empty=True,
    )


def _emptied(card: Card) -> Card:
    """Idle; of memory that is the computer's too, the system keeps its part.

    Metal's working set leaves the system's part out already.
    """
    own = card.unified and card.vendor != "apple" and card.free is not None
    kept = (card.reserved or 0) + (SYSTEM_RAM if own else 0)
    kept = min(kept, card.total) if own else kept
    return structs.replace(card, used=None, free=None, reserved=Bytes(kept))


def keeping(machine: Machine, reserve: Bytes) -> Machine:
    """With so much of each card kept free for others. Raises BadInput where that is all of it."""
    small = next((card for card in machine.cards if card.visible <= reserve), None)
    if small is not None:
        raise BadInput(
            f"--reserve {gib(reserve)}GiB leaves nothing of {small.name}, "
            f"which has {gib(small.visible)} GiB"
        )
    cards = tuple(structs.replace(card, kept_free=reserve) for card in machine.cards)
    return structs.replace(machine, cards=cards, kept_free=reserve)
