"""Words for a machine -> Machine: what people type, what is in this one, what a file describes."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import structs

from fitcheck.errors import BadInput, NoCard, UnknownName
from fitcheck.machine import Card, Machine

if TYPE_CHECKING:
    from fitcheck.detect.reading import Reading

__all__ = [
    "LARGEST_CAPTURE", "catalog_cards", "decoded", "detected", "detection", "machine",
    "read_capture", "summary", "together",
]  # fmt: skip

# `nvidia-smi -q -x` of eight GPUs has a quarter of a MiB, the labels of a cluster some more.
LARGEST_CAPTURE: Final = 16 << 20
MIG: Final = re.compile(r" MIG\b")
# The display part of a desktop processor has half a GiB to itself.
SMALLEST_OF_SEVERAL: Final = 2 << 30


def machine(words: str | Sequence[str]) -> Machine:
    """The machine that the words name: cards (`3090`, `2x a100-80gb`), sizes (`24GB`), `detected`,
    or an instance that a cloud rents out (`aws:g5.12xlarge`).

    Several words, or one with commas, are one machine with all of those cards. What was ambiguous
    is in its notes, and was taken as the least. Raises UnknownName, BadInput, and NoCard where
    `detected` finds none.
    """
    found = _named_machine([words] if isinstance(words, str) else words)
    if not found.cards:
        asked = ", ".join(u.asked for u in found.unseen)
        raise NoCard(
            "no card was found; name one: --gpu 3090, or a size: --gpu 24GB "
            f"(asked: {asked}; `fitcheck detect` says what each answered)"
        )
    return found


def _named_machine(words: Sequence[str]) -> Machine:
    from fitcheck.cards import cloud, typed

    alone = words[0] if len(words) == 1 else ""
    rented = cloud.machine(alone) if ":" in alone else None
    if rented is not None:
        return rented
    try:
        return typed.machine(words, detected, together)
    except UnknownName:
        rented = cloud.machine(alone) if alone else None
        if rented is None:
            for word in words:
                cloud.refuse(word)
            raise
        return rented


def together(here: Machine) -> Machine:
    """Those of a machine's cards that one program can use: of one maker, no processor's GPU beside
    a card, none too small to matter, and of instances of cut cards the first.

    CUDA shows a program one MIG instance, however many there are (NVIDIA MIG User Guide 580, "CUDA
    Device Enumeration", 2025).
    """
    cards = [c for c in here.cards if not c.unified] or list(here.cards)
    largest = max(cards, key=lambda c: c.total, default=None)
    if largest is None:
        return here
    least = min(SMALLEST_OF_SEVERAL, largest.total)
    kept = tuple(c for c in cards if c.vendor == largest.vendor and c.total >= least)
    pieces = [c for c in kept if MIG.search(c.name)]
    if pieces:
        whole = tuple(card for card in kept if card not in pieces)
        kept = whole if kept[0] in whole else (pieces[0],)
    # By identity: instances of one card are alike in all that is shown.
    counted = {id(card) for card in kept}
    left = [c.name for c in here.cards if id(c) not in counted]
    note = (f"also here, and not counted: {', '.join(left)}",) if left else ()
    return structs.replace(here, name=summary(kept), cards=kept, notes=(*here.notes, *note))


def summary(cards: Sequence[Card]) -> str:
    """`2x NVIDIA GeForce RTX 3090 + Tesla T4`."""
    counts: dict[str, int] = {}
    for card in cards:
        counts[card.name] = counts.get(card.name, 0) + 1
    return " + ".join(f"{n}x {name}" if n > 1 else name for name, n in counts.items())


def _named(found: Machine) -> Machine:
    return structs.replace(found, name=summary(found.cards)) if found.cards else found


def detected() -> Machine:
    """This machine: all its cards, its RAM, and why what is missing was not seen."""
    return detection()[0]


def detection() -> "tuple[Machine, tuple[Reading, ...]]":
    """This machine, and what every tool said of it."""
    from fitcheck import detect
    from fitcheck.cards import seen

    readings = detect.probe()
    return _named(seen.machine(readings, "this machine")), readings


def read_capture(source: Path | str, name: str = "", *, one_program: bool = False) -> Machine:
    """The machine that a tool's output describes: a file, or its text; with `one_program` only what
    that can use of it.

    A profile of ours and an answer of `fitcheck detect --json` are read as well. Raises BadInput if
    it cannot be read or no tool that is known prints such a thing, BadFile for faults of a profile.
    """
    from fitcheck import detect
    from fitcheck.cards import answered, profile, seen

    shown = name or (str(source) if isinstance(source, Path) else "the text")
    text = _text(source) if isinstance(source, Path) else source
    if profile.is_one(text):
        return profile.read(text, shown)
    if answered.is_one(text):
        found = answered.read(text, shown)
    else:
        found = seen.machine([detect.read_capture(text, shown)], shown, detected=False)
    return together(found) if one_program and found.cards else _named(found)


def _text(path: Path) -> str:
    """UTF-8, or UTF-16 as PowerShell's `>` writes it."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_CAPTURE + 1)
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise BadInput(f"cannot read {path}: {reason}") from None
    return decoded(data, str(path))


def decoded(data: bytes, name: str) -> str:
    """Text that a tool printed. Raises BadInput where it is too long to be that."""
    if len(data) > LARGEST_CAPTURE:
        raise BadInput(f"{name} is too large to be what a tool printed")
    coding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return data.decode(coding, "replace")


@cache
def catalog_cards() -> tuple[Card, ...]:
    """Every card of the catalog whose memory is known, idle, in the catalog's order."""
    from fitcheck.cards import typed
    from fitcheck.catalog.gpu_memory import offer
    from fitcheck.catalog.gpus import load_gpus

    return tuple(typed.card(g, found) for g in load_gpus() if (found := offer(g)) is not None)
