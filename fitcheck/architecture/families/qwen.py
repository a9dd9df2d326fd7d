"""Qwen 1 to 3, dense and of experts, and MiMo.

Source of shapes and defaults: transformers 5.23.0, models/qwen2, qwen3, qwen2_moe, qwen3_moe;
Qwen 1: the hub's modeling_qwen.py; MiMo: the hub's modeling_mimo.py.
"""

from collections.abc import Sequence

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.stack import (
    Feed,
    Style,
    block,
    fused_block,
    gated,
    mixture,
    named,
    stack,
    windows,
)
from fitcheck.architecture.feed_forward import DenseMLP, Experts
from fitcheck.architecture.model import Model
from fitcheck.architecture.tensor import Tensor


def qwen(c: Config) -> Model:
    """Qwen 1: one matrix for q, k and v, and an `intermediate_size` of both halves of the MLP."""
    hidden_size = c.whole("hidden_size")
    head_dim = c.optional_whole("kv_channels") or parts.head_width(c)
    a = parts.attention(c.over(head_dim=head_dim))
    width = c.whole("intermediate_size") // 2
    bias = not c.flag("no_bias", default=True)
    feed = Feed(
        DenseMLP(intermediate_size=width),
        (
            *parts.linear("ffn_gate", width, hidden_size, "mlp.w2", bias),
            *parts.linear("ffn_up", width, hidden_size, "mlp.w1", bias),
            *parts.linear("ffn_down", hidden_size, width, "mlp.c_proj", bias),
        ),
    )
    style = Style(norms=(("attn_norm", "ln_1"), ("ffn_norm", "ln_2")), bias=True, out_bias=bias)
    layer = fused_block(c, a, feed, style, qkv="attn.c_attn", out="attn.c_proj")
    return named(
        c,
        layer,
        embeddings="transformer.wte",
        final_norm="transformer.ln_f",
        layers_path="transformer.h",
    )


def qwen2(c: Config) -> Model:
    """Qwen 1.5 to 2.5: biases on q, k and v; windows from `max_window_layers` on, if used."""
    return stack(
        c, gated(c), Style(bias=True), windows=late_windows(c.over(num_key_value_heads=32))
    )


def qwen3(c: Config) -> Model:
    """Qwen 3: no biases, a norm on each head's queries and keys."""
    c = c.over(num_key_value_heads=32, head_dim=128)
    return stack(c, gated(c), qwen3_style(c), windows=late_windows(c))


def qwen3_style(c: Config) -> Style:
    """Qwen 3's blocks, dense or of experts."""
    bias = c.flag("attention_bias")
    return Style(bias=bias, out_bias=bias, qk_norm="head")


def late_windows(c: Config) -> list[int | None]:
    """Qwen's windows: none unless `use_sliding_window`, then from `max_window_layers` on."""
    if not c.flag("use_sliding_window"):
        return [None] * parts.layer_count(c)
    c = c.over(sliding_window=4096)
    first = c.whole("max_window_layers", default=28, least=0)
    return windows(c, [i < first for i in range(parts.layer_count(c))])


def qwen2_moe(c: Config) -> Model:
    """Qwen 1.5 MoE and 2-57B: routed experts and a shared one behind a gate of its own."""
    c = c.over(num_key_value_heads=16, shared_expert_intermediate_size=5632, num_experts=60)
    c = c.over(num_experts_per_tok=4, moe_intermediate_size=1408)
    hidden_size = c.whole("hidden_size")
    e = qwen_experts(c, c.whole("shared_expert_intermediate_size", least=0))
    gate = Tensor("ffn_gate_inp_shexp", (1, hidden_size), "linear", "mlp.shared_expert_gate")
    sparse = mixture(c, e, shared="mlp.shared_expert.", extra=(gate,))
    style = Style(bias=c.flag("qkv_bias", default=True))
    return stack(c, sparse_feeds(c, sparse), style, windows=early_windows(c))


def early_windows(c: Config) -> list[int | None]:
    """Qwen2-MoE's windows: every other of the first `max_window_layers` layers, if used."""
    if not c.flag("use_sliding_window"):
        return [None] * parts.layer_count(c)
    c = c.over(sliding_window=4096)
    last = c.whole("max_window_layers", default=28, least=0)
    return windows(c, [i % 2 == 1 or i >= last for i in range(parts.layer_count(c))])


def qwen3_moe(c: Config) -> Model:
    """Qwen 3 MoE: Qwen 3 with experts in all layers but those of `mlp_only_layers`."""
    c = c.over(num_key_value_heads=4, num_experts_per_tok=8, moe_intermediate_size=768)
    seen = windows(c.over(sliding_window=4096)) if c.flag("use_sliding_window") else None
    sparse = mixture(c, qwen_experts(c))
    return stack(c, sparse_feeds(c, sparse), qwen3_style(c), windows=seen)


def qwen_experts(c: Config, shared: int = 0) -> Experts:
    """Experts by Qwen's keys."""
    return Experts(
        num_experts=c.whole("num_experts", "num_local_experts", default=128),
        num_experts_per_tok=c.whole("num_experts_per_tok"),
        intermediate_size=c.whole("moe_intermediate_size"),
        shared_intermediate_size=shared,
    )


def sparse_feeds(c: Config, sparse: Feed) -> Sequence[Feed]:
    """Experts in every `decoder_sparse_step`-th layer that is not among `mlp_only_layers`."""
    step = c.whole("decoder_sparse_step", default=1)
    dense_layers = c.items("mlp_only_layers") or ()
    found = [i not in dense_layers and (i + 1) % step == 0 for i in range(parts.layer_count(c))]
    if all(found):
        return [sparse] * len(found)
    dense = gated(c)
    return [sparse if f else dense for f in found]


def mimo(c: Config) -> Model:
    """MiMo 7B: Qwen 2 with layers that predict further tokens, kept beside the model."""
    c = c.over(attention_bias=True)
    style = Style(bias=c.flag("attention_bias"))
    seen = late_windows(c)
    layer = block(c, parts.attention(c), gated(c), style, _mimo_mtp(c.whole("hidden_size")))
    return stack(c, gated(c), style, windows=seen, mtp_layers=(layer,) * parts.layers_ahead(c))


def _mimo_mtp(hidden_size: int) -> tuple[Tensor, ...]:
    return (
        *parts.norm("nextn.enorm", hidden_size, "token_layernorm"),
        *parts.norm("nextn.hnorm", hidden_size, "hidden_layernorm"),
        *parts.linear("nextn.eh_proj", hidden_size, 2 * hidden_size, "input_proj"),
        *parts.norm("nextn.shared_head_norm", hidden_size, "final_layernorm"),
    )
