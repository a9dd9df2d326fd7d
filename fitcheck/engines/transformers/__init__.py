"""Hugging Face transformers: weights as loaded, a growing cache, the peak of prefill or decode."""

from typing import Final

from fitcheck.architecture import Model
from fitcheck.engines.base import Workload
from fitcheck.engines.transformers.loaded import TransformersModel
from fitcheck.errors import BadInput
from fitcheck.machine import Card
from fitcheck.quantization import SCHEMES, Precision, Scheme
from fitcheck.units import Bytes

NAME: Final = "transformers"
_DEFAULTS: Final[dict[Precision, str]] = {
    "fp32": "fp32",
    "fp16": "fp16",
    "int8": "bnb-int8",
    "int4": "bnb-nf4",
}


class Transformers:
    """The engine."""

    name = NAME
    title = "Hugging Face transformers, from_pretrained and generate"
    defaults = "16 bit, LLM.int8() or NF4; SDPA attention; a cache that grows in 16 bit"

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


TRANSFORMERS: Final = Transformers()
