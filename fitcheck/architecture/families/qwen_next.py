"""Qwen3-Next and Qwen3.5: three layers of gated delta net, then one of gated attention."""

from collections.abc import Iterable, Sequence

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.families.qwen import qwen_experts, sparse_feeds
from fitcheck.architecture.families.stack import Feed
from fitcheck.architecture.families.state_space import conv1d
from fitcheck.architecture.mixers import Attention, GatedDeltaNet
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


def qwen3_next(c: Config) -> Model:
    """Qwen3-Next: experts in every layer.

    Its checkpoint holds one layer that predicts a further token, which no key announces: the hub's
    Qwen3-Next-80B-A3B holds 1,650,471,424 weights more than the model.
    Source: transformers 5.23.0, models/qwen3_next/modeling_qwen3_next.py.
    """
    c = _class_defaults(c).over(num_key_value_heads=2, mtp_num_hidden_layers=1)
    c = c.over(num_experts=512, num_experts_per_tok=10, intermediate_size=5632)
    feeds = sparse_feeds(c, _experts(c))
    return _hybrid(c, feeds)


def qwen3_5(c: Config) -> Model:
    """Qwen3.5's language model, dense. Source: models/qwen3_5/modeling_qwen3_5.py."""
    c = _class_defaults(c).over(num_key_value_heads=4)
    return _hybrid(c, [stack.gated(c)] * parts.layer_count(c))


def qwen3_5_moe(c: Config) -> Model:
    """Qwen3.5's language model with experts. Source: models/qwen3_5_moe."""
    c = _class_defaults(c).over(num_key_value_heads=2, num_experts=256, num_experts_per_tok=8)
    return _hybrid(c, [_experts(c)] * parts.layer_count(c))


def _class_defaults(c: Config) -> Config:
    return c.over(
        head_dim=256,
        linear_conv_kernel_dim=4,
        linear_key_head_dim=128,
        linear_value_head_dim=128,
        linear_num_key_heads=16,
        linear_num_value_heads=32,
        moe_intermediate_size=512,
        shared_expert_intermediate_size=512,
    )


def _experts(c: Config) -> Feed:
    e = qwen_experts(c, c.whole("shared_expert_intermediate_size"))
    gate = Tensor(
        "ffn_gate_inp_shexp", (1, c.whole("hidden_size")), "linear", "mlp.shared_expert_gate"
    )
    return stack.mixture(c, e, shared="mlp.shared_expert.", extra=(gate,))


def _hybrid(c: Config, feeds: Sequence[Feed]) -> Model:
    def layer(full: bool, feed: Feed) -> Layer:
        return _attention_layer(c, feed) if full else _delta_layer(c, feed)

    layers = stack.paired(full_attention(c), feeds, layer)
    return parts.decoder(c, layers, mtp_layers=_mtp(c, feeds[-1]))


def full_attention(c: Config) -> list[bool]:
    """Which layers see all tokens: by `layer_types`, else every `full_attention_interval`-th."""
    types = stack.layer_types(c)
    if types is not None:
        return [t in ("full_attention", "attention") for t in types]
    return stack.every(parts.layer_count(c), c.whole("full_attention_interval", default=4))


def _norms(hidden_size: int) -> Iterable[Tensor]:
    yield from parts.norm("attn_norm", hidden_size, "input_layernorm")
    yield from parts.norm("post_attention_norm", hidden_size, "post_attention_layernorm")


def _attention_layer(c: Config, feed: Feed, extra: Iterable[Tensor] = ()) -> Layer:
    """Attention whose query projection also makes a gate for each value."""
    hidden_size, a = c.whole("hidden_size"), parts.attention(c)
    return Layer(
        mixers=(a,),
        feed_forward=feed.kind,
        tensors=(
            *_norms(hidden_size),
            *_gated_attention(hidden_size, a, bias=c.flag("attention_bias")),
            *feed.tensors,
            *extra,
        ),
    )


def _gated_attention(hidden_size: int, a: Attention, *, bias: bool) -> Iterable[Tensor]:
    queries = 2 * a.num_attention_heads * a.head_dim
    keys = a.num_key_value_heads * a.head_dim
    yield from parts.linear("attn_q", queries, hidden_size, "self_attn.q_proj", bias)
    yield from parts.linear("attn_k", keys, hidden_size, "self_attn.k_proj", bias)
    yield from parts.linear("attn_v", keys, hidden_size, "self_attn.v_proj", bias)
    yield from parts.linear("attn_output", hidden_size, queries // 2, "self_attn.o_proj", bias)
    yield from parts.norm("attn_q_norm", a.head_dim, "self_attn.q_norm")
    yield from parts.norm("attn_k_norm", a.head_dim, "self_attn.k_norm")


def _delta_layer(c: Config, feed: Feed) -> Layer:
    hidden_size = c.whole("hidden_size")
    d = GatedDeltaNet(
        num_key_heads=c.whole("linear_num_key_heads"),
        num_value_heads=c.whole("linear_num_value_heads"),
        key_head_dim=c.whole("linear_key_head_dim"),
        value_head_dim=c.whole("linear_value_head_dim"),
        d_conv=c.whole("linear_conv_kernel_dim"),
    )
    return Layer(
        mixers=(d,),
        feed_forward=feed.kind,
        tensors=(*_norms(hidden_size), *_delta_tensors(c, hidden_size, d), *feed.tensors),
    )


def _delta_tensors(c: Config, hidden_size: int, d: GatedDeltaNet) -> Iterable[Tensor]:
    """Qwen3-Next keeps queries, keys, values and gates in one matrix, as it does beta and alpha.

    llama.cpp's converter splits the first (conversion/qwen.py, 0c1e57098), so that it is listed as
    two tensors of one module.
    """
    values, heads = d.num_value_heads * d.value_head_dim, d.num_value_heads
    joined = "qwen3_next" in c.model_type
    qkv, gate = ("in_proj_qkvz",) * 2 if joined else ("in_proj_qkv", "in_proj_z")
    yield Tensor("attn_qkv", (d.conv_dim, hidden_size), "linear", f"linear_attn.{qkv}")
    yield Tensor("attn_gate", (values, hidden_size), "linear", f"linear_attn.{gate}")
    if joined:
        yield Tensor("ssm_ba", (2 * heads, hidden_size), "linear", "linear_attn.in_proj_ba")
    else:
        yield Tensor("ssm_beta", (heads, hidden_size), "linear", "linear_attn.in_proj_b")
        yield Tensor("ssm_alpha", (heads, hidden_size), "linear", "linear_attn.in_proj_a")
    yield from conv1d("ssm_conv1d", d.conv_dim, d.d_conv, "linear_attn.conv1d", False)
    yield Tensor("ssm_dt.bias", (heads,), "state", "linear_attn.dt_bias")
    yield Tensor("ssm_a", (heads,), "state", "linear_attn.A_log")
    yield from parts.norm("ssm_norm", d.value_head_dim, "linear_attn.norm")
    yield from parts.linear("ssm_out", hidden_size, values, "linear_attn.out_proj")


def _mtp(c: Config, feed: Feed) -> tuple[Layer, ...]:
    """A layer of attention with the norms and the projection that bring in the last token."""
    count = parts.layers_ahead(c, "mtp_num_hidden_layers")
    hidden_size = c.whole("hidden_size")
    joint = (
        *parts.norm("nextn.enorm", hidden_size, "mtp.pre_fc_norm_embedding"),
        *parts.norm("nextn.hnorm", hidden_size, "mtp.pre_fc_norm_hidden"),
        *parts.linear("nextn.eh_proj", hidden_size, 2 * hidden_size, "mtp.fc"),
        *parts.norm("nextn.shared_head_norm", hidden_size, "mtp.norm"),
    )
    return (_attention_layer(c, feed, joint),) * count
