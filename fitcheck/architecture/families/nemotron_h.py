"""Nemotron-H and Nemotron 3: layers that are each one thing only."""

from collections.abc import Iterable
from typing import Final

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.families.stack import Feed
from fitcheck.architecture.families.state_space import mamba2_tensors
from fitcheck.architecture.feed_forward import Experts
from fitcheck.architecture.mixers import Mamba2, Mixer
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor

# What the letters and words of Nemotron-H's patterns stand for.
KINDS: Final = {
    "M": "mamba",
    "mamba": "mamba",
    "linear_attention": "mamba",
    "*": "attention",
    "attention": "attention",
    "full_attention": "attention",
    "E": "moe",
    "moe": "moe",
    "-": "mlp",
    "mlp": "mlp",
}


def nemotron_h(c: Config) -> Model:
    """Mamba 2, attention, an MLP or experts, one after the other as a pattern says.

    The class never ties the head to the embeddings.
    Source: transformers 5.23.0, models/nemotron_h/modeling_h.py.
    """
    c = c.over(
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
        intermediate_size=21504,
        mamba_num_heads=128,
        mamba_head_dim=64,
        ssm_state_size=128,
        moe_intermediate_size=7688,
        moe_shared_expert_intermediate_size=7688,
        n_routed_experts=8,
        num_experts_per_tok=2,
    )
    kinds = _kinds(c)
    c = c.having(num_hidden_layers=len(kinds), tie_word_embeddings=False)
    layers = parts.each(kinds, lambda kind: _layer(c, kind))
    outer = parts.outer_tensors(
        c, tied=False, embeddings="model.embeddings", final_norm="model.norm_f"
    )
    return parts.decoder(c, layers, tensors=outer, mtp_layers=_mtp(c))


def _kinds(c: Config) -> list[str]:
    found = c.items("layers_block_type", "layer_types")
    words = found if found is not None else list(c.text("hybrid_override_pattern"))
    if not words:
        raise c.missing("hybrid_override_pattern", "layers_block_type")
    unknown = [w for w in words if str(w) not in KINDS]
    if unknown:
        raise c.fault("hybrid_override_pattern", f"has a layer of kind {str(unknown[0])[:20]!r}")
    return [KINDS[str(w)] for w in words]


def _layer(c: Config, kind: str) -> Layer:
    hidden_size = c.whole("hidden_size")
    mixers: tuple[Mixer, ...] = ()
    feed: Feed | None = None
    tensors: Iterable[Tensor]
    if kind == "mamba":
        mixers, tensors = _mamba(c)
    elif kind == "attention":
        a = parts.attention(c, position="none")
        mixers, tensors = (a,), parts.split_attention(hidden_size, a, prefix="mixer.")
    else:
        feed = _experts(c) if kind == "moe" else _mlp(c)
        tensors = feed.tensors
    return Layer(
        mixers=mixers,
        feed_forward=feed.kind if feed else None,
        tensors=(*parts.norm("attn_norm", hidden_size, "norm"), *tensors),
    )


def _mamba(c: Config) -> tuple[tuple[Mixer, ...], Iterable[Tensor]]:
    m = Mamba2(
        num_heads=c.whole("mamba_num_heads"),
        head_dim=c.whole("mamba_head_dim"),
        d_state=c.whole("ssm_state_size"),
        n_groups=c.whole("mamba_n_groups", "n_groups", default=8),
        d_conv=c.whole("mamba_d_conv", "conv_kernel", default=4),
    )
    bias = c.flag("use_bias")
    tensors = mamba2_tensors(
        c.whole("hidden_size"),
        m,
        prefix="mixer.",
        bias=bias,
        out_bias=bias,
        conv_bias=c.flag("mamba_conv_bias", "use_conv_bias", default=True),
    )
    return (m,), tensors


def _mlp(c: Config) -> Feed:
    return stack.plain(c, up="mixer.up_proj", down="mixer.down_proj", bias=c.flag("mlp_bias"))


def _experts(c: Config) -> Feed:
    """Experts without a gate, in a narrower space if there is a `moe_latent_size` (Super)."""
    hidden_size, bias = c.whole("hidden_size"), c.flag("mlp_bias")
    latent = c.optional_whole("moe_latent_size")
    e = Experts(
        num_experts=c.whole("n_routed_experts", "num_local_experts"),
        num_experts_per_tok=c.whole("num_experts_per_tok"),
        intermediate_size=c.whole("moe_intermediate_size"),
        shared_intermediate_size=c.whole("moe_shared_expert_intermediate_size"),
        gated=False,
    )
    n, inner = e.num_experts, latent or hidden_size
    tensors = [
        Tensor("ffn_gate_inp", (n, hidden_size), "linear", "mixer.gate"),
        Tensor("exp_probs_b", (n,), "bias", "mixer.gate.e_score_correction_bias", "float32", True),
        Tensor(
            "ffn_up_exps", (n, e.intermediate_size, inner), "experts", "mixer.experts.0.up_proj"
        ),
        Tensor(
            "ffn_down_exps", (n, inner, e.intermediate_size), "experts", "mixer.experts.0.down_proj"
        ),
    ]
    shared, prefix = e.shared_intermediate_size, "mixer.shared_experts."
    tensors += parts.linear("ffn_up_shexp", shared, hidden_size, f"{prefix}up_proj", bias)
    tensors += parts.linear("ffn_down_shexp", hidden_size, shared, f"{prefix}down_proj", bias)
    if latent:
        tensors += parts.linear(
            "ffn_latent_down", latent, hidden_size, "mixer.fc1_latent_proj", bias
        )
        tensors += parts.linear("ffn_latent_up", hidden_size, latent, "mixer.fc2_latent_proj", bias)
    return Feed(e, tuple(tensors))


def _mtp(c: Config) -> tuple[Layer, ...]:
    """Attention and experts as one layer, with the norms and the projection that join them.

    The hub's Nemotron-3-Super-120B-A12B-FP8 holds 2,942,324,736 weights more than the model: these.
    """
    count = parts.layers_ahead(c)
    if not count:
        return ()
    hidden_size = c.whole("hidden_size")
    a, feed = parts.attention(c, position="none"), _experts(c)
    tensors = (
        *parts.linear("nextn.eh_proj", hidden_size, 2 * hidden_size, "eh_proj"),
        *parts.norm("nextn.enorm", hidden_size, "enorm"),
        *parts.norm("nextn.hnorm", hidden_size, "hnorm"),
        *parts.norm("attn_norm", hidden_size, "norm"),
        *parts.split_attention(hidden_size, a, prefix="mixer."),
        *parts.norm("post_attention_norm", hidden_size, "norm"),
        *feed.tensors,
        *parts.norm("nextn.shared_head_norm", hidden_size, "final_layernorm"),
    )
    return (Layer(mixers=(a,), feed_forward=feed.kind, tensors=tensors),) * count
