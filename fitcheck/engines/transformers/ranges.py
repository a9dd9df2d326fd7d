"""How far measured figures fall from the sum, and what is to be said about it.

The range is of the peak, whatever meter is read: the least is what torch has allocated then, the
most what nvidia-smi shows of an allocator that keeps its blocks. Between steps less stays, weights
and cache, which some tables publish as memory (Qwen3's): those are below it.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from fitcheck.architecture import Model
from fitcheck.engines.base import COMPONENTS, Range, Term
from fitcheck.engines.transformers import residuals
from fitcheck.engines.transformers.converted import OWN_LINEAR
from fitcheck.engines.transformers.settings import Settings
from fitcheck.quantization import Scheme
from fitcheck.units import MIB, Bytes

# The largest context that was measured on an idle card, H100's, and Hopper's cuBLAS workspace:
# see overhead.CONTEXT. Without lazy loading (before CUDA 11.7) it was 1000 MiB.
PROCESS: Final = (527 + 32) * MIB


class Sizes(NamedTuple):
    """Bytes by what they do: stay, grow with the tokens, come and go, or belong to the process."""

    weights: int
    kept: int
    activations: int
    overhead: int


def sizes(found: Iterable[Term]) -> Sizes:
    """The terms on the card added up."""
    sums = dict.fromkeys(COMPONENTS, 0)
    for term in found:
        sums[term.component] += term.size
    kept = sums["kv_cache"] + sums["recurrent_state"]
    return Sizes(sums["weights"], kept, sums["activations"], sums["overhead"])


def total(model: Model, scheme: Scheme, of: Sizes, cards: int, *, slower: int = 0) -> Range:
    """The range for these sizes; `slower` is what they take more without a library's kernels."""
    least = most = max(0, of.activations)
    if model.model_type not in residuals.MEASURED:
        least, most = 0, int(most * residuals.UNMEASURED)
    held = int(of.weights * _packed(scheme)) + (_in_fp32(model) if _is_bnb4(scheme) else 0)
    held += int((of.kept + most + slower) * residuals.CACHING)
    share = residuals.LEAST[cards > 1 or _is_packed(scheme)]
    return Range(
        Bytes(int((of.weights + of.kept + least) * share)),
        Bytes(sum(of)),
        Bytes(held + cards * (residuals.BLOCKS + PROCESS)),
    )


def _is_bnb4(scheme: Scheme) -> bool:
    return scheme.name.startswith(("bnb-nf4", "bnb-fp4"))


def _in_fp32(model: Model) -> int:
    """The largest matrix unpacked once more in fp32, which is how BitsAndBytesConfig computes.

    Unless bnb_4bit_compute_dtype is given, as the sum has it. Source: transformers 5.23.0,
    utils/quantization_config.py; bitsandbytes 0.50.2, nn/modules.py, Linear4bit.
    """
    inside = (t.numel for this, _ in model.kinds for t in this.tensors if t.kind == "linear")
    return 4 * max(inside, default=0)


def _packed(scheme: Scheme) -> float:
    """What packed weights may take for one byte of them."""
    return residuals.PACKED if _is_packed(scheme) else 1.0


def _is_packed(scheme: Scheme) -> bool:
    """Whether libraries keep the weights in layouts of their own."""
    return not (scheme.touches == "all" or scheme.name.startswith("bnb"))


def notes(model: Model, scheme: Scheme, stateful: bool, settings: Settings) -> Iterator[str]:
    """What a reader should know beside the numbers."""
    if stateful and settings.kernels is None:
        yield (
            "counted with mamba-ssm, causal-conv1d or flash-linear-attention; "
            "the upper end is without them"
        )
    if model.model_type not in residuals.MEASURED:
        yield f"{model.model_type} was not measured: its working memory is taken as Llama's"
    if _is_bnb4(scheme):
        yield (
            "counted with bnb_4bit_compute_dtype=torch.bfloat16; the upper end is for its default, "
            "float32"
        )
    if scheme.touches == "modules" and any(
        t.kind == "experts" for this, _ in model.kinds for t in this.tensors
    ):
        yield f"{scheme.name} leaves routed experts in 16 bits: transformers 5 keeps them unpacked"
    elif scheme.name.startswith("bnb") and model.model_type in OWN_LINEAR:
        yield f"{scheme.name} leaves {model.model_type}'s matrices in 16 bits: not nn.Linear's own"
