"""Kimi Linear and its kin: Kimi delta attention in most layers, latent attention in the others."""

from collections.abc import Iterable, Sequence

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.families.deepseek import latent, latent_tensors
from fitcheck.architecture.families.moe import dense_first, experts, shared_width
from fitcheck.architecture.families.stack import Feed
from fitcheck.architecture.families.state_space import conv1d
from fitcheck.architecture.feed_forward import Experts
from fitcheck.architecture.mixers import GatedDeltaNet, LatentAttention
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


class Gates(msgspec.Struct, frozen=True, kw_only=True):
    """Which gates a family's layers have, and what is kept in fp32.

    Forgetting (`full_forget`) and output gate (`full_gate`) go through one matrix or through a low
    rank; latent attention has no output gate (0), or one with this many outputs.
    """

    full_forget: bool = False
    full_gate: bool = False
    latent_gate: int = 0
    residual_scores: bool = False
    dtype: str = ""


def kimi_linear(c: Config) -> Model:
    """Kimi Linear, and the language model of Kimi K3.

    The class never ties the head to the embeddings. What K3 adds (whole gates, experts in a
    narrower space, scores of residual blocks) is in no class of transformers 5.23.0; it follows
    llama.cpp 0c1e57098, src/models/kimi-k3.cpp.
    Source: transformers 5.23.0, models/kimi_linear/modeling_kimi_linear.py.
    """
    linear = c.section("linear_attn_config") or Config({})
    c = c.over(
        num_shared_experts=c.whole("n_shared_experts", default=1, least=0),
        num_experts=256,
        moe_intermediate_size=1024,
        linear_head_dim=128,
        linear_num_heads=32,
        linear_conv_kernel_dim=4,
    )
    c = c.having(
        linear_head_dim=linear.whole("head_dim", default=c.whole("linear_head_dim")),
        linear_num_heads=linear.whole("num_heads", default=c.whole("linear_num_heads")),
        linear_conv_kernel_dim=linear.whole(
            "short_conv_kernel_size", default=c.whole("linear_conv_kernel_dim")
        ),
    )
    gated = c.flag("mla_use_output_gate")
    gates = Gates(
        full_gate=linear.flag("use_full_rank_gate"),
        latent_gate=c.whole("num_attention_heads") * c.whole("v_head_dim") if gated else 0,
        residual_scores=c.whole("attn_res_block_size", default=0, least=0) > 0,
    )
    first = c.whole("first_k_dense_replace", default=1, least=0)
    sparse = _experts(c, "block_sparse_moe.")
    return _hybrid(c, _full_layers(c, linear), dense_first(c, sparse, first), gates)


def bailing_hybrid(c: Config) -> Model:
    """Ling 3: whole gates, and one a head in latent attention.

    Source: transformers 5.23.0, models/bailing_hybrid/modeling_bailing_hybrid.py.
    """
    c = c.over(
        num_shared_experts=c.whole("n_shared_experts", default=1, least=0),
        num_experts=512,
        moe_intermediate_size=768,
        linear_head_dim=c.whole("head_dim", default=128),
        linear_num_heads=c.whole("num_attention_heads"),
        linear_conv_kernel_dim=c.whole("short_conv_kernel_size", default=4),
    )
    types = stack.layer_types(c)
    period = c.whole("layer_group_size", default=6)
    full = stack.every(parts.layer_count(c), period)
    if types is not None:
        full = [t == "full_attention" for t in types]
    gates = Gates(
        full_forget=True,
        full_gate=True,
        latent_gate=c.whole("num_attention_heads"),
        dtype="float32",
    )
    first = c.whole("first_k_dense_replace", default=2, least=0)
    return _hybrid(c, full, dense_first(c, _experts(c, "mlp."), first), gates)


def _full_layers(c: Config, linear: Config) -> list[bool]:
    """By `layer_types`, else by the checkpoint's list, which counts from 1, else every fourth."""
    types = stack.layer_types(c)
    if types is not None:
        return [t == "full_attention" for t in types]
    count, listed = parts.layer_count(c), linear.items("full_attn_layers")
    if listed is None:
        return [i > 0 and i % 4 == 0 for i in range(count)]
    return [i + 1 in listed for i in range(count)]


def _experts(c: Config, at: str) -> Feed:
    """Routed experts, perhaps between two projections to a narrower space (Kimi K3)."""
    e = experts(
        c,
        used="num_experts_per_token",
        width="moe_intermediate_size",
        shared=shared_width(c, "num_shared_experts"),
    )
    inner = c.optional_whole("routed_expert_hidden_size")
    feed = stack.mixture(
        c if inner is None else c.having(hidden_size=inner),
        msgspec.structs.replace(e, shared_intermediate_size=0),
        router=f"{at}gate",
        prefix=f"{at}experts.0.",
        names=("w1", "w3", "w2") if at != "mlp." else ("gate_proj", "up_proj", "down_proj"),
        correction=f"{at}gate.e_score_correction_bias",
    )
    return Feed(e, tuple(_around(c, e, feed, at, inner)))


def _around(c: Config, e: Experts, feed: Feed, at: str, inner: int | None) -> Iterable[Tensor]:
    hidden_size = c.whole("hidden_size")
    yield Tensor("ffn_gate_inp", (e.num_experts, hidden_size), "linear", f"{at}gate")
    yield from (t for t in feed.tensors if t.role != "ffn_gate_inp")
    if inner is not None:
        down, up = f"{at}routed_expert_down_proj", f"{at}routed_expert_up_proj"
        yield from parts.linear("ffn_routed_down", inner, hidden_size, down)
        yield from parts.linear("ffn_routed_up", hidden_size, inner, up)
        if c.flag("latent_moe_use_norm"):
            yield from parts.norm("ffn_routed_norm", inner, f"{at}routed_expert_norm")
    if e.shared_intermediate_size:
        prefix = f"{at}shared_experts."
        yield from parts.shared_expert(hidden_size, e.shared_intermediate_size, prefix=prefix)


def _hybrid(c: Config, full: Sequence[bool], feeds: Sequence[Feed], gates: Gates) -> Model:
    c = c.over(kv_lora_rank=512, qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128)
    c = c.having(tie_word_embeddings=False)

    def layer(attends: bool, feed: Feed) -> Layer:
        return _latent_layer(c, feed, gates) if attends else _delta_layer(c, feed, gates)

    outer = (*parts.outer_tensors(c, tied=False), *_scores(c, gates, "output", "model.output"))
    layers = stack.paired(full, feeds, layer)
    return parts.decoder(
        c.over(max_position_embeddings=c.optional_whole("model_max_length")), layers, tensors=outer
    )


def _scores(c: Config, gates: Gates, role: str, module: str) -> Iterable[Tensor]:
    """The scores of a residual block; the checkpoint stores a norm and a projection to multiply."""
    if gates.residual_scores:
        hidden_size = c.whole("hidden_size")
        yield from parts.norm(f"{role}_res_score", hidden_size, f"{module}_res_norm")
        yield from parts.norm(f"{role}_res_score", hidden_size, f"{module}_res_proj")


def _layer(
    c: Config,
    mixer: GatedDeltaNet | LatentAttention,
    tensors: Iterable[Tensor],
    feed: Feed,
    gates: Gates,
) -> Layer:
    return Layer(
        mixers=(mixer,),
        feed_forward=feed.kind,
        tensors=(
            *parts.block_norms(c.whole("hidden_size")),
            *_scores(c, gates, "attn", "self_attn"),
            *_scores(c, gates, "ffn", "mlp"),
            *tensors,
            *feed.tensors,
        ),
    )


def _latent_layer(c: Config, feed: Feed, gates: Gates) -> Layer:
    a = latent(c)
    tensors = [*latent_tensors(c, a)]
    if gates.latent_gate:
        tensors += parts.linear(
            "attn_gate", gates.latent_gate, c.whole("hidden_size"), "self_attn.g_proj"
        )
    return _layer(c, a, tensors, feed, gates)


def _delta_layer(c: Config, feed: Feed, gates: Gates) -> Layer:
    heads, head_dim = c.whole("linear_num_heads"), c.whole("linear_head_dim")
    d = GatedDeltaNet(
        num_key_heads=heads,
        num_value_heads=heads,
        key_head_dim=head_dim,
        value_head_dim=head_dim,
        d_conv=c.whole("linear_conv_kernel_dim"),
    )
    return _layer(c, d, _delta_tensors(c.whole("hidden_size"), d, gates), feed, gates)


def _delta_tensors(hidden_size: int, d: GatedDeltaNet, gates: Gates) -> Iterable[Tensor]:
    """Three convolutions, as the checkpoint has them (the class joins them)."""
    heads, head_dim, at = d.num_key_heads, d.key_head_dim, "self_attn."
    wide = heads * head_dim
    for name in "qkv":
        yield Tensor(f"attn_{name}", (wide, hidden_size), "linear", f"{at}{name}_proj")
        for conv in conv1d(f"ssm_conv1d_{name}", wide, d.d_conv, f"{at}{name}_conv1d", False):
            yield msgspec.structs.replace(conv, dtype=gates.dtype)
    yield from _gate("ssm_f", hidden_size, d, f"{at}f", gates.full_forget)
    yield Tensor("ssm_beta", (heads, hidden_size), "linear", f"{at}b_proj")
    yield Tensor("ssm_a", (heads,), "state", f"{at}A_log", gates.dtype)
    yield Tensor("ssm_dt.bias", (wide,), "state", f"{at}dt_bias", gates.dtype)
    yield from _gate("ssm_g", hidden_size, d, f"{at}g", gates.full_gate)
    yield from parts.norm("ssm_norm", head_dim, f"{at}o_norm")
    yield Tensor("attn_output", (hidden_size, wide), "linear", f"{at}o_proj")


def _gate(
    role: str, hidden_size: int, d: GatedDeltaNet, module: str, full: bool
) -> Iterable[Tensor]:
    wide, rank = d.num_key_heads * d.key_head_dim, d.key_head_dim
    if full:
        yield Tensor(role, (wide, hidden_size), "linear", f"{module}_proj")
        return
    yield Tensor(f"{role}_a", (rank, hidden_size), "linear", f"{module}_a_proj")
    yield Tensor(f"{role}_b", (wide, rank), "linear", f"{module}_b_proj")
