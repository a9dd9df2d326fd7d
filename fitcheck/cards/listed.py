"""Rows of the catalog that somebody looks for: by name, by words, by maker and memory."""

from collections.abc import Sequence

import msgspec

from fitcheck.cards import names, typed
from fitcheck.catalog.gpu_memory import offer
from fitcheck.catalog.gpus import Gpu, load_gpus
from fitcheck.errors import BadInput, UnknownName
from fitcheck.machine import Card
from fitcheck.units import Bytes


class Listed(msgspec.Struct, frozen=True):
    """A row, and the card that it stands for; None where that shares a memory of unknown size."""

    gpu: Gpu
    card: Card | None


def one(words: Sequence[str]) -> Listed | None:
    """The card that is called exactly that; None if that may be several, or is part of names."""
    try:
        rows = names.find(" ".join(words))
    except BadInput:
        return None
    bought = [g for g in rows if not g.custom] or rows
    return _listed(bought[0]) if len(bought) == 1 else None


def some(
    words: Sequence[str], vendor: str | None = None, min_memory: Bytes | None = None
) -> tuple[Listed, ...]:
    """Those that the words name, else whose id or name has all of them; in the catalog's order.

    Raises UnknownName for a maker that has no card here, and for words that no name has.
    """
    makers = {gpu.vendor for gpu in load_gpus()}
    if vendor is not None and vendor.lower() not in makers:
        raise UnknownName("maker of cards", vendor, makers, f"; there are {', '.join(makers)}")
    rows = _rows([word.lower() for word in words])
    if words and not rows:
        raise names.unknown(" ".join(words))
    return tuple(
        listed
        for listed in map(_listed, rows)
        if (vendor is None or vendor.lower() == listed.gpu.vendor)
        and (min_memory is None or _memory(listed) >= min_memory)
    )


def _rows(words: Sequence[str]) -> list[Gpu]:
    gpus = load_gpus()
    if not words:
        return list(gpus)
    try:
        named = names.find(" ".join(words))
    except BadInput:
        named = []
    having = [g for g in gpus if all(w in f"{g.id} {g.name}".lower() for w in words)]
    return having or [g for g in gpus if g in named]


def _memory(listed: Listed) -> int:
    """What is on its box: a 24 GB card reports a little less than 24 GiB."""
    return max(listed.gpu.nominal or 0, listed.card.total if listed.card else 0)


def _listed(gpu: Gpu) -> Listed:
    found = offer(gpu)
    return Listed(gpu, None if found is None else typed.card(gpu, found))
