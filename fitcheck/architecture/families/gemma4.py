"""Gemma 4's language models: shared caches, embeddings for each layer, experts beside an MLP."""

from collections.abc import Iterable

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.feed_forward import DenseMLP, Experts, FeedForward
from fitcheck.architecture.mixers import Attention
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


class Kind(msgspec.Struct, frozen=True):
    """What tells one layer from another."""

    full: bool
    shares: bool
    head_dim: int
    num_key_value_heads: int


def gemma4(c: Config) -> Model:
    """Gemma 4, dense (31B), with experts (26B-A4B) or with embeddings for each layer (E2B, E4B).

    Source: transformers 5.23.0, models/gemma4/modeling_gemma4.py.
    """
    c = c.over(num_key_value_heads=4, head_dim=256, sliding_window=512, tie_word_embeddings=True)
    c = c.over(hidden_size_per_layer_input=256, vocab_size_per_layer_input=262144)
    layers = parts.each(_kinds(c), lambda kind: _layer(c, kind))
    outer = parts.outer_tensors(c, tied=c.flag("tie_word_embeddings"))
    return parts.decoder(c, layers, tensors=(*outer, *per_layer_embeddings(c)))


def _kinds(c: Config) -> list[Kind]:
    """Each layer's kind; the last layers read the cache of the last one that has its own."""
    count = parts.layer_count(c)
    full = _full_layers(c, 6)
    own = count - shared_count(c)
    return [_kind(c, i, full[i], i >= own) for i in range(count)]


def _kind(c: Config, i: int, full: bool, shares: bool) -> Kind:
    """Full attention has wider heads; its own number of keys counts if values are the keys."""
    heads = c.whole("num_key_value_heads")
    if not full:
        return Kind(False, shares, c.whole("head_dim"), heads)
    if "per_layer_config" in c:
        listed = c.required_section("per_layer_config")
        one = listed.section(str(i), f"{i:02}", f"{i:03}") or Config({})
        width = one.whole("head_dim", default=c.whole("head_dim"))
        return Kind(True, shares, width, one.whole("num_key_value_heads", default=heads))
    if c.flag("attention_k_eq_v"):
        heads = c.whole("num_global_key_value_heads", default=heads)
    return Kind(True, shares, c.whole("global_head_dim", default=512), heads)


def _full_layers(c: Config, period: int) -> list[bool]:
    """Which layers see all tokens: by `layer_types`, else every `period`-th."""
    types = stack.layer_types(c)
    if types is not None:
        return [t == "full_attention" for t in types[:-1]] + [True]
    return [*stack.every(parts.layer_count(c), period)[:-1], True]


def shared_count(c: Config) -> int:
    """How many of the last layers have no keys and values of their own."""
    shared = c.whole("num_kv_shared_layers", default=0, least=0)
    if shared >= parts.layer_count(c):
        raise c.fault("num_kv_shared_layers", f"is {shared}, which leaves no layer with a cache")
    return shared


def _layer(c: Config, kind: Kind) -> Layer:
    hidden_size = c.whole("hidden_size")
    a = Attention(
        num_attention_heads=c.whole("num_attention_heads"),
        num_key_value_heads=kind.num_key_value_heads,
        head_dim=kind.head_dim,
        value_head_dim=kind.head_dim,
        sliding_window=None if kind.full else c.whole("sliding_window"),
        shares_cache=kind.shares,
    )
    doubled = kind.shares and c.flag("use_double_wide_mlp")
    width = c.whole("intermediate_size") * (2 if doubled else 1)
    feed, tensors = _feed(c, width)
    values = not (kind.full and c.flag("attention_k_eq_v"))
    return Layer(
        mixers=(a,),
        feed_forward=feed,
        tensors=(
            *stack.norms(hidden_size, stack.Style(norms=stack.SANDWICH)),
            *shared_attention(hidden_size, a, bias=c.flag("attention_bias"), values=values),
            *parts.gated_mlp(hidden_size, width),
            *tensors,
            *per_layer_tensors(c),
            Tensor("layer_output_scale", (1,), "state", "layer_scalar", "", True),
        ),
    )


def shared_attention(
    hidden_size: int, a: Attention, *, bias: bool, values: bool = True
) -> Iterable[Tensor]:
    """Attention whose keys and values are left out of the class where the cache is another's.

    The checkpoint has them nevertheless; `values` is False where the keys are the values too.
    """
    idle = () if values else ("attn_v", "attn_v.bias")
    theirs = ("attn_k", "attn_k.bias", "attn_v", "attn_v.bias", "attn_k_norm")
    for t in parts.split_attention(hidden_size, a, bias=bias, out_bias=bias, qk_norm=True):
        if t.role in idle:
            continue
        if a.shares_cache and t.role in theirs:
            t = msgspec.structs.replace(t, buffer=True, unloaded=True)
        yield t


def _feed(c: Config, width: int) -> tuple[FeedForward, Iterable[Tensor]]:
    """The MLP, and experts beside it that have a router with scales and norms of their own."""
    if not c.flag("enable_moe_block"):
        return DenseMLP(intermediate_size=width), ()
    e = Experts(
        num_experts=c.whole("num_experts"),
        num_experts_per_tok=c.whole("top_k_experts"),
        intermediate_size=c.whole("moe_intermediate_size"),
        dense_intermediate_size=width,
    )
    return e, _experts(c.whole("hidden_size"), e)


def _experts(hidden_size: int, e: Experts) -> Iterable[Tensor]:
    n, ff = e.num_experts, e.intermediate_size
    yield Tensor("ffn_gate_inp", (n, hidden_size), "linear", "router.proj")
    yield Tensor("ffn_gate_inp.scale", (hidden_size,), "state", "router.scale")
    yield Tensor("ffn_gate_inp.expert_scale", (n,), "state", "router.per_expert_scale")
    yield Tensor("ffn_gate_up_exps", (n, 2 * ff, hidden_size), "experts", "experts.gate_up_proj")
    yield Tensor("ffn_down_exps", (n, hidden_size, ff), "experts", "experts.down_proj")
    yield from parts.norm("post_ffw_norm_1", hidden_size, "post_feedforward_layernorm_1")
    yield from parts.norm("post_ffw_norm_2", hidden_size, "post_feedforward_layernorm_2")
    yield from parts.norm("pre_ffw_norm_2", hidden_size, "pre_feedforward_layernorm_2")


def per_layer_tensors(c: Config) -> Iterable[Tensor]:
    """What brings a layer's own embeddings in."""
    hidden_size, width = c.whole("hidden_size"), _per_layer_width(c)
    if width:
        yield Tensor("inp_gate", (width, hidden_size), "linear", "per_layer_input_gate")
        yield Tensor("proj", (hidden_size, width), "linear", "per_layer_projection")
        yield from parts.norm("post_norm", hidden_size, "post_per_layer_input_norm")


def per_layer_embeddings(c: Config) -> Iterable[Tensor]:
    """The embeddings of all layers in one table, and a projection of the hidden state to them."""
    width = _per_layer_width(c)
    if not width:
        return
    rows, wide = c.whole("vocab_size_per_layer_input"), parts.layer_count(c) * width
    at = "model.per_layer_"
    yield Tensor("per_layer_token_embd", (rows, wide), "embedding", "model.embed_tokens_per_layer")
    yield Tensor(
        "per_layer_model_proj", (wide, c.whole("hidden_size")), "linear", f"{at}model_projection"
    )
    yield from parts.norm("per_layer_proj_norm", width, f"{at}projection_norm")


def _per_layer_width(c: Config) -> int:
    return c.whole("hidden_size_per_layer_input", default=0, least=0)
