"""Gemma 3n's four streams, Gemma 4's experts beside an MLP, and inputs of each layer's own.

Source: llama.cpp 0c1e57098, src/models/gemma3n.cpp, src/models/gemma4.cpp.
"""

from typing import Final

from fitcheck.architecture import Attention, Experts
from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph.attention import attend, roped
from fitcheck.engines.llama_cpp.graph.build import Build, Weights
from fitcheck.engines.llama_cpp.graph.feed_forward import experts, mlp
from fitcheck.engines.llama_cpp.graph.tensors import I32, Node

# src/models/models.h, llama_model_gemma3n: n_layer_sparsity.
SPARSE_LAYERS: Final = 10


def with_layer_inputs(b: Build, x: Node, outside: Weights) -> Node:
    """x; a second, small embedding of each token is put aside for every layer."""
    table = outside.get("per_layer_token_embd")
    if table is None:
        return x
    layers, tokens = len(b.model.layers), b.tokens
    width = table.shape[0] // layers
    ids = b.input("token_ids_again", tokens, item=I32)
    own = ops.reshape(ops.get_rows(table, ids, "layer_inputs"), width, layers, tokens)
    own = ops.same("scale", own)
    b.graph.expand(own)
    y = ops.same("scale", ops.mul_mat(outside["per_layer_model_proj"], x, "layer_inputs"))
    y = ops.same("rms_norm", ops.reshape(y, width, layers, tokens))
    y = ops.mul(y, outside["per_layer_proj_norm"])
    y = ops.same("scale", ops.add(y, own))
    b.layer_inputs = ops.cont(ops.permute(y, 0, 2, 1, 3))
    return x


def _with_layer_input(b: Build, x: Node, inputs: Node) -> Node:
    y = ops.same("unary", b.linear(x, "inp_gate"))
    own = ops.view(inputs, *inputs.shape[:2], packed=True)
    return b.norm(b.linear(ops.mul(y, own), "proj"), "post_norm")


def in_streams(b: Build, x: Node, outside: Weights) -> Node:
    """x and projections of it, scaled to the same length: (hidden, tokens, streams)."""
    x = with_layer_inputs(b, x, outside)
    target = _length(x)
    projection = outside["altup_proj"]
    others = projection.shape[2]
    y = ops.repeat(x, b.hidden_size, b.tokens, others, label="streams")
    y = ops.mul_mat(projection, y, "streams")
    return ops.concat(x, _scaled(y, target), 2, "streams")


def out_of_streams(b: Build, x: Node, outside: Weights) -> Node:
    """The mean of the streams, each turned back."""
    target = _length(_stream(x))
    rest = ops.view(x, b.hidden_size, b.tokens, x.shape[2] - 1, packed=True)
    y = _scaled(ops.mul_mat(outside["altup_unembd_proj"], rest, "streams"), target)
    total = _stream(x)
    for _ in range(y.shape[2]):
        total = ops.add(total, _stream(y))
    return ops.same("scale", total)


def _length(x: Node) -> Node:
    return ops.same("sqrt", ops.sum_rows(ops.same("sqr", x)))


def _scaled(y: Node, target: Node) -> Node:
    length = _length(y)
    return ops.div(ops.mul(y, target), length)


def _stream(x: Node) -> Node:
    return ops.view(x, *x.shape[:2], packed=True)


def gemma3n(b: Build, x: Node, last: bool) -> Node:
    """Predict all streams, compute one, correct the others."""
    assert b.layer_inputs is not None
    predictions = _predictions(b, x)
    active = _stream(predictions)
    y = b.norm(active, "attn_norm")
    laurel = b.norm(b.linear(b.linear(y, "laurel_l"), "laurel_r"), "laurel_post_norm")
    laurel = ops.add(laurel, y)
    y = ops.add(b.norm(_attention(b, y), "post_attention_norm"), active, "residual")
    y = ops.same("scale", ops.add(y, laurel))
    z = b.norm(_sparse_mlp(b, b.norm(y, "ffn_norm")), "post_ffw_norm")
    corrected = _corrected(b, predictions, ops.add(z, y, "residual"))
    first = ops.mul(_stream(corrected), b.weights["altup_correct_scale"])
    first = _with_layer_input(b, first, b.layer_inputs)
    rest = ops.view(corrected, b.hidden_size, b.tokens, corrected.shape[2] - 1, packed=True)
    return ops.concat(_stream(corrected), ops.add(rest, first, "streams"), 2, "streams")


def _attention(b: Build, x: Node) -> Node:
    """Attention with normed values, or with another layer's cache."""
    (a,) = b.layer.mixers
    assert isinstance(a, Attention)
    q = ops.reshape(b.linear(x, "attn_q"), a.head_dim, a.num_attention_heads, b.tokens)
    q = roped(b, b.norm(q, "attn_q_norm"))
    if a.shares_cache:
        return b.linear(attend(b, q, None, None), "attn_output")
    key = b.linear(x, "attn_k")
    value = b.linear(x, "attn_v") if b.has("attn_v") else key
    k = ops.reshape(key, a.head_dim, a.num_key_value_heads, b.tokens)
    v = ops.reshape(value, a.value_head_dim, a.num_key_value_heads, b.tokens)
    k = roped(b, b.norm(k, "attn_k_norm"))
    return b.linear(attend(b, q, k, ops.same("rms_norm", v)), "attn_output")


def _sparse_mlp(b: Build, x: Node) -> Node:
    up, gate = b.linear(x, "ffn_up"), b.linear(x, "ffn_gate")
    if b.index < SPARSE_LAYERS:
        mean = Node("mean", (1, *gate.shape[1:]), (gate,))
        spread = ops.sum_rows(ops.same("sqr", ops.sub(gate, mean)))
        spread = ops.same("sqrt", ops.same("scale", spread))
        cutoff = ops.add(mean, ops.same("scale", spread))
        gate = ops.same("unary", ops.sub(gate, cutoff))
    return b.linear(ops.mul(up, ops.same("unary", gate), "ffn_act"), "ffn_down")


def _modalities(b: Build, x: Node) -> Node:
    y = ops.same("scale", b.norm(x, "altup_router_norm"))
    return ops.same("unary", ops.mul_mat(b.weights["altup_router"], y))


def _predictions(b: Build, x: Node) -> Node:
    streams = x.shape[2]
    coefficients = b.linear(_modalities(b, _stream(x)), "altup_predict_coef")
    coefficients = ops.reshape(coefficients, streams, streams, b.tokens)
    turned = ops.cont(ops.permute(x, 1, 2, 0, 3))
    y = ops.mul_mat(turned, coefficients, "predictions")
    return ops.add(ops.cont(ops.permute(y, 0, 2, 1, 3)), x)


def _corrected(b: Build, predictions: Node, active: Node) -> Node:
    width, tokens, streams, _ = predictions.shape
    modalities = _modalities(b, active)
    news = ops.sub(active, _stream(predictions), "news")
    coefficients = ops.same("scale", b.linear(modalities, "altup_correct_coef"))
    coefficients = ops.cont(ops.transpose(coefficients), 1, tokens, streams)
    news = ops.repeat(news, width, tokens, streams, label="news")
    return ops.add(ops.mul(news, coefficients), predictions, "predictions")


def gemma4(b: Build, x: Node, last: bool) -> Node:
    """Norms before and behind; where there are experts, an MLP beside them."""
    y = b.norm(_attention(b, b.norm(x, "attn_norm")), "post_attention_norm")
    y = ops.add(y, x, "residual")
    z = _mlp_and_experts(b, y) if b.has("ffn_gate_inp") else mlp(b, b.norm(y, "ffn_norm"))
    y = ops.add(b.norm(z, "post_ffw_norm"), y, "residual")
    if b.layer_inputs is not None:
        y = ops.add(y, _with_layer_input(b, y, b.layer_inputs), "residual")
    if b.has("layer_output_scale"):
        y = ops.mul(y, b.weights["layer_output_scale"])
    return y


def _mlp_and_experts(b: Build, x: Node) -> Node:
    e = b.layer.feed_forward
    assert isinstance(e, Experts)
    y = b.norm(mlp(b, b.norm(x, "ffn_norm")), "post_ffw_norm_1")
    z = b.norm(x, "pre_ffw_norm_2")
    router = ops.same("scale", ops.same("rms_norm", x, "router"))
    router = ops.mul(router, b.weights["ffn_gate_inp.scale"])
    logits = ops.mul_mat(b.weights["ffn_gate_inp"], router, "router")
    return ops.add(y, b.norm(experts(b, z, e, logits), "post_ffw_norm_2"))
