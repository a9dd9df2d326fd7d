"""The highest moment as terms: every tensor that lives then, with its formula."""

from collections.abc import Iterator
from typing import NamedTuple

from fitcheck.engines.base import Term
from fitcheck.engines.transformers.activations import Peak
from fitcheck.engines.transformers.activations.script import (
    DECODE,
    KEY,
    PAST,
    PREFILL,
)
from fitcheck.engines.transformers.activations.step import Phase
from fitcheck.units import Bytes

SOURCE = "transformers 5.23.0, models/*/modeling_*.py, each forward step by step"
_WHEN = {"prefill": "while the prompt is read", "decode": "at the last step"}


class Highest(NamedTuple):
    """A workload's highest moment; `missing`: what the cache lacks then of what it has at the end.

    It is negative where the prompt's cache is larger, as with sliding windows.
    """

    phase: Phase
    peak: Peak
    batch: int
    tokens: int
    missing: int

    @property
    def size(self) -> int:
        """Bytes beside the weights and the cache as it is at the end."""
        return self.peak.size - self.missing


def terms(highest: Highest, chunk: int, cards: int) -> tuple[Term, ...]:
    """One term for each tensor alive; on several cards every one of them has its own."""
    return (*_alive(highest, chunk, cards), *_missing(highest))


def _alive(highest: Highest, chunk: int, cards: int) -> Iterator[Term]:
    peak, prefill = highest.peak, highest.phase == "prefill"
    shown = PREFILL if prefill else DECODE
    base = _amounts(highest, chunk)
    for piece in peak.pieces:
        amount = peak.amounts[piece.unit]
        if not amount or not piece.size:
            continue
        factors = piece.factors
        unit = shown[piece.unit]
        used = [unit, *factors] if unit else list(factors)
        values = {name: n for name, n in base.items() if name in unit} | dict(factors)
        if cards > 1:
            used.insert(0, "cards")
            values["cards"] = cards
        yield Term(
            component="activations",
            name=f"{piece.name}, {_WHEN[highest.phase]}",
            size=Bytes(cards * piece.size * amount),
            formula=" * ".join(used),
            values=values,
            source=SOURCE,
        )


def _amounts(highest: Highest, chunk: int) -> dict[str, int]:
    """What the formulas of units speak of."""
    if highest.phase == "prefill":
        return {"batch": highest.batch, "prompt": highest.tokens, "chunk": chunk}
    keys = highest.peak.amounts[KEY] // highest.batch
    past = highest.peak.amounts[PAST] // highest.batch
    return {"batch": highest.batch, "context": highest.tokens, "keys": keys, "past": past}


def _missing(highest: Highest) -> Iterator[Term]:
    if highest.missing:
        name = (
            "cache of later tokens, not there yet"
            if highest.missing > 0
            else "the prompt's cache in sliding layers, which the next step cuts"
        )
        yield Term(
            component="activations",
            name=name,
            size=Bytes(-highest.missing),
            formula="cache_then - cache_at_the_end",
            values={"cache_then": 0, "cache_at_the_end": highest.missing},
            source="transformers 5.23.0, cache_utils.py",
        )
