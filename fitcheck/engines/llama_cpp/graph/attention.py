"""Attention over a KV cache, with flash attention or without.

Source: llama.cpp 0c1e57098, src/llama-graph.cpp (build_qkv, build_attn, build_attn_mha).
"""

from fitcheck.architecture import Attention
from fitcheck.engines.llama_cpp.graph import caches
from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph.build import Build
from fitcheck.engines.llama_cpp.graph.flash import f16_copies
from fitcheck.engines.llama_cpp.graph.tensors import F16, Node
from fitcheck.engines.llama_cpp.settings import CacheType


def attention(b: Build, x: Node, a: Attention) -> Node:
    """Projections, positions, attention, and the output matrix."""
    q, k, v = projected(b, x, a)
    if a.position == "rope":
        q, k = roped(b, q), roped(b, k)
        if b.traits.norms_behind_rope:
            q, k = b.norm(q, "attn_q_norm"), b.norm(k, "attn_k_norm")
        if b.traits.heated_queries:
            q = ops.mul(q, b.input("attention_scale", 1, 1, b.tokens))
    elif b.traits.scaled_positions:
        q = ops.mul(q, b.input("attention_scale", 1, 1, b.tokens))
    if b.traits.scaled_queries:
        q = ops.same("scale", q)
    y = attend(b, q, k, v)
    y = b.norm(_gated(b, y, x, a) if b.has("attn_gate") else y, "attn_sub_norm")
    return b.linear(y, "attn_output")


def _gated(b: Build, y: Node, x: Node, a: Attention) -> Node:
    """What attention gathered times a gate: a number for each head, or for each of its values."""
    gate = ops.same("unary", b.linear(x, "attn_gate"))
    if gate.shape[0] == y.shape[0]:
        return ops.mul(y, gate)
    heads = ops.reshape(y, a.value_head_dim, a.num_attention_heads, b.tokens)
    heads = ops.mul(heads, ops.reshape(gate, 1, a.num_attention_heads, b.tokens))
    return ops.reshape(heads, *y.shape)


def projected(b: Build, x: Node, a: Attention) -> tuple[Node, Node, Node]:
    """Queries, keys and values by head, normed where the layer norms them."""
    q, k, v = _fused(b, x, a) if b.has("attn_qkv") else _separate(b, x)
    across_heads = b.has("attn_q_norm") and b.weights["attn_q_norm"].shape[0] != a.head_dim
    if across_heads:
        q, k = b.norm(q, "attn_q_norm"), b.norm(k, "attn_k_norm")
    if not b.has("attn_qkv"):
        q = ops.reshape(q, a.head_dim, a.num_attention_heads, b.tokens)
        k = ops.reshape(k, a.head_dim, a.num_key_value_heads, b.tokens)
        v = ops.reshape(v, a.value_head_dim, a.num_key_value_heads, b.tokens)
    if not across_heads and not b.traits.norms_behind_rope:
        q, k = b.norm(q, "attn_q_norm"), b.norm(k, "attn_k_norm")
    return q, k, v


def _separate(b: Build, x: Node) -> tuple[Node, Node, Node]:
    return b.linear(x, "attn_q"), b.linear(x, "attn_k"), b.linear(x, "attn_v")


def _fused(b: Build, x: Node, a: Attention) -> tuple[Node, Node, Node]:
    qkv = b.linear(x, "attn_qkv")
    return (
        ops.view(qkv, a.head_dim, a.num_attention_heads, b.tokens),
        ops.view(qkv, a.head_dim, a.num_key_value_heads, b.tokens),
        ops.view(qkv, a.value_head_dim, a.num_key_value_heads, b.tokens),
    )


def roped(b: Build, x: Node) -> Node:
    """x with its positions turned in."""
    factors = (b.weights["rope_factors"],) if b.has("rope_factors") else ()
    return Node("rope", x.shape, (x, b.positions, *factors), label=x.label)


def attend(b: Build, q: Node, k: Node | None, v: Node | None) -> Node:
    """What each token gathers from the cache, where its own key and value are stored first.

    `k` and `v` are None in a layer that reads another layer's cache.
    """
    key_matrix, value_matrix = caches.rotations(b, b.kv)
    if key_matrix is not None:
        q = _turned(q, key_matrix)
        k = None if k is None else _turned(k, key_matrix)
    if value_matrix is not None and v is not None:
        v = _turned(v, value_matrix)
    for node in (q, k, v) if b.windowed else (q, v, k):
        if node is not None:
            b.graph.expand(node)
    keys, values = caches.keys(b, b.kv), caches.values(b, b.kv)
    if k is not None and v is not None:
        caches.store_keys(b, b.kv, k, keys)
        caches.store_values(b, b.kv, v, values)
    y = _gathered(b, q, caches.shown_keys(b, b.kv, keys), caches.shown_values(b, b.kv, values))
    return y if value_matrix is None else _turned(y, value_matrix)


def _turned(x: Node, matrix: Node) -> Node:
    """x times a Hadamard matrix."""
    width = matrix.shape[0]
    rows = ops.numel(x) // width
    flat = ops.reshape(x, width, rows) if x.packed else ops.cont(x, width, rows)
    return ops.reshape(ops.mul_mat(matrix, flat, x.label), *x.shape)


def _gathered(b: Build, q: Node, k: Node, v: Node) -> Node:
    """Scores, softmax and weighted values: one kernel with flash attention, else three results."""
    width, heads, tokens, _ = q.shape
    q = ops.permute(ops.view(q, width, heads, tokens // b.streams, b.streams), 0, 2, 1, 3)
    k, v = ops.permute(k, 0, 2, 1, 3), ops.permute(v, 0, 2, 1, 3)
    besides = [b.mask(b.kv.cells, f"{b.kv.label}mask")]
    if b.has("attn_sinks"):
        besides.append(b.weights["attn_sinks"])
    y = _flash(b, q, k, v, besides) if b.flash else _plain(b, q, k, v, besides)
    b.graph.expand(y)
    return y


def _flash(b: Build, q: Node, k: Node, v: Node, besides: list[Node]) -> Node:
    types = b.settings.cache_type_k, b.settings.cache_type_v
    k, v = in_f16(k, types[0]), in_f16(v, types[1])
    _, tokens, heads, streams = q.shape
    shape = (v.shape[0], heads, tokens, streams)
    y = Node("flash_attn", shape, (q, k, v, *besides), label="attention")
    b.graph.flash.append((y, b.index))
    y.extra = f16_copies(y, *types)
    return ops.reshape(y, shape[0] * heads, tokens * streams)


def in_f16(x: Node, t: CacheType) -> Node:
    """What is kept in 32 bits, turned to 16 for flash kernels."""
    return Node("cpy", x.shape, (x,), F16, "cache_in_f16") if t.name == "f32" else x


def _plain(b: Build, q: Node, k: Node, v: Node, besides: list[Node]) -> Node:
    scores = ops.mul_mat(k, q, "scores")
    if b.traits.capped_scores:
        scores = ops.same("scale", ops.same("unary", ops.same("scale", scores)))
    scores = Node("soft_max", scores.shape, (scores, *besides), label="scores")
    if not b.settings.turned_values:
        v = ops.cont(ops.transpose(v), label="turned_values")
    y = ops.permute(ops.mul_mat(v, scores, "attention"), 0, 2, 1, 3)
    width, heads, tokens, streams = y.shape
    return ops.cont(y, width * heads, tokens * streams)
