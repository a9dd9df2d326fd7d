"""MLPs and experts, as llama.cpp's build_ffn and build_moe_ffn lay them out.

Source: llama.cpp 0c1e57098, src/llama-graph.cpp; what the card's fused kernels keep alive:
ggml/src/ggml-cuda/ggml-cuda.cu, ggml_backend_cuda_graph_optimize.
"""

from typing import Final

from fitcheck.architecture import Experts
from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph.build import Build
from fitcheck.engines.llama_cpp.graph.tensors import Node

# ggml-cuda.cu, MOE_WEIGHTED_REDUCTION_MAX_EXPERTS; topk-moe.cu, ggml_cuda_should_use_topk_moe.
_FUSED_SUM: Final = range(2, 16)
_FUSED_TOP_K: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 288, 512, 576)


def feed_forward(b: Build, x: Node) -> Node:
    """What the layer has: a dense MLP, or experts with a shared one beside them."""
    if not b.has("ffn_down") and not b.has("ffn_gate_inp"):
        return unknown(b, x)
    e = b.layer.feed_forward
    if not isinstance(e, Experts) or not b.has("ffn_gate_inp"):
        return mlp(b, x)
    y = experts(b, x, e)
    return ops.add(y, _shared(b, x)) if b.has("ffn_up_shexp") else y


def unknown(b: Build, x: Node) -> Node:
    """A stand-in for what is not drawn here: every other matrix times x, all of them kept."""
    made = [
        ops.mul_mat(weight, x, role)
        for role, weight in b.weights.items()
        if weight.shape[0] == x.shape[0] and weight.shape[1] > 1 and not role.startswith("ffn_")
    ]
    return Node("unknown", x.shape, (x, *made), label="unknown")


def mlp(b: Build, x: Node, suffix: str = "") -> Node:
    """Up, gate and down; `suffix` is `_shexp` for shared experts."""
    up_role, gate_role, down_role = (f"ffn_{part}{suffix}" for part in ("up", "gate", "down"))
    up = b.linear(x, up_role)
    if b.has(gate_role):
        y = ops.gated(b.linear(x, gate_role), up, f"ffn_act{suffix}")
    elif up.shape[0] == 2 * b.weights[down_role].shape[0]:
        y = ops.gated_halves(up, f"ffn_act{suffix}")
    else:
        y = _activated(b, up)
    return b.linear(y if suffix else b.norm(y, "ffn_sub_norm"), down_role)


def _activated(b: Build, up: Node) -> Node:
    y = ops.same("unary", up)
    return ops.same("sqr", y) if b.traits.squared_relu else y


def _shared(b: Build, x: Node) -> Node:
    y = mlp(b, x, "_shexp")
    if not b.has("ffn_gate_inp_shexp"):
        return y
    logit = b.linear(x, "ffn_gate_inp_shexp")
    gate = ops.same("unary", logit)
    return ops.mul(y, ops.div(gate, logit) if b.traits.shared_gate_is_silu else gate)


def experts(b: Build, x: Node, e: Experts, logits: Node | None = None) -> Node:
    """The weighted sum of the routed experts' results; `logits` where the router saw another x."""
    if logits is None:
        logits = ops.mul_mat(b.weights["ffn_gate_inp"], x, "router")
    weights, ids = _route(b, logits, e)
    _expand_router(b, logits, weights, e)
    width, tokens = x.shape[:2]
    used = e.num_experts_per_tok
    x = ops.reshape(x, width, 1, tokens)
    if b.traits.weights_before_experts:
        x = ops.mul(ops.repeat(x, width, used, tokens, label="experts_input"), weights)
    y = ops.mul_mat_id(b.weights["ffn_down_exps"], _inner(b, x, ids), ids, "ffn_down_exps")
    y = _biased(b, y, ids)
    kept = [y]
    if b.has("ffn_down_exps.scale"):
        kept.append(_scales(b, "ffn_down_exps.scale", e.num_experts, tokens, ids))
        y = ops.mul(y, kept[-1])
    if b.traits.weights_before_experts:
        return _sum(b, y, used, ())
    return _sum(b, ops.mul(y, weights), used, (*kept, weights))


def _route(b: Build, logits: Node, e: Experts) -> tuple[Node, Node]:
    """Each token's weights of its experts, and which they are."""
    used, tokens = e.num_experts_per_tok, logits.shape[1]
    if b.has("ffn_gate_inp.bias"):
        logits = ops.add(logits, b.weights["ffn_gate_inp.bias"])
    late = b.traits.softmax_of_chosen
    probs = logits if late else ops.same("soft_max", logits)
    chosen_by = logits if b.traits.weights_before_experts else probs
    if b.has("exp_probs_b.bias"):
        chosen_by = ops.add(probs, b.weights["exp_probs_b.bias"])
    ids = ops.top_k(chosen_by, used)
    y = ops.get_rows(ops.reshape(probs, 1, e.num_experts, tokens), ids, "router")
    if late:
        y = ops.same("soft_max", ops.reshape(y, used, tokens))
        y = ops.reshape(y, 1, used, tokens)
    if b.traits.normed_weights:
        y = ops.reshape(y, used, tokens)
        y = ops.div(y, ops.same("clamp", ops.sum_rows(y)))
        y = ops.reshape(y, 1, used, tokens)
    return ops.same("scale", y) if b.traits.scaled_weights else y, ids


def _expand_router(b: Build, logits: Node, weights: Node, e: Experts) -> None:
    """Append the router; a fused kernel needs all of it until the node behind it is computed."""
    b.graph.expand(logits)
    first = len(b.graph.nodes)
    b.graph.expand(weights)
    fusible = not b.traits.softmax_of_chosen and not b.traits.weights_before_experts
    if fusible and e.num_experts in _FUSED_TOP_K:
        b.graph.keep_for_next((logits, *b.graph.nodes[first:]))


def _inner(b: Build, x: Node, ids: Node) -> Node:
    """Up and gate of the chosen experts, and their product."""
    if b.has("ffn_gate_up_exps"):
        both = ops.mul_mat_id(b.weights["ffn_gate_up_exps"], x, ids, "ffn_gate_up_exps")
        both = _biased(b, both, ids)
        half = both.shape[0] // 2, *both.shape[1:]
        return ops.gated(ops.view(both, *half), ops.view(both, *half), "ffn_act_exps")
    up = _biased(b, ops.mul_mat_id(b.weights["ffn_up_exps"], x, ids, "ffn_up_exps"), ids)
    if not b.has("ffn_gate_exps"):
        return _activated(b, up)
    gate = ops.mul_mat_id(b.weights["ffn_gate_exps"], x, ids, "ffn_gate_exps")
    return ops.gated(_biased(b, gate, ids), up, "ffn_act_exps")


def _biased(b: Build, y: Node, ids: Node) -> Node:
    bias = b.weights.get(f"{y.label}.bias")
    return y if bias is None else Node("add_id", y.shape, (y, bias, ids), label=y.label)


def _scales(b: Build, role: str, count: int, tokens: int, ids: Node) -> Node:
    scale = ops.reshape(b.weights[role], 1, count)
    return ops.get_rows(ops.repeat(scale, 1, count, tokens, label="router"), ids, "router")


def _sum(b: Build, y: Node, used: int, kept: tuple[Node, ...]) -> Node:
    """The sum over a token's experts: a view of each, and additions."""
    b.graph.expand(y)
    width, _, tokens, _ = y.shape
    views = [ops.view(y, width, tokens) for _ in range(used)]
    for each in views:
        b.graph.expand(each)
    total = views[0]
    for each in views[1:]:
        total = ops.add(total, each, "experts")
        b.graph.expand(total)
    if used == 1:
        return ops.cont(total, label="experts")
    if used in _FUSED_SUM:
        total.kept += kept
    return total
