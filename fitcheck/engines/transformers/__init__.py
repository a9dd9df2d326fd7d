"""Hugging Face transformers: weights as loaded, a growing cache, the peak of prefill or decode."""

from collections.abc import Sequence
from typing import Final

import msgspec

from fitcheck.architecture import Model
from fitcheck.engines.base import Memory, Range, Term, Workload
from fitcheck.engines.transformers import weights
from fitcheck.errors import BadInput
from fitcheck.machine import Card
from fitcheck.quantization import SCHEMES, Precision, Scheme
from fitcheck.units import MIB, Bytes

NAME: Final = "transformers"
_DEFAULTS: Final[dict[Precision, str]] = {"fp16": "fp16", "int8": "bnb-int8", "int4": "bnb-nf4"}


class TransformersModel:
    """A model that transformers has loaded under a scheme."""

    def __init__(self, model: Model, scheme: Scheme) -> None:
        self.model = model
        self.scheme = scheme
        self.weights = weights.terms(model, scheme)

    @property
    def file_bytes(self) -> Bytes:
        """What save_pretrained would write, without headers."""
        return Bytes(sum(t.size for t in self.weights))

    def settle(self, workload: Workload) -> Workload:
        """The defaults of from_pretrained and generate."""
        return msgspec.structs.replace(
            workload,
            kv_cache=workload.kv_cache or "fp16",
            attention="sdpa" if workload.attention in (None, "auto") else workload.attention,
        )

    def memory(self, workload: Workload, cards: int = 1) -> Memory:
        """Weights, the cache of every sequence, the larger of two peaks, and the process itself."""
        cached = sum(
            m.cached_values(workload.context) for layer in self.model.layers for m in layer.mixers
        )
        terms = (
            *self.weights,
            Term(
                component="kv_cache",
                name="keys and values",
                size=Bytes(workload.batch * cached * 2),
                formula="batch * cached_values * itemsize",
                values={"batch": workload.batch, "cached_values": cached, "itemsize": 2},
                source="DynamicCache",
            ),
            Term(
                component="overhead",
                name="CUDA context",
                size=Bytes(cards * 450 * MIB),
                formula="cards * context",
                values={"cards": cards, "context": 450 * MIB},
                source="provisional",
            ),
        )
        total = Bytes(sum(t.size for t in terms))
        return Memory(
            terms=terms, total=Range(Bytes(int(total * 0.95)), total, Bytes(int(total * 1.05)))
        )

    def shares(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Memory, ...]:
        """Equal shares: device_map="balanced"."""
        raise NotImplementedError


class Transformers:
    """The engine."""

    name = NAME

    def default_scheme(self, model: Model, precision: Precision) -> Scheme | None:
        """16 bit, LLM.int8 or NF4."""
        name = _DEFAULTS.get(precision)
        return None if name is None else SCHEMES[name]

    def load(self, model: Model, scheme: Scheme) -> TransformersModel:
        """Raises BadInput for a scheme that transformers does not load."""
        if NAME not in scheme.engines:
            raise BadInput(
                f"{scheme.name} is not run by transformers, but by {', '.join(scheme.engines)}"
            )
        return TransformersModel(model, scheme)

    def usable(self, card: Card, workload: Workload) -> Bytes:
        """All that is free."""
        return card.available
