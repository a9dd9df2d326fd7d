"""Attention beside state-space layers: Falcon-H1, Bamba, Granite 4.0-H and Jamba."""

from collections.abc import Iterable, Sequence
from typing import Final

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, stack
from fitcheck.architecture.families.stack import Feed
from fitcheck.architecture.families.state_space import (
    dt_rank,
    grouped_mamba2,
    mamba2_tensors,
    mamba_tensors,
)
from fitcheck.architecture.feed_forward import DenseMLP, Experts
from fitcheck.architecture.mixers import Attention, Mamba, Mixer
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor

ATTENTION_WORDS: Final = ("attention", "full_attention")


def falcon_h1(c: Config) -> Model:
    """Falcon-H1: attention and Mamba 2 side by side in every layer.

    Source: transformers 5.23.0, models/falcon_h1/modeling_falcon_h1.py.
    """
    c = c.over(**_BAMBA_MIXER, mamba_d_ssm=1024, num_key_value_heads=8)
    hidden_size = c.whole("hidden_size")
    d_inner = c.optional_whole("mamba_d_ssm") or c.whole("mamba_expand") * hidden_size
    a, m = parts.attention(c), grouped_mamba2(c, d_inner)
    feed = stack.gated(c, bias=c.flag("mlp_bias"), prefix="feed_forward.")
    bias = c.flag("attention_bias")
    tensors = (
        *parts.norm("attn_norm", hidden_size, "input_layernorm"),
        *mamba2_tensors(
            hidden_size,
            m,
            prefix="mamba.",
            bias=c.flag("mamba_proj_bias"),
            out_bias=c.flag("projectors_bias"),
            conv_bias=c.flag("mamba_conv_bias", default=True),
            norm=c.flag("mamba_rms_norm"),
        ),
        *parts.split_attention(hidden_size, a, bias=bias, out_bias=bias),
        *parts.norm("ffn_norm", hidden_size, "pre_ff_layernorm"),
        *feed.tensors,
    )
    layer = Layer(mixers=(a, m), feed_forward=feed.kind, tensors=tensors)
    return _final_layernorm(c, [layer] * parts.layer_count(c))


_BAMBA_MIXER: Final[dict[str, object]] = {
    "mamba_n_heads": 128,
    "mamba_n_groups": 1,
    "mamba_d_state": 256,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
}


def _bamba_mamba(c: Config) -> tuple[Mixer, Iterable[Tensor]]:
    hidden_size, bias = c.whole("hidden_size"), c.flag("mamba_proj_bias")
    m = grouped_mamba2(c, c.whole("mamba_expand") * hidden_size)
    conv_bias = c.flag("mamba_conv_bias", default=True)
    return m, mamba2_tensors(
        hidden_size, m, prefix="mamba.", bias=bias, out_bias=bias, conv_bias=conv_bias
    )


def _attention(c: Config, a: Attention) -> tuple[Mixer, Iterable[Tensor]]:
    bias = c.flag("attention_bias")
    return a, parts.split_attention(c.whole("hidden_size"), a, bias=bias, out_bias=bias)


def bamba(c: Config) -> Model:
    """Bamba: Mamba 2 or attention, then an MLP.

    Source: transformers 5.23.0, models/bamba/modeling_bamba.py.
    """
    c = c.over(**_BAMBA_MIXER, num_key_value_heads=8)
    hidden_size = c.whole("hidden_size")
    full = c.items("attn_layer_indices") or []
    feed = stack.gated(c, bias=c.flag("mlp_bias"), prefix="feed_forward.")

    def layer(attends: bool) -> Layer:
        mixer, tensors = _attention(c, parts.attention(c)) if attends else _bamba_mamba(c)
        return _pre_ff_layer(hidden_size, mixer, tensors, feed)

    return _final_layernorm(c, parts.each((i in full for i in range(parts.layer_count(c))), layer))


def _pre_ff_layer(hidden_size: int, mixer: Mixer, tensors: Iterable[Tensor], feed: Feed) -> Layer:
    return Layer(
        mixers=(mixer,),
        feed_forward=feed.kind,
        tensors=(
            *parts.norm("attn_norm", hidden_size, "input_layernorm"),
            *tensors,
            *parts.norm("ffn_norm", hidden_size, "pre_ff_layernorm"),
            *feed.tensors,
        ),
    )


def _final_layernorm(c: Config, layers: Sequence[Layer]) -> Model:
    outer = parts.outer_tensors(
        c, tied=c.flag("tie_word_embeddings"), final_norm="model.final_layernorm"
    )
    return parts.decoder(c, layers, tensors=outer)


def granitemoehybrid(c: Config) -> Model:
    """Granite 4.0: Mamba 2 or attention, then experts (if any) and an MLP for all tokens.

    Source: transformers 5.23.0, models/granitemoehybrid/modeling_granitemoehybrid.py.
    """
    c = c.over(
        **_BAMBA_MIXER, num_local_experts=8, num_experts_per_tok=2, shared_intermediate_size=1024
    )
    hidden_size, feed = c.whole("hidden_size"), _granite_feed(c)
    rope = c.text("position_embedding_type") == "rope"
    a = parts.attention(c, position="rope" if rope else "none")

    def layer(kind: str) -> Layer:
        mixer, tensors = _attention(c, a) if kind in ATTENTION_WORDS else _bamba_mamba(c)
        return Layer(
            mixers=(mixer,),
            feed_forward=feed.kind,
            tensors=(*parts.block_norms(hidden_size), *tensors, *feed.tensors),
        )

    kinds = stack.kinds(c, "layer_types") or stack.kinds(c, "layers_block_type")
    return parts.decoder(c, parts.each(kinds or ["mamba"] * parts.layer_count(c), layer))


def _granite_feed(c: Config) -> Feed:
    """Gate and up are one matrix in the checkpoint and two in llama.cpp's files."""
    hidden_size, shared = c.whole("hidden_size"), c.whole("shared_intermediate_size")
    n = c.whole("num_local_experts", default=0, least=0)
    suffix = "_shexp" if n else ""
    mlp = (
        Tensor(f"ffn_gate{suffix}", (shared, hidden_size), "linear", "shared_mlp.input_linear"),
        Tensor(f"ffn_up{suffix}", (shared, hidden_size), "linear", "shared_mlp.input_linear"),
        Tensor(f"ffn_down{suffix}", (hidden_size, shared), "linear", "shared_mlp.output_linear"),
    )
    if not n:
        return Feed(DenseMLP(intermediate_size=shared, fused=True), mlp)
    e = Experts(
        num_experts=n,
        num_experts_per_tok=c.whole("num_experts_per_tok"),
        intermediate_size=c.whole("intermediate_size"),
        shared_intermediate_size=shared,
    )
    routed = parts.experts(
        hidden_size,
        e,
        router="block_sparse_moe.router.layer",
        prefix="block_sparse_moe.",
        names=("input_linear", "input_linear", "output_linear"),
    )
    return Feed(e, (*routed, *mlp))


def jamba(c: Config) -> Model:
    """Jamba: Mamba 1 or attention, then an MLP or experts, each with its own period.

    Source: transformers 5.23.0, models/jamba/modeling_jamba.py.
    """
    c = c.over(
        num_key_value_heads=8,
        num_experts=16,
        num_experts_per_tok=2,
        mamba_d_state=16,
        mamba_d_conv=4,
        mamba_expand=2,
    )
    hidden_size, count = c.whole("hidden_size"), parts.layer_count(c)
    dense, sparse = stack.gated(c, prefix="feed_forward."), _jamba_experts(c)
    attends = _periodic(c, "attn_layer", 8, 4, count)
    routes = _periodic(c, "expert_layer", 2, 1, count)
    a = parts.attention(c, position="none")

    def layer(kind: tuple[bool, bool]) -> Layer:
        tensors: Iterable[Tensor] = parts.split_attention(hidden_size, a)
        mixer, tensors = (a, tensors) if kind[0] else _jamba_mamba(c)
        return _pre_ff_layer(hidden_size, mixer, tensors, sparse if kind[1] else dense)

    return _final_layernorm(c, parts.each(zip(attends, routes, strict=True), layer))


def _periodic(c: Config, key: str, period: int, offset: int, count: int) -> list[bool]:
    period = c.whole(f"{key}_period", default=period)
    offset = c.whole(f"{key}_offset", default=offset, least=0)
    return [i % period == offset for i in range(count)]


def _jamba_mamba(c: Config) -> tuple[Mixer, Iterable[Tensor]]:
    hidden_size = c.whole("hidden_size")
    m = Mamba(
        d_inner=c.whole("mamba_expand") * hidden_size,
        d_state=c.whole("mamba_d_state"),
        d_conv=c.whole("mamba_d_conv"),
        dt_rank=dt_rank(c, "mamba_dt_rank", hidden_size),
    )
    return m, mamba_tensors(
        hidden_size,
        m,
        prefix="mamba.",
        bias=c.flag("mamba_proj_bias"),
        conv_bias=c.flag("mamba_conv_bias", default=True),
        norms=True,
    )


def _jamba_experts(c: Config) -> Feed:
    """One expert alone is an MLP, without a router."""
    if c.whole("num_experts", "num_local_experts") == 1:
        return stack.gated(c, prefix="feed_forward.")
    e = Experts(
        num_experts=c.whole("num_experts", "num_local_experts"),
        num_experts_per_tok=c.whole("num_experts_per_tok"),
        intermediate_size=c.whole("intermediate_size"),
    )
    return stack.mixture(c, e, router="feed_forward.router", prefix="feed_forward.experts.0.")
