"""MiniMax-01 and M1: lightning attention, with softmax attention in some layers."""

from collections.abc import Iterable
from typing import Final

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.feed_forward import Experts
from fitcheck.architecture.mixers import Attention, LinearAttention
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor

# The kind of a layer in `attn_type_list`: 0 is lightning attention, 1 softmax attention.
SOFTMAX: Final = 1


def minimax(c: Config) -> Model:
    """MiniMax-Text-01 and M1: experts in every layer.

    Source: transformers 5.23.0, models/minimax/modeling_minimax.py; the names of modules are those
    of the published checkpoints.
    """
    c = c.over(num_key_value_heads=8, num_local_experts=8, num_experts_per_tok=2)
    hidden_size, a = c.whole("hidden_size"), parts.attention(c)
    e = Experts(
        num_experts=c.whole("num_local_experts", "num_experts"),
        num_experts_per_tok=c.whole("num_experts_per_tok"),
        intermediate_size=c.whole("intermediate_size"),
    )
    routed = stack.mixture(
        c,
        e,
        router="block_sparse_moe.gate",
        prefix="block_sparse_moe.experts.0.",
        names=("w1", "w3", "w2"),
    )
    lightning = LinearAttention(
        num_heads=a.num_attention_heads, key_head_dim=a.head_dim, value_head_dim=a.head_dim
    )

    def layer(softmax: bool) -> Layer:
        full = parts.split_attention(hidden_size, a)
        return Layer(
            mixers=(a if softmax else lightning,),
            feed_forward=e,
            tensors=(
                *parts.block_norms(hidden_size),
                *(full if softmax else _lightning(hidden_size, a)),
                *routed.tensors,
            ),
        )

    return parts.decoder(c, parts.each(_softmax_layers(c), layer))


def _softmax_layers(c: Config) -> list[bool]:
    """By `attn_type_list` (remote code) or `layer_types`; the class's default is every other."""
    numbers = stack.kinds(c, "attn_type_list")
    if numbers is not None:
        return [n == str(SOFTMAX) for n in numbers]
    types = stack.layer_types(c)
    if types is not None:
        return [t == "full_attention" for t in types]
    return [i % 2 == 0 for i in range(parts.layer_count(c))]


def _lightning(hidden_size: int, a: Attention) -> Iterable[Tensor]:
    wide = a.num_attention_heads * a.head_dim
    yield Tensor("attn_qkv", (3 * wide, hidden_size), "linear", "self_attn.qkv_proj")
    yield from parts.norm("attn_norm_2", wide, "self_attn.norm")
    yield Tensor("attn_gate", (wide, hidden_size), "linear", "self_attn.output_gate")
    yield Tensor("attn_output", (hidden_size, wide), "linear", "self_attn.out_proj")
