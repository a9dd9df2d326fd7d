"""OLMo Hybrid: gated delta nets, with OLMo 2's attention in every fourth layer."""

from collections.abc import Iterable

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.families.state_space import conv1d
from fitcheck.architecture.mixers import GatedDeltaNet
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


def olmo_hybrid(c: Config) -> Model:
    """Delta layers norm their inputs, attention layers their outputs.

    Source: transformers 5.23.0, models/olmo_hybrid/modeling_olmo_hybrid.py.
    """
    feed, bias = stack.gated(c), c.flag("attention_bias")
    style = stack.Style(norms=stack.POST, qk_norm="full", bias=bias, out_bias=bias)
    attention = stack.block(c, parts.attention(c), feed, style)
    d = _mixer(c)
    delta = Layer(
        mixers=(d,),
        feed_forward=feed.kind,
        tensors=(
            *parts.block_norms(c.whole("hidden_size")),
            *_delta_tensors(c.whole("hidden_size"), d),
            *feed.tensors,
        ),
    )
    return parts.decoder(c, [attention if full else delta for full in _full_layers(c)])


def _full_layers(c: Config) -> list[bool]:
    """By `layer_types`, else every fourth layer, and the last if there are fewer."""
    types, count = stack.layer_types(c), parts.layer_count(c)
    if types is not None:
        return [t == "full_attention" for t in types]
    full = stack.every(count, 4)
    return full if any(full) else [*full[:-1], True]


def _mixer(c: Config) -> GatedDeltaNet:
    heads = c.whole("num_attention_heads")
    keys = c.whole("linear_num_key_heads", default=heads)
    width = c.whole("linear_key_head_dim", default=int(0.75 * c.whole("hidden_size") / keys))
    return GatedDeltaNet(
        num_key_heads=keys,
        num_value_heads=c.whole("linear_num_value_heads", default=heads),
        key_head_dim=width,
        value_head_dim=c.whole("linear_value_head_dim", default=2 * width),
        d_conv=c.whole("linear_conv_kernel_dim", default=4),
    )


def _delta_tensors(hidden_size: int, d: GatedDeltaNet) -> Iterable[Tensor]:
    heads, at = d.num_value_heads, "linear_attn."
    keys, values = d.num_key_heads * d.key_head_dim, heads * d.value_head_dim
    for role, out, name in (
        ("attn_q", keys, "q_proj"),
        ("attn_k", keys, "k_proj"),
        ("attn_v", values, "v_proj"),
        ("attn_gate", values, "g_proj"),
        ("ssm_alpha", heads, "a_proj"),
        ("ssm_beta", heads, "b_proj"),
    ):
        yield Tensor(role, (out, hidden_size), "linear", f"{at}{name}")
    yield from conv1d("ssm_conv1d", d.conv_dim, d.d_conv, f"{at}conv1d", False)
    yield Tensor("ssm_a", (heads,), "state", f"{at}A_log")
    yield Tensor("ssm_dt.bias", (heads,), "state", f"{at}dt_bias")
    yield from parts.norm("ssm_norm", d.value_head_dim, f"{at}o_norm")
    yield Tensor("ssm_out", (hidden_size, values), "linear", f"{at}o_proj")
