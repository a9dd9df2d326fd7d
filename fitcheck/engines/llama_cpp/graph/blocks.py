"""A layer's parts in the order in which llama.cpp's architectures compute them.

Source: llama.cpp 0c1e57098, src/models/*.cpp.
"""

from collections.abc import Callable
from typing import Final

from fitcheck.architecture import (
    Attention,
    GatedDeltaNet,
    LatentAttention,
    LinearAttention,
    Mamba,
    Mamba2,
    Mixer,
    ShortConv,
)
from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph.attention import attention
from fitcheck.engines.llama_cpp.graph.build import Build
from fitcheck.engines.llama_cpp.graph.delta_net import delta_net, gated_attention, is_gated
from fitcheck.engines.llama_cpp.graph.feed_forward import feed_forward, unknown
from fitcheck.engines.llama_cpp.graph.gemma import gemma3n, gemma4
from fitcheck.engines.llama_cpp.graph.latent import latent_attention, unpacked_attention
from fitcheck.engines.llama_cpp.graph.linear import key_delta_net, lightning_attention
from fitcheck.engines.llama_cpp.graph.mamba import mamba, mamba2, short_convolution
from fitcheck.engines.llama_cpp.graph.tensors import Node

Block = Callable[[Build, Node, bool], Node]


def mixed(b: Build, x: Node) -> Node:
    """What the layer's mixer makes of x."""
    for mixer in b.layer.mixers:
        x = _mixed(b, x, mixer)
    return x


def _mixed(b: Build, x: Node, mixer: Mixer) -> Node:
    match mixer:
        case Attention(bidirectional=False):
            return (gated_attention if is_gated(b, mixer) else attention)(b, x, mixer)
        case LatentAttention():
            unpacked = b.kv.heads > 1
            return (unpacked_attention if unpacked else latent_attention)(b, x, mixer)
        case Mamba():
            return mamba(b, x, mixer)
        case Mamba2():
            return mamba2(b, x, mixer)
        case ShortConv():
            return short_convolution(b, x, mixer)
        case GatedDeltaNet():
            return (delta_net if b.has("attn_qkv") else key_delta_net)(b, x, mixer)
        case LinearAttention(extra_state=0):
            return lightning_attention(b, x, mixer)
        case _:
            return unknown(b, x)


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
    z = feed_forward(b, b.norm(y, "ffn_norm" if behind else _before_mlp(b)))
    z = b.norm(z, "post_ffw_norm")
    return _added(b, z, y, swapped=b.traits.residual_first != "none")


def _before_mlp(b: Build) -> str:
    """What the norm between attention and MLP is called."""
    names = ("ffn_norm", "post_attention_norm", "attn_output_norm")
    return next((name for name in names if b.has(name)), names[0])


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


def own_norms(b: Build, x: Node, last: bool) -> Node:
    """Attention and MLP side by side, each behind its own norm of what went in (GPT-NeoX)."""
    if not b.layer.parallel:
        return sequential(b, x, last)
    y = mixed(b, b.norm(x, "attn_norm"))
    if last:
        y, x = b.wanted(y), b.wanted(x)
    z = feed_forward(b, b.norm(x, "ffn_norm"))
    return ops.add(ops.add(z, x, "residual"), y, "residual")


def two_mixers(b: Build, x: Node, last: bool) -> Node:
    """Attention and a state-space layer side by side, then the MLP (Falcon H1)."""
    first, second = (_mixed(b, b.norm(x, "attn_norm"), mixer) for mixer in b.layer.mixers)
    x = ops.add(ops.add(first, second), x, "residual")
    if last:
        x = b.wanted(x)
    return ops.add(feed_forward(b, b.norm(x, "ffn_norm")), x, "residual")


def normed_residual(b: Build, x: Node, last: bool) -> Node:
    """What is added to is what went in, but behind the norm, and scaled (MiniMax 01)."""
    x = b.norm(x, "attn_norm")
    y = mixed(b, x)
    if last:
        y, x = b.wanted(y), b.wanted(x)
    x = b.norm(ops.add(y, ops.same("scale", x), "residual"), "ffn_norm")
    return ops.add(feed_forward(b, x), ops.same("scale", x), "residual")


def what_there_is(b: Build, x: Node, last: bool) -> Node:
    """Attention, an MLP, both or none of them (models pruned by DeciLM's search)."""
    y = mixed(b, b.norm(x, "attn_norm"))
    if last:
        y, x = b.wanted(y), b.wanted(x)
    if b.layer.feed_forward is None:
        return x
    if b.layer.mixers or b.has("attn_output"):
        y = ops.add(y, x, "residual")
    return ops.add(feed_forward(b, b.norm(y, "ffn_norm")), y, "residual")


BLOCKS: Final[dict[str, Block]] = {
    "cohere2": attention_last,
    "cohere2moe": attention_last,
    "command-r": attention_last,
    "deci": what_there_is,
    "falcon": mlp_first,
    "falcon-h1": two_mixers,
    "gemma3n": gemma3n,
    "gemma4": gemma4,
    "gptneox": own_norms,
    "mamba": one_thing,
    "mamba2": one_thing,
    "minimax-01": normed_residual,
    "nemotron_h": one_thing,
    "nemotron_h_moe": one_thing,
    "phi2": side_by_side,
}
