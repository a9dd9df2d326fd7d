"""Decoders of Llama's kind with routed experts: Mixtral and its kin, and the tools for others.

Source of shapes and defaults: transformers 5.23.0, models/<model_type>; names as the checkpoints
have them (conversion_mapping.py there says which were renamed on loading).
"""

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.llama import biased
from fitcheck.architecture.families.stack import (
    POST,
    Feed,
    Style,
    every,
    gated,
    kinds,
    mixture,
    stack,
    windows,
)
from fitcheck.architecture.feed_forward import Experts
from fitcheck.architecture.model import Model
from fitcheck.architecture.tensor import Tensor


def experts(
    c: Config,
    count: str = "num_experts",
    used: str = "num_experts_per_tok",
    width: str = "intermediate_size",
    shared: int = 0,
) -> Experts:
    """Experts by three keys, and the width of all shared ones together."""
    e = Experts(
        num_experts=c.whole(count, "num_local_experts", "num_experts", "n_routed_experts"),
        num_experts_per_tok=c.whole(used, "num_experts_per_tok"),
        intermediate_size=c.whole(width),
        shared_intermediate_size=shared,
    )
    if e.num_experts_per_tok > e.num_experts:
        raise c.fault(used, f"is {e.num_experts_per_tok}, more than the {e.num_experts} experts")
    return e


def shared_width(c: Config, count: str, width: str = "moe_intermediate_size") -> int:
    """The width of `count` shared experts together, 0 where there are none."""
    return c.whole(count, default=0, least=0) * c.whole(width)


def dense_first(
    c: Config, sparse: Feed, first: int, dense: Feed | None = None, *, bias: bool = False
) -> list[Feed]:
    """A dense MLP in the first layers, experts in the others.

    `mlp_layer_types` of config.json goes before `first`.
    """
    types = kinds(c, "mlp_layer_types")
    count = parts.layer_count(c)
    found = [t != "dense" for t in types] if types else [i >= first for i in range(count)]
    if all(found):
        return [sparse] * count
    dense = dense or gated(c, bias=bias)
    return [sparse if f else dense for f in found]


def mixtral(c: Config) -> Model:
    """Mixtral: eight experts of which two are used."""
    c = c.over(num_key_value_heads=8, num_local_experts=8, num_experts_per_tok=2)
    return stack(c, _mixtral_feed(c), windows=windows(c))


def _mixtral_feed(c: Config, correction: str = "") -> Feed:
    return mixture(
        c,
        experts(c, "num_local_experts"),
        router="block_sparse_moe.gate",
        prefix="block_sparse_moe.experts.0.",
        names=("w1", "w3", "w2"),
        correction=correction,
    )


def minimax_m2(c: Config) -> Model:
    """MiniMax M2: Mixtral's names, norms over all queries and keys, a corrected router."""
    c = c.over(num_key_value_heads=8, head_dim=128, num_local_experts=256, num_experts_per_tok=8)
    feed = _mixtral_feed(c, "block_sparse_moe.e_score_correction_bias")
    return stack(c, feed, Style(qk_norm="full"))


def phimoe(c: Config) -> Model:
    """Phi 3.5 MoE: LayerNorm, sixteen experts, a bias on the head if asked for."""
    c = c.over(num_key_value_heads=8, num_local_experts=16, num_experts_per_tok=2)
    bias = c.flag("attention_bias")
    outer = parts.outer_tensors(
        c,
        tied=c.flag("tie_word_embeddings"),
        norm_bias=True,
        head_bias=c.flag("lm_head_bias"),
    )
    style = Style(bias=bias, out_bias=bias, norm_bias=True)
    return stack(c, _mixtral_feed(c), style, windows=windows(c), tensors=outer)


def olmoe(c: Config) -> Model:
    """OLMoE: 64 experts, norms over all queries and keys."""
    c = c.over(num_experts=64, num_experts_per_tok=8)
    style = msgspec.structs.replace(biased(c), qk_norm="full")
    return stack(c, mixture(c, experts(c)), style)


def flex_olmo(c: Config) -> Model:
    """FlexOlmo: OLMo 2 with experts."""
    c = c.over(num_experts=7, num_experts_per_tok=5)
    style = msgspec.structs.replace(biased(c, POST), qk_norm="full")
    return stack(c, mixture(c, experts(c)), style)


def granitemoe(c: Config) -> Model:
    """Granite 3 MoE: experts kept as two stacks, and a shared one in later releases."""
    return stack(c, _granite_feed(c), biased(c))


def granitemoe_swa(c: Config) -> Model:
    """Granite MoE with windows in three layers of four, and attention sinks."""
    c = c.over(sliding_window=128)
    full = [i % 4 == 0 for i in range(parts.layer_count(c))]
    style = msgspec.structs.replace(biased(c), sinks=True)
    return stack(c, _granite_feed(c), style, windows=windows(c, full))


def _granite_feed(c: Config) -> Feed:
    c = c.over(num_local_experts=8, num_experts_per_tok=2)
    hidden_size = c.whole("hidden_size")
    shared = c.whole("shared_intermediate_size", default=0, least=0)
    e = experts(c, "num_local_experts", shared=shared)
    n, ff = e.num_experts, e.intermediate_size
    tensors = [
        Tensor("ffn_gate_inp", (n, hidden_size), "linear", "block_sparse_moe.router.layer"),
        Tensor(
            "ffn_gate_up_exps",
            (n, 2 * ff, hidden_size),
            "experts",
            "block_sparse_moe.input_linear",
        ),
        Tensor("ffn_down_exps", (n, hidden_size, ff), "experts", "block_sparse_moe.output_linear"),
    ]
    if shared:
        tensors += parts.linear(
            "ffn_gate_up_shexp", 2 * shared, hidden_size, "shared_mlp.input_linear"
        )
        tensors += parts.linear("ffn_down_shexp", hidden_size, shared, "shared_mlp.output_linear")
    return Feed(e, tuple(tensors))


def gpt_oss(c: Config) -> Model:
    """gpt-oss: biases everywhere, attention sinks, a window in every second layer."""
    c = c.over(num_key_value_heads=8, head_dim=64, sliding_window=128)
    c = c.over(num_local_experts=128, num_experts_per_tok=4)
    bias = c.flag("attention_bias", default=True)
    hidden_size = c.whole("hidden_size")
    e = experts(c, "num_local_experts")
    n, ff = e.num_experts, e.intermediate_size
    tensors = (
        *parts.linear("ffn_gate_inp", n, hidden_size, "mlp.router", True),
        Tensor("ffn_gate_up_exps", (n, 2 * ff, hidden_size), "experts", "mlp.experts.gate_up_proj"),
        Tensor("ffn_gate_up_exps.bias", (n, 2 * ff), "bias", "mlp.experts.gate_up_proj_bias"),
        Tensor("ffn_down_exps", (n, hidden_size, ff), "experts", "mlp.experts.down_proj"),
        Tensor("ffn_down_exps.bias", (n, hidden_size), "bias", "mlp.experts.down_proj_bias"),
    )
    seen = windows(c, every(parts.layer_count(c), 2))
    return stack(c, Feed(e, tensors), Style(bias=bias, out_bias=bias, sinks=True), windows=seen)
