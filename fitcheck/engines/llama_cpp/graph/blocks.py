"""A layer's parts in the order in which llama.cpp's architectures compute them.

Source: llama.cpp 0c1e57098, src/models/*.cpp.
"""

from collections.abc import Callable
from typing import Final

from fitcheck.architecture import (
    Attention,
    GatedDeltaNet,
    LatentAttention,
    Mamba,
    Mamba2,
    ShortConv,
)
from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph.attention import attention
from fitcheck.engines.llama_cpp.graph.build import Build
from fitcheck.engines.llama_cpp.graph.delta_net import delta_net, gated_attention, is_gated
from fitcheck.engines.llama_cpp.graph.feed_forward import feed_forward
from fitcheck.engines.llama_cpp.graph.gemma import gemma3n, gemma4
from fitcheck.engines.llama_cpp.graph.latent import latent_attention
from fitcheck.engines.llama_cpp.graph.mamba import mamba, mamba2, short_convolution
from fitcheck.engines.llama_cpp.graph.tensors import Node
from fitcheck.errors import BadInput

Block = Callable[[Build, Node, bool], Node]


def mixed(b: Build, x: Node) -> Node:
    """What the layer's mixer makes of x."""
    for mixer in b.layer.mixers:
        match mixer:
            case Attention():
                return (gated_attention if is_gated(b, mixer) else attention)(b, x, mixer)
            case LatentAttention():
                return latent_attention(b, x, mixer)
            case Mamba():
                return mamba(b, x, mixer)
            case Mamba2():
                return mamba2(b, x, mixer)
            case ShortConv():
                return short_convolution(b, x, mixer)
            case GatedDeltaNet():
                return delta_net(b, x, mixer)
            case _:
                raise BadInput(f"llama.cpp does not run {type(mixer).__name__} layers")
    return x


def sequential(b: Build, x: Node, last: bool) -> Node:
    """Attention, then the MLP, each added to what went in; norms before, behind, or both."""
    normed = b.norm(x, "attn_norm")
    if b.traits.norm_first:
        b.graph.expand(normed)
    y = mixed(b, normed)
    if last:
        y, x = b.wanted(y), b.wanted(x)
    behind = b.has("post_ffw_norm")
    if behind:
        y = b.norm(y, "post_attention_norm")
    y = _added(b, y, x, swapped=b.traits.residual_first == "both")
    before = "ffn_norm" if behind or b.has("ffn_norm") else "post_attention_norm"
    z = b.norm(feed_forward(b, b.norm(y, before)), "post_ffw_norm")
    return _added(b, z, y, swapped=b.traits.residual_first != "none")


def _added(b: Build, y: Node, x: Node, *, swapped: bool) -> Node:
    if b.traits.scaled_residual:
        y = ops.same("scale", y)
    return ops.add(x, y, "residual") if swapped else ops.add(y, x, "residual")


def one_thing(b: Build, x: Node, last: bool) -> Node:
    """A mixer or an MLP, never both (Mamba, Nemotron-H)."""
    y = b.norm(x, "attn_norm")
    y = mixed(b, y) if b.layer.mixers else feed_forward(b, y)
    if last:
        y, x = b.wanted(y), b.wanted(x)
    return ops.add(y, x, "residual")


def side_by_side(b: Build, x: Node, last: bool) -> Node:
    """Attention and MLP from the same norm (Phi 2)."""
    normed = b.norm(x, "attn_norm")
    y = mixed(b, normed)
    if last:
        y, x, normed = b.wanted(y), b.wanted(x), b.wanted(normed)
    return ops.add(ops.add(y, feed_forward(b, normed), "residual"), x, "residual")


def mlp_first(b: Build, x: Node, last: bool) -> Node:
    """As side by side, the MLP's result first; attention may have a norm of its own (Falcon)."""
    normed = b.norm(x, "attn_norm")
    y = mixed(b, b.norm(x, "attn_norm_2") if b.has("attn_norm_2") else normed)
    if last:
        y, x, normed = b.wanted(y), b.wanted(x), b.wanted(normed)
    return ops.add(ops.add(feed_forward(b, normed), y, "residual"), x, "residual")


def attention_last(b: Build, x: Node, last: bool) -> Node:
    """The MLP's result, then what went in, then attention's result (Command R)."""
    normed = b.norm(x, "attn_norm")
    y = mixed(b, normed)
    if last:
        y, x, normed = b.wanted(y), b.wanted(x), b.wanted(normed)
    return ops.add(ops.add(feed_forward(b, normed), x, "residual"), y, "residual")


BLOCKS: Final[dict[str, Block]] = {
    "cohere2": attention_last,
    "command-r": attention_last,
    "falcon": mlp_first,
    "gemma3n": gemma3n,
    "gemma4": gemma4,
    "mamba": one_thing,
    "mamba2": one_thing,
    "nemotron_h": one_thing,
    "nemotron_h_moe": one_thing,
    "phi2": side_by_side,
}
