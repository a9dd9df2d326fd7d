"""Step 3.5 and 3.7's language model: gated heads, windows with more heads, experts."""

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.families.moe import dense_first
from fitcheck.architecture.families.sparse import CORRECTION, shared_biases
from fitcheck.architecture.families.stack import Feed
from fitcheck.architecture.feed_forward import Experts
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


def step3p5(c: Config) -> Model:
    """A gate for each head; layers with a window may have a number of heads of their own.

    Source: transformers 5.23.0, models/step3p7/modeling_step3p7.py.
    """
    c = c.over(num_key_value_heads=c.whole("num_attention_groups", default=8), head_dim=128)
    c = _without_mtp_entries(c)
    bias = c.flag("mlp_bias")
    if "moe_layers_enum" in c and "mlp_layer_types" not in c:
        feeds = _enumerated(c)
    else:
        feeds = dense_first(c, _experts(c), 3, bias=bias)
    types = stack.layer_types(c) or ["full_attention"] * parts.layer_count(c)
    sliding = (t == "sliding_attention" for t in types)
    return parts.decoder(c, stack.paired(sliding, feeds, lambda s, feed: _layer(c, s, feed)))


def _without_mtp_entries(c: Config) -> Config:
    """Lists with one item a layer go on for the layers that predict further tokens."""
    count = parts.layer_count(c)
    cut = {
        key: found[:count]
        for key in ("layer_types", "mlp_layer_types")
        if (found := c.items(key)) is not None
    }
    return c.having(**cut)


def _enumerated(c: Config) -> list[Feed]:
    listed = c.values["moe_layers_enum"]
    items = listed.split(",") if isinstance(listed, str) else c.items("moe_layers_enum") or []
    sparse, dense = _experts(c), stack.gated(c, bias=c.flag("mlp_bias"))
    wanted = {str(item).strip() for item in items}
    return [sparse if str(i) in wanted else dense for i in range(parts.layer_count(c))]


def _experts(c: Config) -> Feed:
    e = Experts(
        num_experts=c.whole("n_routed_experts", "moe_num_experts", default=288),
        num_experts_per_tok=c.whole("num_experts_per_tok", "moe_top_k", default=8),
        intermediate_size=c.whole("moe_intermediate_size", default=1280),
        shared_intermediate_size=c.whole("share_expert_dim", "share_expert_dims", default=1280),
    )
    return shared_biases(stack.mixture(c, e, correction=CORRECTION), c.flag("mlp_bias"))


def _layer(c: Config, sliding: bool, feed: Feed) -> Layer:
    if sliding:
        other = c.section("attention_other_setting") or Config({})
        heads = c.whole("num_attention_heads")
        heads = other.whole("num_attention_heads", default=heads)
        c = c.having(num_attention_heads=c.whole("num_sliding_attention_heads", default=heads))
    a = parts.attention(c, sliding_window=c.optional_whole("sliding_window") if sliding else None)
    bias = c.flag("attention_bias")
    style = stack.Style(bias=bias, out_bias=bias, qk_norm="head")
    gate = Tensor(
        "attn_gate", (a.num_attention_heads, c.whole("hidden_size")), "linear", "self_attn.g_proj"
    )
    return stack.block(c, a, feed, style, (gate,))
