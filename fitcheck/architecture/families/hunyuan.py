"""Tencent's Hunyuan, dense and of experts, to version 4.

Source of shapes and defaults: transformers 5.23.0, models/hunyuan_v1_dense, hunyuan_v1_moe, hy_v3,
hy_v4.
"""

from collections.abc import Iterable

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.deepseek import latent, latent_block, own_indexer
from fitcheck.architecture.families.deepseek_v4 import gathering, mixing
from fitcheck.architecture.families.moe import experts
from fitcheck.architecture.families.sparse import corrected_feeds
from fitcheck.architecture.families.stack import Style, gated, mixture, stack
from fitcheck.architecture.mixers import LatentAttention
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


def hunyuan(c: Config) -> Model:
    """Hunyuan, dense: norms on each head's queries and keys."""
    return stack(c, gated(c, bias=c.flag("mlp_bias")), hunyuan_style(c))


def hunyuan_style(c: Config) -> Style:
    """Hunyuan's blocks, dense or of experts."""
    bias = c.flag("attention_bias")
    names = ("query_layernorm", "key_layernorm")
    return Style(
        bias=bias,
        out_bias=bias,
        qk_norm="head" if c.flag("use_qk_norm", default=True) else "",
        qk_names=names,
    )


def hunyuan_moe(c: Config) -> Model:
    """Hunyuan A13B: a shared expert beside the routed ones; lists have one number a layer."""
    c = c.over(num_experts=1, moe_topk=1)
    shared = _one_of_many(c, "num_shared_expert", 1) * c.whole("intermediate_size")
    c = c.over(moe_intermediate_size=c.whole("intermediate_size"))
    values = dict(c.values)
    for key in ("num_experts", "moe_topk", "moe_intermediate_size"):
        values[key] = _one_of_many(c, key, 1)
    plain = Config(values, c.name, c.path)
    e = experts(plain, "num_experts", "moe_topk", "moe_intermediate_size", shared)
    feed = mixture(c, e, router="mlp.gate.wg", shared="mlp.shared_mlp.")
    return stack(c, feed, hunyuan_style(c))


def _one_of_many(c: Config, key: str, default: int) -> int:
    """A number that may be given once for all layers or as a list with one for each."""
    value = c.values.get(key)
    if isinstance(value, list) and value and all(v == value[0] for v in value):
        return Config({key: value[0]}, c.name, c.path).whole(key)
    return c.whole(key, default=default)


def hy_v3(c: Config) -> Model:
    """Hunyuan 3: experts after the first layer, a norm on each head."""
    c = c.over(num_key_value_heads=8, head_dim=128, num_experts=192, num_experts_per_tok=8)
    c = c.over(moe_intermediate_size=1536, num_shared_experts=1)
    bias = c.flag("attention_bias")
    style = Style(bias=bias, out_bias=bias, qk_norm="head")
    feeds = corrected_feeds(c, "num_experts", "num_shared_experts", c.flag("mlp_bias"))
    return stack(c, feeds, style)


def hy_v4(c: Config) -> Model:
    """Hunyuan 4: gated latent attention with sinks, between hyper-connections.

    Three layers of four use the indexer of the one before.
    """
    c = c.over(q_lora_rank=1536, kv_lora_rank=512, qk_nope_head_dim=192, qk_rope_head_dim=64)
    c = c.over(v_head_dim=256, index_head_dim=128, index_n_heads=16, n_routed_experts=256)
    c = c.over(num_experts_per_tok=8, moe_intermediate_size=768, n_shared_experts=1, hc_mult=4)
    indexed = own_indexer(c, [i == 0 or i % 4 == 1 for i in range(parts.layer_count(c))])
    feeds = corrected_feeds(c)
    numbers = {id(f): i for i, f in enumerate(feeds)}

    def layer(key: tuple[int, bool]) -> Layer:
        a = latent(c, indexed=key[1])
        return latent_block(c, a, feeds[key[0]], tuple(_beside(c, a)))

    layers = parts.each(zip((numbers[id(f)] for f in feeds), indexed, strict=True), layer)
    outer = parts.outer_tensors(c, tied=c.flag("tie_word_embeddings"))
    last = gathering(c, "output_hc_", "model.hc_head.hc_")
    return parts.decoder(c, layers, tensors=(*outer, *last))


def _beside(c: Config, a: LatentAttention) -> Iterable[Tensor]:
    """Sinks, the gate on attention's output, and what reads and writes the streams."""
    heads, hidden_size, streams = a.num_attention_heads, c.whole("hidden_size"), c.whole("hc_mult")
    yield Tensor("attn_sinks", (heads,), "state", "self_attn.sinks", "float32")
    yield from parts.linear("attn_gate", heads * a.v_head_dim, hidden_size, "self_attn.gate_proj")
    for name in ("attn", "ffn"):
        yield from mixing(f"hc_{name}_", f"{name}_hc.", 2 * streams, streams * hidden_size, 2)
