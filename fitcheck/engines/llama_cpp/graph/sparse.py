"""DeepSeek's sparse attention: an indexer with a cache of its own picks the tokens to attend to.

Source: llama.cpp 0c1e57098, src/models/deepseek32.cpp, src/models/glm-dsa.cpp,
src/llama-kv-cache-dsa.cpp; src/llama-graph.cpp (build_attn for llm_graph_input_attn_k_dsa).
"""

from typing import Final

from fitcheck.engines.llama_cpp.graph import caches
from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph.attention import roped
from fitcheck.engines.llama_cpp.graph.build import Build
from fitcheck.engines.llama_cpp.graph.tensors import F16, I32, Node

# index_topk of every published model: config.json of DeepSeek-V3.2 and of GLM-5.
_CHOSEN: Final = 2048


def chosen(b: Build, x: Node, q: Node) -> Node:
    """Which tokens of the cache each token attends to: an indexer's, or an earlier layer's."""
    if not b.has("indexer.proj"):
        assert b.chosen is not None
        return b.chosen
    kv, tokens = b.index_kvs[b.index], b.tokens
    heads = b.weights["indexer.proj"].shape[1]
    q = ops.reshape(b.linear(q, "indexer.attn_q_b"), kv.key_dim, heads, tokens)
    k = b.norm(b.linear(x, "indexer.attn_k"), "indexer.k_norm")
    k = ops.reshape(k, kv.key_dim, 1, tokens)
    q, k = _turned(b, roped(b, q)), _turned(b, roped(b, k))
    held = caches.keys(b, kv)
    caches.store_keys(b, kv, k, held)
    weights = b.linear(x, "indexer.proj")
    k = caches.shown_keys(b, kv, held)
    q = ops.view(q, kv.key_dim, heads, tokens // b.streams, b.streams)
    weights = ops.view(weights, heads, tokens // b.streams, 1, b.streams)
    mask = b.input("index_mask", kv.cells, tokens // b.streams, 1, b.streams, item=F16)
    shape = (kv.cells, tokens // b.streams, 1, b.streams)
    score = Node("indexer", shape, (q, k, ops.same("scale", weights), mask), label="index_scores")
    best = Node("top_k", (_CHOSEN, *shape[1:]), (score,), I32, "chosen")
    b.chosen = ops.cont(best)
    return b.chosen


def _turned(b: Build, x: Node) -> Node:
    width = x.shape[0]
    return ops.mul_mat(b.input("index_rotation", width, width), x, x.label)


def masked(b: Build, mask: Node, top: Node) -> Node:
    """The mask, with all but the chosen tokens masked."""
    cells, tokens, _, streams = mask.shape
    nothing = Node("fill", mask.shape, (mask,), mask.item, "mask")
    nothing = ops.view(nothing, 1, cells, tokens, streams, packed=True)
    count = top.shape[0]
    zeros = Node("input", (1, count, tokens, streams), label="zeros", device=b.device)
    top = ops.view(top, count, tokens, streams, packed=True)
    shown = ops.store(ops.same("fill", zeros), top, nothing)
    shown = ops.view(shown, *mask.shape, packed=True)
    return Node("add", mask.shape, (shown, mask), mask.item, "mask")
