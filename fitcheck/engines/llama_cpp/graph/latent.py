"""Multi-head latent attention: one latent key for all heads, its values unpacked afterwards.

Source: llama.cpp 0c1e57098, src/models/deepseek2.cpp; src/llama-graph.cpp (build_attn for a cache
of keys only, build_attn_mha with v_mla).
"""

from fitcheck.architecture import LatentAttention
from fitcheck.engines.llama_cpp.graph import caches
from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph.attention import attend, in_f16, roped
from fitcheck.engines.llama_cpp.graph.build import Build
from fitcheck.engines.llama_cpp.graph.flash import f16_copies
from fitcheck.engines.llama_cpp.graph.sparse import chosen, masked
from fitcheck.engines.llama_cpp.graph.tensors import Node


def latent_attention(b: Build, x: Node, a: LatentAttention) -> Node:
    """Queries turned into the latent space, attention there, values turned back."""
    heads, tokens = a.num_attention_heads, b.tokens
    q = b.norm(b.linear(x, "attn_q_a"), "attn_q_a_norm") if b.has("attn_q_a") else x
    top = chosen(b, x, q) if b.index_kvs else None
    q = b.linear(q, "attn_q_b" if b.has("attn_q_a") else "attn_q")
    q = ops.reshape(q, a.qk_nope_head_dim + a.qk_rope_head_dim, heads, tokens)
    both = b.linear(x, "attn_kv_a_mqa")
    latent = b.norm(ops.view(both, a.kv_lora_rank, tokens), "attn_kv_a_norm")
    k_rope = ops.view(both, a.qk_rope_head_dim, 1, tokens)
    q_nope = ops.permute(ops.view(q, a.qk_nope_head_dim, heads, tokens), 0, 2, 1, 3)
    q_rope = ops.view(q, a.qk_rope_head_dim, heads, tokens)
    if b.traits.turned_positions:
        q_rope, k_rope = roped(b, q_rope), roped(b, k_rope)
    absorbed = ops.mul_mat(b.weights["attn_k_b"], q_nope, "latent_q")
    q = ops.concat(ops.permute(absorbed, 0, 2, 1, 3), q_rope, 0, "latent_q")
    latent = ops.reshape(latent, a.kv_lora_rank, 1, tokens)
    k = ops.concat(latent, k_rope, 0, "latent_k")
    for node in (q, latent, k):
        b.graph.expand(node)
    return b.linear(_attend(b, q, k, a, top), "attn_output")


def unpacked_attention(b: Build, x: Node, a: LatentAttention) -> Node:
    """Latent rows unpacked to keys and values of every head, which are what is kept."""
    heads, tokens, values = a.num_attention_heads, b.tokens, a.v_head_dim
    q = b.norm(b.linear(x, "attn_q_a"), "attn_q_a_norm") if b.has("attn_q_a") else x
    q = b.linear(q, "attn_q_b" if b.has("attn_q_a") else "attn_q")
    q = ops.reshape(q, a.qk_nope_head_dim + a.qk_rope_head_dim, heads, tokens)
    both = b.linear(x, "attn_kv_a_mqa")
    latent = b.norm(ops.view(both, a.kv_lora_rank, tokens), "attn_kv_a_norm")
    k_rope = roped(b, ops.view(both, a.qk_rope_head_dim, 1, tokens))
    kv = ops.mul_mat(b.weights["attn_kv_b"], latent, "attn_kv_b")
    v = ops.cont(ops.view(kv, values, heads, tokens))
    k_rope = ops.repeat(k_rope, a.qk_rope_head_dim, heads, tokens, label="keys")
    k = ops.concat(ops.view(kv, a.qk_nope_head_dim, heads, tokens), k_rope, 0, "keys")
    return b.linear(attend(b, roped(b, q), k, v), "attn_output")


def _attend(b: Build, q: Node, k: Node, a: LatentAttention, top: Node | None) -> Node:
    keys = caches.keys(b, b.kv)
    caches.store_keys(b, b.kv, k, keys)
    k = caches.shown_keys(b, b.kv, keys)
    v = ops.view(k, a.kv_lora_rank, *k.shape[1:])
    width, heads, tokens, _ = q.shape
    q = ops.permute(ops.view(q, width, heads, tokens // b.streams, b.streams), 0, 2, 1, 3)
    k, v = ops.permute(k, 0, 2, 1, 3), ops.permute(v, 0, 2, 1, 3)
    mask = b.mask(b.kv.cells, f"{b.kv.label}mask")
    if top is not None:
        mask = masked(b, mask, top)
    y = _flash(b, q, k, v, mask) if b.flash else _plain(b, q, k, v, mask)
    b.graph.expand(y)
    return y


def _flash(b: Build, q: Node, k: Node, v: Node, mask: Node) -> Node:
    _, tokens, heads, streams = q.shape
    keys = b.settings.cache_type_k
    k, v = in_f16(k, keys), in_f16(v, keys)
    y = Node("flash_attn", (v.shape[0], heads, tokens, streams), (q, k, v, mask), label="attention")
    b.graph.flash.append((y, b.index))
    y.extra = f16_copies(y, keys, keys, shared=True)
    y = ops.mul_mat(b.weights["attn_v_b"], ops.permute(y, 0, 2, 1, 3), "values")
    y = ops.cont(ops.permute(y, 0, 2, 1, 3))
    return ops.reshape(y, y.shape[0] * heads, b.tokens)


def _plain(b: Build, q: Node, k: Node, v: Node, mask: Node) -> Node:
    scores = ops.mul_mat(k, q, "scores")
    scores = Node("soft_max", scores.shape, (scores, mask), label="scores")
    y = ops.mul_mat(ops.cont(ops.transpose(v), label="turned_values"), scores, "attention")
    y = ops.permute(ops.mul_mat(b.weights["attn_v_b"], y, "values"), 0, 2, 1, 3)
    return ops.cont(y, y.shape[0] * y.shape[1], b.tokens)
