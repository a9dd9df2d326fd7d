"""What vLLM takes beside weights, cache and activations, and how far that may be off.

CUDA's context, cuBLAS's handles and NCCL's buffers are made before vLLM looks at the card's free
memory, so they stand outside of the share that it takes (v1/worker/gpu_worker.py, init_device).
"""

from collections.abc import Iterable, Iterator, Mapping
from math import hypot
from typing import Final

from fitcheck.architecture import Attention, LatentAttention, Model
from fitcheck.engines.base import COMPONENTS, Component, Range, Term
from fitcheck.engines.vllm import models, residuals
from fitcheck.quantization import Scheme
from fitcheck.units import GIB, MIB, Bytes

LOGS: Final = "logs of vLLM, see benchmarks/fit_vllm.py"


def terms(model: Model, cards: int, eager: bool, joined: bool) -> Iterator[Term]:
    """Kernels loaded while profiling, CUDA graphs, rotary tables, on `cards` ranks.

    `joined` ranks compute together with others, for which they hold workspaces besides.
    """
    kernels = residuals.JOINED if joined else residuals.KERNELS
    yield _each("kernels and their scratch memory", kernels, cards)
    if not eager:
        yield _each("CUDA graphs", residuals.GRAPHS, cards)
    width, positions = _rotary(model)
    if width and positions:
        yield Term(
            component="overhead",
            name="rotary tables",
            size=Bytes(cards * positions * width * 2),
            formula="cards * positions * width * 2",
            values={"cards": cards, "positions": positions, "width": width},
            source="vLLM 0.33.0, rotary_embedding/base.py, cos_sin_cache",
        )


def _each(name: str, seen: tuple[int, int, int], cards: int) -> Term:
    size = seen[1] * MIB
    return Term(
        component="overhead",
        name=name,
        size=Bytes(cards * size),
        formula="cards * seen",
        values={"cards": cards, "seen": size},
        source=LOGS,
    )


def _rotary(model: Model) -> tuple[int, int]:
    """Numbers of a position in all the tables that layers share, and positions."""
    if model.model_type in models.THROUGH_TRANSFORMERS:
        return 0, 0
    found = set()
    for layer, _ in model.kinds:
        for mixer in layer.mixers:
            if isinstance(mixer, Attention) and mixer.position == "rope":
                found.add(mixer.head_dim)
            elif isinstance(mixer, LatentAttention):
                found.add(mixer.qk_rope_head_dim)
    return sum(found), model.context_length or 0


# Towers: the encoder is profiled with the largest image or clip that its processor lets through,
# which is not in config.json. vLLM issue 12126: not less than 0.5 GiB, often 2.
_TOWERS: Final = Bytes(2 * GIB)
# Recurrent kernels' scratch grows with the tokens; vLLM issue 50780 saw 18 to 24 % of the cache.
_RECURRENT: Final = Bytes(GIB)
# Experts in four bits are padded to what the card's kernel reads: 2880 to 3072 by Marlin.
_PADDED_EXPERTS: Final = 1.07


def total(
    model: Model, scheme: Scheme, found: Iterable[Term], cards: int, eager: bool, joined: bool
) -> Range:
    """Low, expected and high for these terms; `joined` cards compute together with others.

    Cache and states are exact. What is off elsewhere is so by itself: the ends are as far as the
    root of the squares of all.
    """
    sizes = dict.fromkeys(COMPONENTS, 0)
    for term in found:
        sizes[term.component] += term.size
    expected = sum(sizes.values())
    low, high = zip(*_off(sizes, scheme, cards, eager, joined), strict=True)
    more = hypot(*high) + cards * _once(model, sizes)
    return Range(Bytes(int(expected - hypot(*low))), Bytes(expected), Bytes(int(expected + more)))


def _off(
    sizes: Mapping[Component, int], scheme: Scheme, cards: int, eager: bool, joined: bool
) -> Iterator[tuple[float, float]]:
    """How much less and how much more each part was seen to be."""
    least, most = residuals.WEIGHTS
    if scheme.name.startswith("mxfp4"):
        most = _PADDED_EXPERTS
    yield (1 - least) * sizes["weights"], (most - 1) * sizes["weights"]
    least, most = residuals.ACTIVATIONS
    yield (1 - least) * sizes["activations"], (most - 1) * sizes["activations"]
    kernels = residuals.JOINED if joined else residuals.KERNELS
    for low, middle, high in (kernels,) if eager else (kernels, residuals.GRAPHS):
        yield cards * (middle - low) * MIB, cards * (high - middle) * MIB


def _once(model: Model, sizes: Mapping[Component, int]) -> int:
    more = _TOWERS if model.towers else 0
    return more + (_RECURRENT if sizes["recurrent_state"] else 0)


def notes(model: Model) -> Iterator[str]:
    """What a reader should know beside the numbers."""
    yield (
        "cache and weights are vLLM's own arithmetic; its profiling run follows from its source,"
        " CUDA graphs and kernels are taken from published logs"
    )
    yield "it samples with FlashInfer; without it torch's sort takes 24 bytes a logit more"
    yield "CUDA's context and NCCL's buffers stand outside of the share of the card that vLLM takes"
    if model.towers:
        yield "the encoder's profiling run is in the range alone: --limit-mm-per-prompt bounds it"
