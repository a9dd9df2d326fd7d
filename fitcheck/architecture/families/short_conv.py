"""LFM2 and LFM3: gated short convolutions, with attention in some layers."""

from collections.abc import Iterable, Sequence

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.families.stack import Feed
from fitcheck.architecture.families.state_space import conv1d
from fitcheck.architecture.feed_forward import DenseMLP, Experts
from fitcheck.architecture.mixers import Attention, ShortConv
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor

W1_W3_W2 = ("w1", "w3", "w2")


def lfm2(c: Config) -> Model:
    """LFM2: an MLP in every layer, whose width is rounded from the one given.

    Source: transformers 5.23.0, models/lfm2/modeling_lfm2.py.
    """
    c = c.over(num_key_value_heads=8)
    return _hybrid(c, [_mlp(c, _mlp_width(c))] * parts.layer_count(c))


def lfm2_moe(c: Config) -> Model:
    """LFM2 with experts after the first `num_dense_layers` layers. Source: models/lfm2_moe."""
    c = c.over(num_key_value_heads=8, num_experts=32, num_experts_per_tok=4)
    e = Experts(
        num_experts=c.whole("num_experts"),
        num_experts_per_tok=c.whole("num_experts_per_tok"),
        intermediate_size=c.whole("moe_intermediate_size", default=1792),
    )
    biased = c.flag("use_expert_bias", default=True)
    sparse = stack.mixture(
        c,
        e,
        router="feed_forward.gate",
        prefix="feed_forward.experts.0.",
        names=W1_W3_W2,
        correction="feed_forward.expert_bias" if biased else "",
    )
    dense = _mlp(c, c.whole("intermediate_size"))
    first = c.whole("num_dense_layers", default=2, least=0)
    return _hybrid(c, [dense if i < first else sparse for i in range(parts.layer_count(c))])


def _mlp_width(c: Config) -> int:
    """Two thirds of the width given, rounded up to a multiple, unless it is said to be final."""
    width = c.whole("block_ff_dim", "intermediate_size", default=12288)
    if not c.flag("block_auto_adjust_ff_dim", default=True):
        return width
    width = int(c.number("block_ffn_dim_multiplier", 1.0) * int(2 * width / 3))
    multiple = c.whole("block_multiple_of", default=256)
    return -(-width // multiple) * multiple


def _mlp(c: Config, width: int) -> Feed:
    hidden_size, prefix = c.whole("hidden_size"), "feed_forward."
    return Feed(
        DenseMLP(intermediate_size=width),
        (
            *parts.linear("ffn_gate", width, hidden_size, f"{prefix}w1"),
            *parts.linear("ffn_up", width, hidden_size, f"{prefix}w3"),
            *parts.linear("ffn_down", hidden_size, width, f"{prefix}w2"),
        ),
    )


def _hybrid(c: Config, feeds: Sequence[Feed]) -> Model:
    tied = c.flag("tie_embedding", "tie_word_embeddings", default=True)
    layers = stack.paired(_attends(c), feeds, lambda attends, feed: _layer(c, attends, feed))
    outer = parts.outer_tensors(c, tied=tied, final_norm="model.embedding_norm")
    return parts.decoder(c.having(tie_word_embeddings=tied), layers, tensors=outer)


def _attends(c: Config) -> list[bool]:
    types = stack.layer_types(c)
    if types is not None:
        return [t == "full_attention" for t in types]
    full = c.items("full_attn_idxs")
    return [full is None or i in full for i in range(parts.layer_count(c))]


def _layer(c: Config, attends: bool, feed: Feed) -> Layer:
    hidden_size, bias = c.whole("hidden_size"), c.flag("conv_bias")
    a = parts.attention(c)
    s = ShortConv(channels=hidden_size, d_conv=c.whole("conv_L_cache", default=3))
    style = stack.Style(qk_norm="head", qk_names=("q_layernorm", "k_layernorm"))
    attention = (
        *parts.split_attention(hidden_size, a, out="out_proj"),
        *stack.qk_norms(a, style),
    )
    return Layer(
        mixers=(a if attends else s,),
        feed_forward=feed.kind,
        tensors=(
            *parts.norm("attn_norm", hidden_size, "operator_norm"),
            *(attention if attends else _conv_tensors(s, bias)),
            *parts.norm("ffn_norm", hidden_size, "ffn_norm"),
            *feed.tensors,
        ),
    )


def _conv_tensors(s: ShortConv, bias: bool) -> Iterable[Tensor]:
    width = s.channels
    yield from parts.linear("shortconv.in_proj", 3 * width, width, "conv.in_proj", bias)
    yield from conv1d("shortconv.conv", width, s.d_conv, "conv.conv", bias)
    yield from parts.linear("shortconv.out_proj", width, width, "conv.out_proj", bias)


def lfm3(c: Config) -> Model:
    """LFM3: every other layer attends, with windows in half of those; norms on either side.

    Source: transformers 5.23.0, models/lfm3/modeling_lfm3.py.
    """
    c = c.over(num_key_value_heads=4, head_dim=128, sliding_window=256, conv_L_cache=7)
    c = c.over(tie_word_embeddings=True)
    feed = _mlp(c, c.whole("intermediate_size"))
    types = stack.layer_types(c) or [_lfm3_kind(i) for i in range(parts.layer_count(c))]
    layers = parts.each(types, lambda kind: _lfm3_layer(c, kind, feed))
    tied = c.flag("tie_word_embeddings")
    outer = parts.outer_tensors(c, tied=tied, final_norm="model.embedding_norm")
    return parts.decoder(c, layers, tensors=outer)


def _lfm3_kind(i: int) -> str:
    if i % 4 == 2:
        return "full_attention"
    return "sliding_attention" if i and i % 4 == 0 else "conv"


def _lfm3_layer(c: Config, kind: str, feed: Feed) -> Layer:
    hidden_size = c.whole("hidden_size")
    window = c.optional_whole("sliding_window") if kind == "sliding_attention" else None
    a = parts.attention(c, sliding_window=window)
    s = ShortConv(channels=hidden_size, d_conv=c.whole("conv_L_cache"))
    attends = kind != "conv"
    mixing = _lfm3_attention(c, a) if attends else _conv_tensors(s, c.flag("conv_bias"))
    norms = [("attn_norm", "operator_norm"), ("ffn_norm", "ffn_norm")]
    if c.flag("use_sandwich_norm", default=True):
        norms += [("post_attention_norm", "post_operator_norm"), ("post_ffw_norm", "post_ffn_norm")]
    return Layer(
        mixers=(a if attends else s,),
        feed_forward=feed.kind,
        tensors=(
            *(t for role, module in norms for t in parts.norm(role, hidden_size, module)),
            *mixing,
            *feed.tensors,
        ),
    )


def _lfm3_attention(c: Config, a: Attention) -> Iterable[Tensor]:
    hidden_size, bias = c.whole("hidden_size"), c.flag("attention_bias")
    yield from parts.split_attention(hidden_size, a, bias=bias, out_bias=bias, qk_norm=True)
    if c.flag("use_attention_gate", default=True):
        gates = (a.num_attention_heads, hidden_size)
        yield Tensor("attn_gate", gates, "linear", "self_attn.g_proj")
