"""Llama 4's language model: attention in chunks, experts with a shared one beside them."""

from collections.abc import Iterable

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.families.moe import experts
from fitcheck.architecture.families.stack import Feed
from fitcheck.architecture.feed_forward import Experts
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


def llama4(c: Config) -> Model:
    """Scout (experts in every layer) and Maverick (in every other one).

    Source: transformers 5.23.0, models/llama4/modeling_llama4.py.
    """
    c = c.over(num_key_value_heads=8, head_dim=128, attention_chunk_size=8192)
    c = c.over(num_local_experts=16, num_experts_per_tok=1, intermediate_size_mlp=16384)
    feeds = stack.gated(c, "intermediate_size_mlp", prefix="feed_forward."), _experts(c)
    layers = parts.each(
        zip(_chunked(c), _sparse(c), strict=True), lambda key: _layer(c, key[0], feeds[key[1]])
    )
    return parts.decoder(c, layers)


def _chunked(c: Config) -> list[bool]:
    """Chunks wherever positions are rotated: by `layer_types`, `no_rope_layers` or every fourth."""
    types = stack.layer_types(c)
    if types is not None:
        return [t == "chunked_attention" for t in types]
    return _rotated(c)


def _rotated(c: Config) -> list[bool]:
    rotated = stack.kinds(c, "no_rope_layers") if c.items("no_rope_layers") else None
    if rotated is not None:
        return [r not in ("0", "False") for r in rotated]
    interval = c.whole("no_rope_layer_interval", default=4)
    return [not last for last in stack.every(parts.layer_count(c), interval)]


def _sparse(c: Config) -> list[bool]:
    count, listed = parts.layer_count(c), c.items("moe_layers")
    if listed is not None:
        return [i in listed for i in range(count)]
    return stack.every(count, c.whole("interleave_moe_layer_step", default=1))


def _layer(c: Config, chunked: bool, feed: Feed) -> Layer:
    hidden_size, bias = c.whole("hidden_size"), c.flag("attention_bias")
    window = c.optional_whole("attention_chunk_size") if chunked else None
    a = parts.attention(c, sliding_window=window, position="rope" if chunked else "none")
    a = msgspec.structs.replace(a, chunked=chunked)
    return Layer(
        mixers=(a,),
        feed_forward=feed.kind,
        tensors=(
            *parts.block_norms(hidden_size),
            *parts.split_attention(hidden_size, a, bias=bias, out_bias=bias),
            *feed.tensors,
        ),
    )


def _experts(c: Config) -> Feed:
    width = c.whole("intermediate_size")
    e = experts(c, "num_local_experts", shared=width)
    shared = parts.shared_expert(
        c.whole("hidden_size"), width, prefix="feed_forward.shared_expert."
    )
    return Feed(e, (*_routed(c.whole("hidden_size"), e), *shared))


def _routed(hidden_size: int, e: Experts) -> Iterable[Tensor]:
    """Gate and up are one tensor in the checkpoint, two in GGUF; both are stored transposed."""
    return parts.experts(
        hidden_size,
        e,
        router="feed_forward.router",
        prefix="feed_forward.experts.",
        names=("gate_up_proj", "gate_up_proj", "down_proj"),
    )
