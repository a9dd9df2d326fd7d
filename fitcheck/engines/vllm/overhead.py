"""What vLLM takes beside weights, cache and activations, and how far that may be off.

CUDA's context, cuBLAS's handles and NCCL's buffers are made before vLLM looks at the card's free
memory, so they stand outside of the share that it takes (v1/worker/gpu_worker.py, init_device).
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from fitcheck.architecture import Attention, LatentAttention, Model
from fitcheck.engines.base import Component, Range, Term
from fitcheck.engines.vllm import models
from fitcheck.quantization import Scheme
from fitcheck.units import GIB, MIB, Bytes


class Seen(msgspec.Struct, frozen=True):
    """One published figure, in MiB: what, of which card and model, and where."""

    what: str
    mib: int
    where: str
    source: str


# Figures that vLLM printed, on one card of those it ran on. Gathered 2026-11-21; from logs that
# name card, model and figure. `kernels`: non-torch memory that grew since start-up (0.7 on).
# `graphs`: the estimate that 0.21 and later take off the cache. Left out: estimates that their
# reporters call faulty (118 GiB of Qwen 3.8 2.4T, vLLM issue 53013), and 2.4 GiB by version 0.5.
SEEN: Final = (
    Seen("kernels", 164, "Llama 3.2 11B Vision, H100", "vLLM pull 12126"),
    Seen("kernels", 205, "DeepSeek R1 in int4, 16 RTX 3090", "vLLM pull 14447"),
    Seen("kernels", 338, "a model of 21 GiB, 2 RTX 5090", "vLLM issue 14452"),
    Seen("kernels", 358, "Llama 3.1 8B, RTX 3090", "vLLM issue 10517"),
    Seen("kernels", 399, "a model of 15 GiB, 2 cards of 16 GB", "vLLM issue 11251"),
    Seen("graphs", 174, "4 RTX 3090, vLLM 0.21", "noonghunna/club-3090 issue 127"),
    Seen("graphs", 369, "vLLM 0.27.1, 2 cards, 16 sizes", "gpustack/runner pull 251"),
    Seen("graphs", 748, "Qwen 3.5, 51 and 35 sizes", "vLLM pull 39559"),
    Seen("graphs", 1659, "Qwen 3.5, 51 and 35 sizes", "vLLM pull 39559"),
    Seen(
        "graphs",
        2488,
        "GLM 5.3 Flash, 2 GB10",
        "MiaAI-Lab/GLM-5.3-Flash-EXL3-2x-DGX-Sparks pull 25",
    ),
)
LOGS: Final = "logs of vLLM, see SEEN in fitcheck/engines/vllm/overhead.py"


def seen(what: str) -> list[int]:
    """The figures of one kind in bytes, the least first."""
    return sorted(s.mib * MIB for s in SEEN if s.what == what)


def middle(what: str) -> Bytes:
    """The median of what was seen."""
    found = seen(what)
    return Bytes(found[len(found) // 2])


_KERNELS: Final = middle("kernels")
_GRAPHS: Final = middle("graphs")


def terms(model: Model, cards: int, eager: bool) -> Iterator[Term]:
    """Kernels loaded while profiling, CUDA graphs, rotary tables."""
    yield _each("kernels and their scratch memory", _KERNELS, cards)
    if not eager:
        yield _each("CUDA graphs", _GRAPHS, cards)
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


def _each(name: str, size: Bytes, cards: int) -> Term:
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


# Bounds of each part against what is expected of it. Weights: Marlin and its like drop or pad a
# little of what is stored; cache: blocks are exact. The profiling run was measured in versions
# before compilation, where logits were sorted besides (26 bytes each for the 14 of now); compiled
# code may keep a residual less or an intermediate more. Experts' kernels other than Triton's take
# from a half to twice the workspace.
_BOUNDS: Final[dict[Component, tuple[float, float]]] = {
    "weights": (0.99, 1.01),
    "kv_cache": (1.0, 1.0),
    "recurrent_state": (1.0, 1.0),
    "activations": (0.5, 1.9),
    "overhead": (0.5, 1.0),
}
# A card more than one: NCCL is outside, but fused all-reduces keep workspaces inside. Towers: the
# encoder is profiled with the largest image or clip that its processor lets through, which is not
# in config.json. vLLM issue 12126: not less than 0.5 GiB, often 2.
_BESIDE_ANOTHER: Final = Bytes(512 * MIB)
_TOWERS: Final = Bytes(2 * GIB)
# Recurrent kernels' scratch grows with the tokens; vLLM issue 50780 saw 18 to 24 % of the cache.
_RECURRENT: Final = Bytes(GIB)
# Experts in four bits are padded to what the card's kernel reads: 2880 to 3072 by Marlin.
_PADDED_EXPERTS: Final = 1.07


def total(
    model: Model, scheme: Scheme, found: Iterable[Term], cards: int, eager: bool, joined: bool
) -> Range:
    """Low, expected and high for these terms; `joined` cards compute together with others."""
    sizes: dict[Component, int] = {}
    for term in found:
        sizes[term.component] = sizes.get(term.component, 0) + term.size
    low = high = 0.0
    for name, size in sizes.items():
        least, most = _BOUNDS[name]
        if name == "weights" and scheme.name.startswith("mxfp4"):
            most = _PADDED_EXPERTS
        low += least * size
        high += most * size
    high += cards * (seen("kernels")[-1] - _KERNELS)
    if not eager:
        high += cards * (seen("graphs")[-1] - _GRAPHS)
    high += cards * _once(model, sizes, joined)
    return Range(Bytes(int(low)), Bytes(sum(sizes.values())), Bytes(int(high)))


def _once(model: Model, sizes: dict[Component, int], joined: bool) -> int:
    more = _BESIDE_ANOTHER if joined else 0
    more += _TOWERS if model.towers else 0
    return more + (_RECURRENT if sizes.get("recurrent_state") else 0)


def notes(model: Model) -> Iterator[str]:
    """What a reader should know beside the numbers."""
    yield (
        "cache and weights are vLLM's own arithmetic; its profiling run follows from its source,"
        " CUDA graphs and kernels are taken from published logs"
    )
    yield "CUDA's context and NCCL's buffers stand outside of the share of the card that vLLM takes"
    if model.towers:
        yield "the encoder's profiling run is in the range alone: --limit-mm-per-prompt bounds it"
