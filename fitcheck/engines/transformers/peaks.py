"""The highest moment as terms: every tensor that lives then, with its formula."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from fitcheck.engines.base import Term
from fitcheck.engines.transformers.activations import Peak
from fitcheck.engines.transformers.activations.script import (
    DECODE,
    KEY,
    PAST,
    PREFILL,
)
from fitcheck.units import Bytes

SOURCE = "transformers 5.23.0, models/*/modeling_*.py, each forward step by step"

# Cache that is not there yet at this moment; that sliding layers give up after the prompt; and that
# versions before 4.45 held beside the new one at every step, as a tuple of their own.
LATER = "cache of later tokens, not there yet"
CUT = "the prompt's cache in sliding layers, which the next step cuts"
TWICE = "the cache before this step, held beside the new one"
# And the prompt's logits: generate kept a step's outputs until it had the next one's (transformers
# 4.38.2, generation/utils.py; 4.46.0 deletes them).
LOGITS = "logits of the whole prompt, held until the first step is done"

_WHEN = {
    "prefill": "while the prompt is read",
    "decode": "at the last step",
    "first": "at the first step",
}


class Highest(NamedTuple):
    """A workload's highest moment: the prompt, the `first` step after it, or the last one.

    `beside` is what is there then and not at the end, by name; negative where it is the other way
    round.
    """

    when: Literal["prefill", "first", "decode"]
    peak: Peak
    batch: int
    tokens: int
    beside: Mapping[str, int] = MappingProxyType({})

    @property
    def size(self) -> int:
        """Bytes beside the weights and the cache as it is at the end."""
        return self.peak.size + sum(self.beside.values())


def terms(highest: Highest, chunk: int) -> tuple[Term, ...]:
    """One term for each tensor alive, and one for cache that comes or goes."""
    return (*_alive(highest, chunk), *_beside(highest))


def other_cards(size: int, cards: int) -> Term:
    """The same peak on cards that hold layers alone."""
    return Term(
        component="activations",
        name="the peak on every other card",
        size=Bytes(cards * size),
        formula="other_cards * peak_bytes",
        values={"other_cards": cards, "peak_bytes": size},
        source=SOURCE,
    )


def moved_logits(size: int, alive: int) -> Term:
    """Logits that are moved to the first card, as far as they are more than its peak before."""
    return Term(
        component="activations",
        name="logits moved to the first card, beyond its peak",
        size=Bytes(size - alive),
        formula="logits_bytes - peak_bytes",
        values={"logits_bytes": size, "peak_bytes": alive},
        source="accelerate, hooks.py, AlignDevicesHook(io_same_device=True)",
    )


def _alive(highest: Highest, chunk: int) -> Iterator[Term]:
    peak, prefill = highest.peak, highest.when == "prefill"
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
        yield Term(
            component="activations",
            name=f"{piece.name}, {_WHEN[highest.when]}",
            size=Bytes(piece.size * amount),
            formula=" * ".join(used),
            values=values,
            source=SOURCE,
        )


def _amounts(highest: Highest, chunk: int) -> dict[str, int]:
    """What the formulas of units speak of."""
    if highest.when == "prefill":
        return {"batch": highest.batch, "prompt": highest.tokens, "chunk": chunk}
    keys = highest.peak.amounts[KEY] // highest.batch
    past = highest.peak.amounts[PAST] // highest.batch
    return {"batch": highest.batch, "context": highest.tokens, "keys": keys, "past": past}


def _beside(highest: Highest) -> Iterator[Term]:
    for name, size in highest.beside.items():
        what = "logits_bytes" if name == LOGITS else "cache_bytes"
        if size:
            yield Term(
                component="activations",
                name=name,
                size=Bytes(size),
                formula=what,
                values={what: size},
                source="transformers 4.38.2 and 5.23.0, cache_utils.py, generation/utils.py",
            )
