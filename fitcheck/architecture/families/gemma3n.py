"""Gemma 3n's language models: four streams, low-rank residuals, shared caches."""

from collections.abc import Iterable

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.families.gemma4 import (
    per_layer_embeddings,
    per_layer_tensors,
    shared_attention,
    shared_count,
)
from fitcheck.architecture.feed_forward import DenseMLP
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


class Kind(msgspec.Struct, frozen=True):
    """What tells one layer from another."""

    full: bool
    shares: bool
    intermediate_size: int


def gemma3n(c: Config) -> Model:
    """Gemma 3n E2B and E4B. Source: transformers 5.23.0, models/gemma3n/modeling_gemma3n.py."""
    c = c.over(num_key_value_heads=2, head_dim=256, sliding_window=512, tie_word_embeddings=True)
    c = c.over(num_kv_shared_layers=15, hidden_size_per_layer_input=256)
    c = c.over(vocab_size_per_layer_input=262144, altup_num_inputs=4, laurel_rank=64)
    count = parts.layer_count(c)
    own = count - shared_count(c)
    keys = zip(_full(c), (i >= own for i in range(count)), _widths(c, count), strict=True)
    layers = parts.each((Kind(*key) for key in keys), lambda kind: _layer(c, kind))
    outer = parts.outer_tensors(c, tied=c.flag("tie_word_embeddings"))
    return parts.decoder(c, layers, tensors=(*outer, *per_layer_embeddings(c), *_streams(c)))


def _full(c: Config) -> list[bool]:
    types = stack.layer_types(c)
    if types is None:
        return stack.every(parts.layer_count(c), 5)
    return [t == "full_attention" for t in types]


def _widths(c: Config, count: int) -> list[int]:
    """`intermediate_size`, one number or one a layer."""
    found = c.values.get("intermediate_size")
    if not isinstance(found, list | tuple):
        return [c.whole("intermediate_size")] * count
    if len(found) != count:
        raise c.fault("intermediate_size", f"has {len(found)} items for {count} layers")
    return [c.having(intermediate_size=width).whole("intermediate_size") for width in found]


def _layer(c: Config, kind: Kind) -> Layer:
    hidden_size, width = c.whole("hidden_size"), kind.intermediate_size
    window = None if kind.full else c.whole("sliding_window")
    a = msgspec.structs.replace(parts.attention(c, sliding_window=window), shares_cache=kind.shares)
    return Layer(
        mixers=(a,),
        feed_forward=DenseMLP(intermediate_size=width),
        tensors=(
            *stack.norms(hidden_size, stack.Style(norms=stack.SANDWICH)),
            *shared_attention(hidden_size, a, bias=c.flag("attention_bias")),
            *parts.gated_mlp(hidden_size, width),
            *_altup(hidden_size, c.whole("altup_num_inputs")),
            *_laurel(hidden_size, c.whole("laurel_rank")),
            *per_layer_tensors(c),
        ),
    )


def _altup(hidden_size: int, streams: int) -> Iterable[Tensor]:
    """Predicts the streams that are not computed, and corrects them."""
    yield Tensor("altup_correct_scale", (hidden_size,), "state", "altup.correct_output_scale")
    yield Tensor("altup_correct_coef", (streams, streams), "linear", "altup.correction_coefs")
    square = streams * streams
    yield Tensor("altup_predict_coef", (square, streams), "linear", "altup.prediction_coefs")
    yield Tensor("altup_router", (streams, hidden_size), "linear", "altup.modality_router")
    yield from parts.norm("altup_router_norm", hidden_size, "altup.router_norm")


def _laurel(hidden_size: int, rank: int) -> Iterable[Tensor]:
    yield Tensor("laurel_l", (rank, hidden_size), "linear", "laurel.linear_left")
    yield Tensor("laurel_r", (hidden_size, rank), "linear", "laurel.linear_right")
    yield from parts.norm("laurel_post_norm", hidden_size, "laurel.post_laurel_norm")


def _streams(c: Config) -> Iterable[Tensor]:
    """Matrices that make the further streams and join them again."""
    square = (c.whole("hidden_size"),) * 2
    for i in range(c.layer_count("altup_num_inputs") - 1):
        yield Tensor("altup_proj", square, "linear", f"model.altup_projections.{i}")
        yield Tensor("altup_unembd_proj", square, "linear", f"model.altup_unembed_projections.{i}")
