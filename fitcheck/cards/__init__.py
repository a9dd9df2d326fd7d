"""Words for a machine -> Machine: what people type, what is in this one, what a file describes."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from fitcheck.errors import BadInput, NoCard
from fitcheck.machine import Card, Machine

__all__ = ["catalog_cards", "detected", "machine", "read_capture"]

# `nvidia-smi -q -x` of eight GPUs has a quarter of a MiB, the labels of a cluster some more.
LARGEST_CAPTURE: Final = 16 << 20


def machine(words: str | Sequence[str]) -> Machine:
    """The machine that the words name: cards (`3090`, `2x a100-80gb`), sizes (`24GB`), `detected`.

    Several words, or one with commas, are one machine with all of those cards. What was ambiguous
    is in its notes, and was taken as the least. Raises UnknownName, BadInput, and NoCard where
    `detected` finds none.
    """
    from fitcheck.cards import typed

    found = typed.machine([words] if isinstance(words, str) else words, detected)
    if not found.cards:
        why = "; ".join(f"{u.asked}: {u.why}" for u in found.unseen)
        raise NoCard(f"no card was found ({why}); name one: --gpu 3090, or a size: --gpu 24GB")
    return found


def detected() -> Machine:
    """This machine: its cards, its RAM, and why what is missing was not seen."""
    from fitcheck import detect
    from fitcheck.cards import seen

    return seen.machine(detect.probe(), "this machine")


def read_capture(source: Path | str, name: str = "") -> Machine:
    """The machine that a tool's output describes: a file, or its text.

    Raises BadInput if it cannot be read or no tool that is known prints such a thing.
    """
    from fitcheck import detect
    from fitcheck.cards import seen

    shown = name or (str(source) if isinstance(source, Path) else "the text")
    text = _text(source) if isinstance(source, Path) else source
    return seen.machine([detect.read_capture(text, shown)], shown, detected=False)


def _text(path: Path) -> str:
    """UTF-8, or UTF-16 as PowerShell's `>` writes it."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_CAPTURE + 1)
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise BadInput(f"cannot read {path}: {reason}") from None
    if len(data) > LARGEST_CAPTURE:
        raise BadInput(f"{path} is too large to be what a tool printed")
    coding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return data.decode(coding, "replace")


@cache
def catalog_cards() -> tuple[Card, ...]:
    """Every card of the catalog whose memory is known, idle, in the catalog's order."""
    from fitcheck.cards import typed
    from fitcheck.catalog.gpu_memory import offer
    from fitcheck.catalog.gpus import load_gpus

    return tuple(typed.card(g, found) for g in load_gpus() if (found := offer(g)) is not None)
