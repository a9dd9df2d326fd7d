"""Families whose code lives beside their weights on the hub and not in transformers.

Sources: the modeling_*.py of each hub repository, counted by hand; where a checkpoint's total is
known it is met (tests/golden/params.md), where none is, `approximate` says so.
"""

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.moe import dense_first, experts, shared_width
from fitcheck.architecture.families.stack import (
    Feed,
    Norms,
    Style,
    block,
    fused_block,
    gated,
    mixture,
    named,
    stack,
)
from fitcheck.architecture.feed_forward import DenseMLP
from fitcheck.architecture.mixers import Mixer
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


def unchecked(model: Model) -> Model:
    """The same, with a word that its total was never held against a checkpoint."""
    why = f"{model.model_type}: counted from published code, not checked against a checkpoint"
    return msgspec.structs.replace(model, approximate=(*model.approximate, why))


def baichuan(c: Config) -> Model:
    """Baichuan 1 and 2: q, k and v in one matrix; the 13B has ALiBi and no rotary positions."""
    rotary = "max_position_embeddings" in c
    own = c.replaced(num_key_value_heads=None)
    a = parts.attention(own, position="rope" if rotary else "alibi")
    layer = fused_block(c, a, gated(c), Style(), qkv="self_attn.W_pack", out="self_attn.o_proj")
    return parts.decoder(c, layer)


def internlm(c: Config) -> Model:
    """InternLM 1: Llama with biases on attention."""
    bias = c.flag("bias", default=True)
    return stack(c, gated(c), Style(bias=bias, out_bias=bias))


def internlm2(c: Config) -> Model:
    """InternLM 2 and 2.5: q, k and v in one matrix, by Meta's names."""
    bias = c.flag("bias", default=True)
    hidden_size, width = c.whole("hidden_size"), c.whole("intermediate_size")
    at = "feed_forward."
    feed = Feed(
        DenseMLP(intermediate_size=width),
        (
            *parts.linear("ffn_gate", width, hidden_size, f"{at}w1"),
            *parts.linear("ffn_up", width, hidden_size, f"{at}w3"),
            *parts.linear("ffn_down", hidden_size, width, f"{at}w2"),
        ),
    )
    style = Style(
        norms=(("attn_norm", "attention_norm"), ("ffn_norm", "ffn_norm")), bias=bias, out_bias=bias
    )
    a = parts.attention(c)
    layer = fused_block(c, a, feed, style, qkv="attention.wqkv", out="attention.wo")
    return named(c, layer, embeddings="model.tok_embeddings", head="output")


def orion(c: Config) -> Model:
    """Orion: Llama with LayerNorm."""
    return stack(c, gated(c), Style(norm_bias=True))


def minicpm(c: Config) -> Model:
    """MiniCPM 1 and 4, dense or of experts: Llama's shapes, tied unless told otherwise."""
    feed = gated(c)
    if c.whole("num_experts", default=0, least=0):
        feed = mixture(c, experts(c.over(num_experts_per_tok=2)))
        return unchecked(stack(c, feed, tied=True))
    return stack(c, feed, tied=True)


def exaone(c: Config) -> Model:
    """EXAONE 3: Llama's shapes by GPT-2's names."""
    hidden_size, width = c.whole("hidden_size"), c.whole("intermediate_size")
    feed = Feed(
        DenseMLP(intermediate_size=width),
        (
            *parts.linear("ffn_gate", width, hidden_size, "mlp.c_fc_0"),
            *parts.linear("ffn_up", width, hidden_size, "mlp.c_fc_1"),
            *parts.linear("ffn_down", hidden_size, width, "mlp.c_proj"),
        ),
    )
    style = Style(
        norms=(("attn_norm", "ln_1"), ("ffn_norm", "ln_2")),
        prefix="attn.attention.",
        out="out_proj",
    )
    layer = block(c, parts.attention(c), feed, style)
    return named(
        c,
        layer,
        embeddings="transformer.wte",
        final_norm="transformer.ln_f",
        layers_path="transformer.h",
    )


def yuan(c: Config) -> Model:
    """Yuan 2: two short convolutions before attention's queries and keys."""
    hidden_size = c.whole("hidden_size")
    half, at = hidden_size // 2, "self_attn.lf_gate."
    filters = (
        Tensor("attn_conv1", (half, hidden_size, 2, 1), "conv", f"{at}conv1"),
        Tensor("attn_conv1.bias", (half,), "bias", f"{at}conv1"),
        Tensor("attn_conv2", (hidden_size, half, 2, 1), "conv", f"{at}conv2"),
        Tensor("attn_conv2.bias", (hidden_size,), "bias", f"{at}conv2"),
        *parts.norm("attn_conv_norm", hidden_size, f"{at}output_layernorm"),
    )
    return unchecked(stack(c, gated(c), extra=filters, tied=True))


def bailing_moe(c: Config) -> Model:
    """Ling and Ring, 1 and 2: many small experts and shared ones, q, k and v in one matrix."""
    bias = c.flag("use_bias")
    qk_norm = c.flag("use_qk_norm")
    style = Style(
        bias=c.flag("use_qkv_bias"),
        out_bias=bias,
        qk_norm="head" if qk_norm else "",
        qk_names=("query_layernorm", "key_layernorm"),
        prefix="attention.",
    )
    width = "moe_shared_expert_intermediate_size"
    shared = shared_width(
        c.over(num_shared_experts=0), "num_shared_experts", *((width,) if width in c else ())
    )
    e = experts(c, "num_experts", width="moe_intermediate_size", shared=shared)
    correction = "mlp.gate.expert_bias" if c.flag("moe_router_enable_expert_bias") else ""
    feeds = dense_first(
        c,
        mixture(c, e, correction=correction),
        c.whole("first_k_dense_replace", default=0, least=0),
    )
    a = parts.attention(c)
    numbers = {id(f): i for i, f in enumerate(feeds)}

    def layer(i: int) -> Layer:
        qkv, out = "attention.query_key_value", "attention.dense"
        return fused_block(c, a, feeds[i], style, qkv=qkv, out=out)

    layers = parts.each((numbers[id(f)] for f in feeds), layer)
    return named(c, layers, embeddings="model.word_embeddings")


def grok1(c: Config) -> Model:
    """Grok 1: eight experts of which two are used, norms on either side, tied."""
    c = c.over(num_experts=8, num_experts_per_tok=2, num_key_value_heads=8)
    norms: Norms = (
        ("attn_norm", "pre_attn_norm"),
        ("post_attention_norm", "post_attn_norm"),
        ("ffn_norm", "pre_moe_norm"),
        ("post_ffw_norm", "post_moe_norm"),
    )
    feed = mixture(
        c,
        experts(c),
        router="moe_block.gate",
        prefix="moe_block.experts.0.",
        names=("linear", "linear_v", "linear_1"),
    )
    return unchecked(stack(c, feed, Style(norms=norms, prefix="attn."), tied=True))


def openelm(c: Config) -> Model:
    """OpenELM: heads and MLP widths that grow from layer to layer, tied."""
    hidden_size, head_dim = c.whole("model_dim"), c.whole("head_dim")
    count = c.layer_count("num_transformer_layers")
    lists = [c.items(k) for k in ("num_query_heads", "num_kv_heads", "ffn_multipliers")]
    c = c.over(hidden_size=hidden_size, num_hidden_layers=count)
    if any(items is None or len(items) != count for items in lists):
        raise c.missing("num_query_heads, num_kv_heads and ffn_multipliers for every layer")
    norms = Style(norms=(("attn_norm", "attn_norm"), ("ffn_norm", "ffn_norm")), qk_norm="head")
    style = msgspec.structs.replace(norms, prefix="attn.")

    def layer(key: tuple[object, object, object]) -> Layer:
        values = dict(zip(("num_attention_heads", "num_key_value_heads"), key[:2], strict=True))
        own = c.replaced(**values, head_dim=head_dim)
        factor = Config({"ffn_multipliers": key[2]}, c.name, c.path).number("ffn_multipliers")
        feed = _openelm_feed(
            c, _multiple(factor * hidden_size, c.whole("ffn_dim_divisor", default=256))
        )
        a = parts.attention(own)
        return fused_block(own, a, feed, style, qkv="attn.qkv_proj", out="attn.out_proj")

    keys = zip(*(items or [] for items in lists), strict=True)
    tied = c.flag("share_input_output_layers", default=True)
    outer = parts.outer_tensors(
        c, tied=tied, embeddings="transformer.token_embeddings", final_norm="transformer.norm"
    )
    return parts.decoder(
        c,
        parts.each(keys, layer),
        tensors=outer,
        tied_by_default=tied,
        layers_path="transformer.layers",
    )


def _openelm_feed(c: Config, width: int) -> Feed:
    hidden_size = c.whole("hidden_size")
    up = parts.linear("ffn_gate_up", 2 * width, hidden_size, "ffn.proj_1")
    down = parts.linear("ffn_down", hidden_size, width, "ffn.proj_2")
    return Feed(DenseMLP(intermediate_size=width, fused=True), (*up, *down))


def _multiple(value: float, divisor: int) -> int:
    """The nearest multiple, never more than a tenth below."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def nemotron_nas(c: Config) -> Model:
    """Llama Nemotron from NVIDIA's search: each layer's attention and MLP as `block_configs` say.

    Source: the hub's modeling_decilm.py and block_config.py.
    """
    blocks = c.items("block_configs")
    count = parts.layer_count(c)
    if blocks is None or len(blocks) != count:
        raise c.fault("block_configs", f"does not list the {count} layers")
    written = [Config({"block": b}, c.name, f"{c.path}block_configs.") for b in blocks]
    keys = [_nas_key(b.required_section("block")) for b in written]
    return parts.decoder(c, parts.each(keys, lambda key: _nas_layer(c, *key)))


NAS_LINEAR = -1


def _nas_key(block: Config) -> tuple[int, float]:
    """Query heads for one key-value head, and the MLP's factor; 0 for nothing, -1 for a matrix."""
    attention, ffn = block.required_section("attention"), block.required_section("ffn")
    heads: int = NAS_LINEAR if attention.flag("replace_with_linear") else 0
    if not heads and not attention.flag("no_op"):
        heads = attention.whole("n_heads_in_group")
    factor: float = NAS_LINEAR if ffn.flag("replace_with_linear") else 0
    if not factor and not ffn.flag("no_op"):
        factor = ffn.number("ffn_mult")
    return heads, factor


def _nas_layer(c: Config, group: int, factor: float) -> Layer:
    hidden_size, heads = c.whole("hidden_size"), c.whole("num_attention_heads")
    bias = c.flag("attention_bias")
    tensors: list[Tensor] = []
    mixers: tuple[Mixer, ...] = ()
    if group:
        tensors += parts.norm("attn_norm", hidden_size, "input_layernorm")
    if group == NAS_LINEAR:
        module = "self_attn.linear_attn"
        tensors += parts.linear("attn_output", hidden_size, hidden_size, module, bias)
    elif group:
        if heads % group:
            raise c.fault("block_configs", f"has groups of {group}, with {heads} attention heads")
        a = parts.attention(c.replaced(num_key_value_heads=heads // group))
        mixers = (a,)
        tensors += parts.split_attention(hidden_size, a, bias=bias, out_bias=bias)
    feed = _nas_feed(c, factor)
    if feed is None:
        return Layer(mixers=mixers, feed_forward=None, tensors=tuple(tensors))
    tensors += parts.norm("ffn_norm", hidden_size, "post_attention_layernorm")
    return Layer(mixers=mixers, feed_forward=feed.kind, tensors=(*tensors, *feed.tensors))


def _nas_feed(c: Config, factor: float) -> Feed | None:
    hidden_size = c.whole("hidden_size")
    if not factor:
        return None
    if factor == NAS_LINEAR:
        matrix = parts.linear("ffn_down", hidden_size, hidden_size, "mlp.linear_mlp")
        return Feed(DenseMLP(intermediate_size=hidden_size, gated=False), tuple(matrix))
    width = -(-int(2 * factor * hidden_size / 3) // 256) * 256
    return gated(c.replaced(intermediate_size=width), bias=c.flag("mlp_bias"))
