"""How far measured figures fall from the sum, and what is to be said about it.

Whatever meter is read: the least is what stays between steps, weights and cache, which some tables
publish as memory; the most is what nvidia-smi shows of an allocator that keeps its blocks.
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

# The largest context with libraries that was reported with lazy loading, less the usual one that
# the sum has already. Source: see overhead.CONTEXT; H100 527 MiB, PyTorch issue 28113 up to 700.
PROCESS: Final = 700 * MIB


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


def total(model: Model, scheme: Scheme, of: Sizes, cards: int, slower: int) -> Range:
    """The range for these sizes; `slower` is what they take more without a library's kernels."""
    most = max(0, of.activations)
    if model.model_type not in residuals.MEASURED:
        most = int(most * residuals.UNMEASURED)
    held = int(of.weights * _packed(scheme))
    held += int((of.kept + most + slower) * residuals.CACHING)
    return Range(
        Bytes(int((of.weights + of.kept) * residuals.STEADY)),
        Bytes(sum(of)),
        Bytes(held + cards * (residuals.BLOCKS + PROCESS)),
    )


def _packed(scheme: Scheme) -> float:
    """What packed weights may take for one byte of them."""
    plain = scheme.touches == "all" or scheme.name.startswith("bnb")
    return 1.0 if plain else residuals.PACKED


def notes(model: Model, scheme: Scheme, stateful: bool, settings: Settings) -> Iterator[str]:
    """What a reader should know beside the numbers."""
    if stateful and settings.kernels is None:
        yield (
            "counted with mamba-ssm, causal-conv1d or flash-linear-attention; "
            "the upper end is without them"
        )
    if model.model_type not in residuals.MEASURED:
        yield f"{model.model_type} was not measured: its working memory is taken as Llama's"
    if scheme.touches == "modules" and any(
        t.kind == "experts" for this, _ in model.kinds for t in this.tensors
    ):
        yield f"{scheme.name} leaves routed experts in 16 bits: transformers 5 keeps them unpacked"
    elif scheme.name.startswith("bnb") and model.model_type in OWN_LINEAR:
        yield f"{scheme.name} leaves {model.model_type}'s matrices in 16 bits: not nn.Linear's own"
