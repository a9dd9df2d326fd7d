"""A machine that a person describes in a few lines of YAML."""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from fitcheck.cards import summary, typed
from fitcheck.catalog import record, text
from fitcheck.errors import BadFile, BadInput, FitcheckError, Problem
from fitcheck.machine import SYSTEM_RAM, Card, Machine
from fitcheck.units import Bytes, gib, parse_size

_BEGINS: Final = re.compile(r"(?m)^cards\s*:")


class ProfileCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some equal cards: by a name as --gpu takes it, by their memory, or by both."""

    name: str | None = None
    memory: str | None = None
    count: int = 1
    in_use: str | None = None


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: cards, what programs hold of each, RAM, and how the cards are joined."""

    cards: tuple[ProfileCard, ...]
    name: str | None = None
    ram: str | None = None
    link: str | None = None


def is_one(content: str) -> bool:
    """Whether that is meant as a profile: it has `cards:` at the beginning of a line."""
    return _BEGINS.search(content) is not None


def read(content: str, file: str) -> Machine:
    """The machine of a profile. Raises BadFile with every fault and its line."""
    value = _spelled_out(text.read(content, file))
    found = record.faults(value, Profile, "")
    if not found:
        profile = record.convert(value, Profile)
        found = list(_faults(profile))
        if not found:
            return _machine(profile)
    raise BadFile([Problem(file, text.line_of(content, path), path, said) for path, said in found])


def _spelled_out(value: Any) -> Any:  # noqa: ANN401  (a YAML document may be anything)
    """`cards: 3090` and `- 3090` are short for `- name: 3090`."""
    listed = value.get("cards") if isinstance(value, dict) else None
    if isinstance(listed, str | int):
        listed = [listed]
    if not isinstance(listed, list):
        return value
    cards = [{"name": str(c)} if isinstance(c, str | int) else c for c in listed]
    return {**value, "cards": cards}


def _faults(profile: Profile) -> Iterator[tuple[str, str]]:
    if not profile.cards:
        yield "cards", "names no card"
    if profile.ram is not None and not parse_size(profile.ram):
        yield "ram", f"'{profile.ram}' is no amount of memory (64GB)"
    for place, card in enumerate(profile.cards):
        unread = [
            (key, size)
            for key in ("memory", "in_use")
            if (size := getattr(card, key)) is not None and parse_size(size) is None
        ]
        for key, size in unread:
            yield f"cards[{place}].{key}", f"'{size}' is no amount of memory (24GB, 800MiB)"
        if unread:
            continue
        if not 1 <= card.count <= typed.MOST_CARDS:
            yield f"cards[{place}].count", f"is 1 to {typed.MOST_CARDS}"
        if fault := _fault(card):
            yield f"cards[{place}]", fault


def _fault(card: ProfileCard) -> str:
    """What is wrong with the card's name; empty if nothing is."""
    try:
        _cards(card)
    except FitcheckError as fault:
        return f"cannot be read: {fault}"
    return ""


def _machine(profile: Profile) -> Machine:
    of_each = [_cards(card) for card in profile.cards]
    cards = [card for m in of_each for card in m.cards]
    ram = parse_size(profile.ram) if profile.ram else None
    placed = (msgspec.structs.replace(card, index=n) for n, card in enumerate(cards))
    return Machine(
        name=profile.name or summary(cards),
        cards=tuple(placed),
        ram_total=ram,
        ram_available=None if ram is None else Bytes(max(ram - SYSTEM_RAM, 0)),
        notes=tuple(dict.fromkeys(note for m in of_each for note in m.notes)),
        link=profile.link,
    )


def _cards(card: ProfileCard) -> Machine:
    """What an entry says. Raises UnknownName, BadInput."""
    if card.name is None and card.memory is None:
        raise BadInput("it has neither a name nor a memory")
    found = _named(card) if card.memory is None else _sized(card, card.memory)
    used = parse_size(card.in_use) if card.in_use else None
    if used is not None and any(used > c.visible for c in found.cards):
        raise BadInput(f"{card.in_use} are in use of {gib(found.cards[0].visible)} GiB")
    cards = tuple(msgspec.structs.replace(c, used=used) for c in found.cards) * card.count
    return msgspec.structs.replace(found, cards=cards)


def _named(card: ProfileCard) -> Machine:
    return typed.machine([card.name or ""], _nobody_here)


def _sized(card: ProfileCard, memory: str) -> Machine:
    """Of that memory; a name beside it says the rest."""
    if card.name is None:
        return typed.machine([memory], _nobody_here)
    from fitcheck.cards import seen
    from fitcheck.detect import Reading, Seen

    kind = _kind(card.name)
    shown = Seen(name=kind.name, vendor=kind.vendor, total=parse_size(memory))
    return seen.machine([Reading(asked="the profile", cards=(shown,))], "", detected=False)


def _kind(name: str) -> Card:
    """A card of that name, whatever its memory."""
    from fitcheck.cards import names

    rows = names.find(name)
    if not rows:
        raise names.unknown(name)
    return Card(id=rows[0].id, name=rows[0].name, vendor=rows[0].vendor, total=Bytes(0))


def _nobody_here() -> Machine:
    raise BadInput("a profile names its cards; `detected` and indices are of this machine")
