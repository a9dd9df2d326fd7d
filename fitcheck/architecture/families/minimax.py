"""MiniMax-01 and M1, which have lightning attention in most layers, and M3, which has none."""

from collections.abc import Iterable
from typing import Final

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.families.stack import Feed
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


def minimax_m3(c: Config) -> Model:
    """MiniMax M3: softmax attention whose later layers read the blocks that an indexer picks.

    Source: transformers 5.23.0, models/minimax_m3_vl/modeling_minimax_m3_vl.py.
    """
    c = c.over(num_key_value_heads=4, head_dim=128, num_local_experts=128, num_experts_per_tok=4)
    listed = c.section("sparse_attention_config") or Config({})
    feeds = stack.gated(c, "dense_intermediate_size"), _m3_experts(c)
    keys = zip(_m3_indexed(c, listed), _m3_sparse(c), strict=True)
    return parts.decoder(
        c, parts.each(keys, lambda key: _m3_layer(c, listed, key[0], feeds[key[1]]))
    )


def _m3_indexed(c: Config, listed: Config) -> list[bool]:
    types = stack.layer_types(c)
    if types is not None:
        return [t == "minimax_m3_sparse" for t in types]
    found, count = listed.items("sparse_attention_freq"), parts.layer_count(c)
    if found is not None and len(found) != count:
        raise listed.fault("sparse_attention_freq", f"has {len(found)} items for {count} layers")
    return [bool(f) for f in found or [False] * count]


def _m3_sparse(c: Config) -> list[bool]:
    types = stack.kinds(c, "mlp_layer_types")
    if types is not None:
        return [t == "sparse" for t in types]
    found = stack.kinds(c, "moe_layer_freq")
    return [f != "0" for f in found] if found else [True] * parts.layer_count(c)


def _m3_experts(c: Config) -> Feed:
    e = Experts(
        num_experts=c.whole("num_local_experts", "num_experts"),
        num_experts_per_tok=c.whole("num_experts_per_tok"),
        intermediate_size=c.whole("intermediate_size"),
        shared_intermediate_size=c.whole("shared_intermediate_size", default=3072),
    )
    return stack.mixture(
        c,
        e,
        router="block_sparse_moe.gate",
        prefix="block_sparse_moe.experts.0.",
        names=("w1", "w3", "w2"),
        shared="block_sparse_moe.shared_experts.",
        correction="block_sparse_moe.e_score_correction_bias",
    )


def _m3_layer(c: Config, listed: Config, indexed: bool, feed: Feed) -> Layer:
    a = parts.attention(c)
    extra: list[Tensor] = []
    if indexed:
        width = listed.whole("sparse_index_dim", default=c.whole("index_head_dim", default=128))
        heads = listed.whole("sparse_num_index_heads", default=c.whole("index_n_heads", default=4))
        a = msgspec.structs.replace(a, index_head_dim=width)
        extra += _m3_indexer(c.whole("hidden_size"), heads, width)
    return stack.block(c, a, feed, stack.Style(qk_norm="head"), tuple(extra))


def _m3_indexer(hidden_size: int, heads: int, width: int) -> Iterable[Tensor]:
    at = "self_attn.index_"
    yield Tensor("indexer.q_proj", (heads * width, hidden_size), "linear", f"{at}q_proj")
    yield Tensor("indexer.k_proj", (width, hidden_size), "linear", f"{at}k_proj")
    yield from parts.norm("indexer.q_norm", width, f"{at}q_norm")
    yield from parts.norm("indexer.k_norm", width, f"{at}k_norm")
