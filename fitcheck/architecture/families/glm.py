"""GLM, from the 130B of 2022 to GLM 4.6.

Source of shapes and defaults: transformers 5.23.0, models/glm, glm4, glm4_moe; the hub's
modeling_chatglm.py of ChatGLM 1 to 3 and GLM-4; GLM-130B: SwissArmyTransformer's GLU and the
repository's configs/model_glm_130b.sh. GLM 4.7 Flash and GLM 5 are in deepseek.py.
"""

from collections.abc import Iterable

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.deepseek import mtp_layers
from fitcheck.architecture.families.moe import dense_first, experts, shared_width
from fitcheck.architecture.families.sparse import CORRECTION
from fitcheck.architecture.families.stack import (
    GLM4,
    Feed,
    Style,
    block,
    fused,
    fused_block,
    mixture,
    named,
    stack,
)
from fitcheck.architecture.feed_forward import DenseMLP
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor

# LayerNorm, and biases on every projection.
LAYER_NORM = Style(norm_bias=True, bias=True, out_bias=True)


def glm(c: Config) -> Model:
    """GLM-4 9B as transformers has it: biases on q, k and v, gate and up in one matrix."""
    c = c.over(num_key_value_heads=2, head_dim=128)
    return stack(c, fused(c), Style(bias=c.flag("attention_bias", default=True)))


def glm4(c: Config) -> Model:
    """GLM-4 0414: GLM-4 with norms on either side."""
    c = c.over(num_key_value_heads=2, head_dim=128)
    return stack(c, fused(c), Style(bias=c.flag("attention_bias", default=True), norms=GLM4))


def glm4_moe(c: Config) -> Model:
    """GLM 4.5 to 4.7: experts after the first layers, one layer to predict ahead."""
    c = c.over(num_key_value_heads=8, n_routed_experts=128, num_experts_per_tok=8)
    c = c.over(moe_intermediate_size=1408, n_shared_experts=1, num_nextn_predict_layers=1)
    shared = shared_width(c, "n_shared_experts")
    e = experts(c, "n_routed_experts", width="moe_intermediate_size", shared=shared)
    sparse = mixture(c, e, correction=CORRECTION)
    feeds = dense_first(c, sparse, c.whole("first_k_dense_replace", default=1, least=0))
    style = Style(bias=c.flag("attention_bias"), qk_norm="head" if c.flag("use_qk_norm") else "")
    ahead = mtp_layers(c, lambda: block(c, parts.attention(c), sparse, style))
    return stack(c, feeds, style, mtp_layers=ahead)


def chatglm(c: Config) -> Model:
    """ChatGLM 1 to 3 and GLM-4 by the hub's own code, told apart by their keys."""
    if "inner_hidden_size" in c or "position_encoding_2d" in c:
        return _chatglm_6b(c)
    return _chatglm2(c)


def _chatglm_6b(c: Config) -> Model:
    """ChatGLM-6B: LayerNorm and biases throughout, the head tied to the embeddings."""
    hidden_size = c.whole("hidden_size")
    feed = _plain(c, c.whole("inner_hidden_size", default=4 * hidden_size))
    layer = _block(c, feed, LAYER_NORM, "attention.")
    return _tied(c, layer)


def _tied(c: Config, layer: Layer) -> Model:
    """A stack of such layers, the head tied to the embeddings unless told otherwise."""
    return named(
        c,
        layer,
        tied=True,
        norm_bias=True,
        embeddings="transformer.word_embeddings",
        final_norm="transformer.final_layernorm",
        layers_path="transformer.layers",
    )


def _block(c: Config, feed: Feed, style: Style, prefix: str) -> Layer:
    qkv, out = f"{prefix}query_key_value", f"{prefix}dense"
    return fused_block(c, parts.attention(c), feed, style, qkv=qkv, out=out)


def _plain(c: Config, width: int) -> Feed:
    up, down = "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"
    tensors = parts.plain_mlp(c.whole("hidden_size"), width, up, down)
    return Feed(DenseMLP(intermediate_size=width, gated=False), tuple(tensors))


def _chatglm2(c: Config) -> Model:
    """ChatGLM 2 and 3, GLM-4 9B, CodeGeeX 2 and 4: grouped queries, RMSNorm, gate and up fused."""
    heads = c.whole("num_attention_heads")
    grouped = c.flag("multi_query_attention")
    groups = c.whole("multi_query_group_num", default=1) if grouped else heads
    own = c.over(head_dim=c.whole("kv_channels", default=128)).over(num_key_value_heads=groups)
    norm_bias, bias = not c.flag("rmsnorm", default=True), c.flag("add_bias_linear")
    style = Style(norm_bias=norm_bias, bias=bias or c.flag("add_qkv_bias"), out_bias=bias)
    layer = _block(own, _gated(c, bias), style, "self_attention.")
    outer = parts.outer_tensors(
        c,
        tied=c.flag("tie_word_embeddings"),
        norm_bias=norm_bias,
        embeddings="transformer.embedding.word_embeddings",
        final_norm="transformer.encoder.final_layernorm",
        head="transformer.output_layer",
    )
    if not c.flag("post_layer_norm", default=True):
        outer = tuple(t for t in outer if not t.role.startswith("output_norm"))
    return parts.decoder(c, layer, tensors=outer, layers_path="transformer.encoder.layers")


def _gated(c: Config, bias: bool) -> Feed:
    hidden_size, width = c.whole("hidden_size"), c.whole("ffn_hidden_size")
    up = parts.linear("ffn_gate_up", 2 * width, hidden_size, "mlp.dense_h_to_4h", bias)
    down = parts.linear("ffn_down", hidden_size, width, "mlp.dense_4h_to_h", bias)
    return Feed(DenseMLP(intermediate_size=width, fused=True), (*up, *down))


def glm_130b(c: Config) -> Model:
    """GLM-130B: norms after, a gate of its own, biases throughout, the head tied."""
    hidden_size, width = c.whole("hidden_size"), c.whole("inner_hidden_size")
    feed = Feed(DenseMLP(intermediate_size=width), tuple(_geglu(hidden_size, width)))
    return _tied(c, _block(c, feed, LAYER_NORM, "attention."))


def _geglu(hidden_size: int, width: int) -> Iterable[Tensor]:
    for role, module in (("ffn_up", "mlp.dense_h_to_4h"), ("ffn_gate", "mlp.gate_proj")):
        yield from parts.linear(role, width, hidden_size, module, True)
    yield from parts.linear("ffn_down", hidden_size, width, "mlp.dense_4h_to_h", True)
