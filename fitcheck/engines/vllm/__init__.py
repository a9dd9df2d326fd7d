"""vLLM: a share of the whole card, weights divided by tensor parallelism, a cache in blocks."""

from collections.abc import Mapping, Sequence
from typing import Final

from fitcheck.architecture import Model
from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.engines.base import Workload
from fitcheck.engines.capabilities import refusals
from fitcheck.engines.option import Option
from fitcheck.engines.published import publisher
from fitcheck.engines.vllm import capabilities, command_line, models, parallel, settings
from fitcheck.engines.vllm.cache_types import cache_type
from fitcheck.engines.vllm.loaded import VllmModel, refuse_attention
from fitcheck.errors import BadInput
from fitcheck.machine import Card, Machine
from fitcheck.quantization import SCHEMES, Precision, Scheme
from fitcheck.quantization.published import published
from fitcheck.units import MIB, Bytes, gib

NAME: Final = "vllm"
_DEFAULTS: Final[dict[Precision, str]] = {
    "fp32": "fp32",
    "fp16": "bf16",
    "int8": "fp8",
    "int4": "awq-int4",
}
# The least that CUDA's context takes of a card before vLLM looks at it. Source: llama.cpp on idle
# cards, 392 MiB on an RTX 4090; PyTorch issue 107667 from 300.
_LEAST_CONTEXT: Final = 300 * MIB


_NOT_IN_FP16: Final = frozenset({"gemma2", "gemma3", "gemma3_text", "glm4"})


class Vllm:
    """The engine, as `vllm serve` starts it."""

    name = NAME
    rules = capabilities.RULES
    node_step = parallel.NODE
    title = "vLLM 0.33, many users at once on CUDA cards"
    defaults = (
        "0.92 of the card; tensor parallelism over all cards; a cache in the model's own type;"
        " 2048 tokens of 256 sequences at once, 8192 of 1024 on large cards"
    )
    options: tuple[Option, ...] = command_line.OPTIONS
    instead: Mapping[str, str] = command_line.INSTEAD

    def accepts(self, workload: Workload) -> None:
        """Raises BadInput and UnknownName on values that vLLM does not know."""
        settings.read(workload.settings)
        refuse_attention(workload.attention)
        if workload.kv_cache not in (None, "fp32"):
            cache_type(workload.kv_cache)

    def default_scheme(self, model: Model, precision: Precision) -> Scheme | None:
        """As the checkpoint is published, else 16 bits, FP8 or AWQ."""
        if model.quantization_config is not None:
            for scheme in published(model.quantization_config).schemes:
                if scheme.precision == precision and publisher(model, scheme) is not None:
                    return scheme
        name = _DEFAULTS.get(precision)
        return None if name is None else SCHEMES[name]

    def load(self, model: Model, scheme: Scheme, stored: Checkpoint | None = None) -> VllmModel:
        """Raises BadInput for a scheme or a model that vLLM does not run."""
        if NAME not in scheme.engines and publisher(model, scheme) is None:
            raise BadInput(f"{scheme.name} is not run by vLLM, but by {', '.join(scheme.engines)}")
        models.refuse_unknown(model.model_type)
        return VllmModel(model, scheme)

    def usable(self, card: Card, workload: Workload) -> Bytes:
        """A share of what CUDA calls the card's total, whatever is free.

        All that is free where the cache's size is set by hand. Source: vLLM 0.33.0,
        v1/worker/utils.py, request_memory.
        """
        if settings.read(workload.settings).kv_cache_memory_bytes is not None:
            return card.available
        share = workload.gpu_memory_utilization or settings.GPU_MEMORY_UTILIZATION
        return Bytes(min(int(share * card.visible), card.visible - card.kept_free))

    def choices(self, machine: Machine, workload: Workload) -> Sequence[tuple[Card, ...]]:
        """The sets of cards that its parallel sizes allow."""
        return parallel.choices(machine, workload)

    def on_card(self, workload: Workload, card: Card) -> Workload:
        """The workload with defaults that depend on the card."""
        return settings.on_card(workload, card)

    def scheme_on(self, model: Model, scheme: Scheme, card: Card) -> Scheme:
        """`--dtype auto` falls back on float16 where there is no bfloat16, some models on float32.

        Source: vLLM 0.33.0, config/model.py, _resolve_auto_dtype, _FLOAT16_NOT_SUPPORTED_MODELS.
        """
        if scheme.name != "bf16" or not refusals(self.rules, NAME, scheme, card):
            return scheme
        return SCHEMES["fp32" if model.model_type in _NOT_IN_FP16 else "fp16"]

    def refuses(self, card: Card, workload: Workload) -> tuple[str, ...]:
        """Why vLLM would not start on the card as it is: less is free than it asks for."""
        asked, free = self.usable(card, workload), card.available
        if card.free is None or free - _LEAST_CONTEXT >= asked:
            return ()
        share = max(0, free - _LEAST_CONTEXT) / card.visible
        return (
            f"vLLM asks for {gib(asked)} GiB, {gib(free)} GiB is free on {card.name}: it starts"
            f" with --gpu-memory-utilization {int(share * 100) / 100:.2f} or less",
        )


VLLM: Final = Vllm()
