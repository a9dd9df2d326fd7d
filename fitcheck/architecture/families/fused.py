"""Decoders with queries, keys and values in one matrix: GPT-NeoX, Falcon, BLOOM, MPT, Phi 3, DBRX.

Source of shapes and defaults: transformers 5.23.0, models/<model_type>.
"""

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.moe import experts
from fitcheck.architecture.families.stack import (
    PRE,
    SHARED,
    Feed,
    Norms,
    Style,
    block,
    fused,
    fused_block,
    named,
    plain,
    windows,
)
from fitcheck.architecture.feed_forward import Experts
from fitcheck.architecture.mixers import Attention
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


def gpt_neox(c: Config) -> Model:
    """GPT-NeoX, Pythia, Dolly 2, StableLM alpha: attention and MLP side by side, each normed."""
    bias = c.flag("attention_bias", default=True)
    parallel = c.flag("use_parallel_residual", default=True)
    style = Style(norm_bias=True, bias=bias, out_bias=bias, parallel=parallel)
    layer = fused_block(
        c,
        parts.attention(c),
        _four_h(c, c.whole("intermediate_size"), bias=True),
        style,
        qkv="attention.query_key_value",
        out="attention.dense",
    )
    return named(
        c,
        layer,
        norm_bias=True,
        embeddings="gpt_neox.embed_in",
        final_norm="gpt_neox.final_layer_norm",
        head="embed_out",
        layers_path="gpt_neox.layers",
    )


def _four_h(c: Config, width: int, *, bias: bool) -> Feed:
    return plain(c, width=width, up="mlp.dense_h_to_4h", down="mlp.dense_4h_to_h", bias=bias)


def gpt_neox_japanese(c: Config) -> Model:
    """GPT-NeoX Japanese: no biases but one, on the output of the last layer's attention."""
    width = c.whole("intermediate_multiple_size", default=4) * c.whole("hidden_size")
    feed = _four_h(c, width, bias=False)
    hidden_size = c.whole("hidden_size")
    last = parts.layer_count(c) - 1

    def layer(closing: bool) -> Layer:
        bias = Tensor("attn_output.bias", (hidden_size,), "bias", "attention")
        return fused_block(
            c,
            parts.attention(c),
            feed,
            Style(norm_bias=True),
            qkv="attention.query_key_value",
            out="attention.dense",
            extra=(bias,) if closing else (),
        )

    layers = parts.each((i == last for i in range(last + 1)), layer)
    return named(
        c,
        layers,
        tied=True,
        norm_bias=True,
        embeddings="gpt_neox_japanese.embed_in",
        final_norm="gpt_neox_japanese.final_layer_norm",
        layers_path="gpt_neox_japanese.layers",
    )


def falcon(c: Config) -> Model:
    """Falcon 1 and 2: one head of keys and values in the 7B, groups in the larger ones."""
    hidden_size = c.whole("hidden_size", "n_embed")
    c = c.over(hidden_size=hidden_size, new_decoder_architecture="n_head_kv" in c)
    bias, parallel = c.flag("bias"), c.flag("parallel_attn", default=True)
    style = Style(
        norms=_falcon_norms(c, parallel),
        norm_bias=True,
        bias=bias,
        out_bias=bias,
        parallel=parallel,
    )
    a = _falcon_attention(c)
    feed = _four_h(c, c.whole("ffn_hidden_size", default=4 * hidden_size), bias=bias)
    qkv, out = "self_attention.query_key_value", "self_attention.dense"
    layer = fused_block(c, a, feed, style, qkv=qkv, out=out)
    return named(
        c,
        layer,
        tied=True,
        norm_bias=True,
        embeddings="transformer.word_embeddings",
        final_norm="transformer.ln_f",
        layers_path="transformer.h",
    )


def _falcon_attention(c: Config) -> Attention:
    heads = c.whole(*parts.HEADS)
    if c.flag("new_decoder_architecture"):
        groups = c.whole("num_kv_heads", "n_head_kv", default=heads)
    else:
        groups = 1 if c.flag("multi_query", default=True) else heads
    own = c.replaced(num_key_value_heads=groups)
    return parts.attention(own, position="alibi" if c.flag("alibi") else "rope")


def _falcon_norms(c: Config, parallel: bool) -> Norms:
    if not parallel:
        return PRE
    two = 2 if c.flag("new_decoder_architecture") else 1
    if c.whole("num_ln_in_parallel_attn", default=two) == 2:
        return (("attn_norm", "ln_attn"), ("attn_norm_2", "ln_mlp"))
    return SHARED


def bloom(c: Config) -> Model:
    """BLOOM, BLOOMZ: ALiBi, biases throughout, a norm on the embeddings."""
    hidden_size = c.whole("hidden_size", "n_embed", "n_embd")
    c = c.over(hidden_size=hidden_size)
    style = Style(norm_bias=True, bias=True, out_bias=True)
    layer = fused_block(
        c,
        parts.attention(c, position="alibi"),
        _four_h(c, 4 * hidden_size, bias=True),
        style,
        qkv="self_attention.query_key_value",
        out="self_attention.dense",
    )
    first = parts.norm(
        "token_embd_norm", hidden_size, "transformer.word_embeddings_layernorm", True
    )
    return named(
        c,
        layer,
        tied=True,
        norm_bias=True,
        embeddings="transformer.word_embeddings",
        final_norm="transformer.ln_f",
        layers_path="transformer.h",
        extra=first,
    )


def mpt(c: Config) -> Model:
    """MPT: ALiBi, no biases, not even on norms."""
    inner = c.section("attn_config")
    groups = inner.optional_whole("kv_n_heads") if inner else None
    alibi = inner is None or inner.flag("alibi", default=True)
    own = c.over(num_key_value_heads=groups)
    hidden_size = c.whole("d_model", "hidden_size")
    feed = plain(
        c,
        width=c.whole("expansion_ratio", default=4) * hidden_size,
        up="ffn.up_proj",
        down="ffn.down_proj",
    )
    style = Style(norms=(("attn_norm", "norm_1"), ("ffn_norm", "norm_2")))
    a = parts.attention(own, position="alibi" if alibi else "learned")
    layer = fused_block(c, a, feed, style, qkv="attn.Wqkv", out="attn.out_proj")
    return named(
        c,
        layer,
        tied=True,
        embeddings="transformer.wte",
        final_norm="transformer.norm_f",
        layers_path="transformer.blocks",
    )


def persimmon(c: Config) -> Model:
    """Persimmon: LayerNorm, biases throughout, norms on each head."""
    style = Style(
        norm_bias=True,
        bias=True,
        out_bias=True,
        qk_norm="head" if c.flag("qk_layernorm", default=True) else "",
        qk_norm_bias=True,
        qk_names=("q_layernorm", "k_layernorm"),
    )
    layer = fused_block(
        c,
        parts.attention(c),
        _four_h(c, c.whole("intermediate_size"), bias=True),
        style,
        qkv="self_attn.query_key_value",
        out="self_attn.dense",
    )
    return named(c, layer, norm_bias=True, final_norm="model.final_layernorm")


def phi(c: Config) -> Model:
    """Phi 1 to 2: attention and MLP side by side behind one norm, a bias on the head too.

    `phi-msft` is Phi 1.5's first config.json, with GPT-2's keys.
    """
    hidden_size = c.whole(*parts.HIDDEN)
    style = Style(
        norms=SHARED,
        norm_bias=True,
        bias=True,
        out_bias=True,
        parallel=True,
        qk_norm="head" if c.flag("qk_layernorm") else "",
        qk_norm_bias=True,
        qk_names=("q_layernorm", "k_layernorm"),
        out="dense",
    )
    width = c.whole("intermediate_size", "n_inner", default=4 * hidden_size)
    feed = plain(c, width=width, up="mlp.fc1", down="mlp.fc2", bias=True)
    return named(
        c,
        block(c, parts.attention(c), feed, style),
        norm_bias=True,
        head_bias=True,
        final_norm="model.final_layernorm",
    )


def phi3(c: Config) -> Model:
    """Phi 3 and 4: gate and up in one matrix too; a window in the smaller ones."""
    seen = windows(c)

    def layer(window: int | None) -> Layer:
        a = parts.attention(c, sliding_window=window)
        return fused_block(
            c, a, fused(c), Style(), qkv="self_attn.qkv_proj", out="self_attn.o_proj"
        )

    return parts.decoder(c, parts.each(seen, layer))


def dbrx(c: Config) -> Model:
    """DBRX: sixteen experts of which four are used, norms without a shift."""
    attention, ffn = c.section("attn_config"), c.section("ffn_config")
    groups = attention.whole("kv_n_heads", default=1) if attention else 1
    hidden_size = c.whole("d_model", "hidden_size")
    own = (ffn or Config({}, c.name, f"{c.path}ffn_config.")).over(
        moe_num_experts=4, moe_top_k=1, ffn_hidden_size=3584
    )
    e = experts(own, "moe_num_experts", "moe_top_k", "ffn_hidden_size")
    style = Style(
        norms=(("attn_norm", "norm_attn_norm.norm_1"), ("ffn_norm", "norm_attn_norm.norm_2"))
    )
    layer = fused_block(
        c,
        parts.attention(c.over(num_key_value_heads=groups)),
        Feed(e, _dbrx_experts(hidden_size, e)),
        style,
        qkv="norm_attn_norm.attn.Wqkv",
        out="norm_attn_norm.attn.out_proj",
    )
    return named(
        c,
        layer,
        embeddings="transformer.wte",
        final_norm="transformer.norm_f",
        layers_path="transformer.blocks",
    )


def _dbrx_experts(hidden_size: int, e: Experts) -> tuple[Tensor, ...]:
    names, at = ("w1", "v1", "w2"), "ffn.experts.mlp."
    return tuple(parts.experts(hidden_size, e, router="ffn.router.layer", prefix=at, names=names))
