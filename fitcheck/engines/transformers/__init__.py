"""Hugging Face transformers: weights as loaded, a growing cache, the peak of prefill or decode."""

from collections.abc import Mapping
from typing import Final

from fitcheck.architecture import Model
from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.engines.base import Workload
from fitcheck.engines.option import Option
from fitcheck.engines.published import publisher
from fitcheck.engines.transformers import command_line, settings
from fitcheck.engines.transformers.capabilities import RULES
from fitcheck.engines.transformers.converted import packed_share
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

# Where bitsandbytes passes most matrices by, what is published of such models instead.
_INSTEAD: Final[dict[Precision, str]] = {"int8": "gptq-int8", "int4": "gptq-int4"}


class Transformers:
    """The engine."""

    name = NAME
    rules = RULES
    title = "Hugging Face transformers, from_pretrained and generate"
    defaults = "16 bit, LLM.int8() or NF4; SDPA attention; a cache that grows in 16 bit"
    options: tuple[Option, ...] = command_line.OPTIONS
    instead: Mapping[str, str] = command_line.INSTEAD

    def accepts(self, workload: Workload) -> None:
        """Raises BadInput on values that transformers does not know."""
        settings.accepts(workload)

    def default_scheme(self, model: Model, precision: Precision) -> Scheme | None:
        """16 bit, LLM.int8 or NF4; GPTQ where these would leave most matrices in 16 bit."""
        if precision not in _DEFAULTS:
            return None
        usual = SCHEMES[_DEFAULTS[precision]]
        if precision in _INSTEAD and packed_share(model, usual) < 0.5:
            return SCHEMES[_INSTEAD[precision]]
        return usual

    def load(
        self, model: Model, scheme: Scheme, stored: Checkpoint | None = None
    ) -> TransformersModel:
        """Raises BadInput for a scheme that transformers does not load."""
        if NAME not in scheme.engines and publisher(model, scheme) is None:
            raise BadInput(
                f"{scheme.name} is not run by transformers, but by {', '.join(scheme.engines)}"
            )
        return TransformersModel(model, scheme, stored)

    def usable(self, card: Card, workload: Workload) -> Bytes:
        """All that is free."""
        return card.available


TRANSFORMERS: Final = Transformers()
