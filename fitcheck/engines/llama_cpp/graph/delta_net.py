"""Gated attention and the gated delta rule of Qwen3-Next and Qwen3.5.

Source: llama.cpp 0c1e57098, src/models/qwen3next.cpp, qwen35.cpp, qwen35moe.cpp,
delta-net-base.cpp.
"""

from fitcheck.architecture import Attention, GatedDeltaNet
from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph import states
from fitcheck.engines.llama_cpp.graph.attention import attend, roped
from fitcheck.engines.llama_cpp.graph.build import Build
from fitcheck.engines.llama_cpp.graph.tensors import Node


def is_gated(b: Build, a: Attention) -> bool:
    """Whether the queries' projection has a gate for the result in it."""
    q = b.weights.get("attn_q")
    return q is not None and q.shape[1] == 2 * a.num_attention_heads * a.head_dim


def gated_attention(b: Build, x: Node, a: Attention) -> Node:
    """Attention whose result is gated by a second half of the queries' projection."""
    heads, key_heads, tokens = a.num_attention_heads, a.num_key_value_heads, b.tokens
    both, k, v = b.linear(x, "attn_q"), b.linear(x, "attn_k"), b.linear(x, "attn_v")
    both = ops.reshape(both, 2 * a.head_dim, heads, tokens)
    q, gate = (ops.view(both, a.head_dim, heads, tokens) for _ in range(2))
    k = ops.reshape(k, a.head_dim, key_heads, tokens)
    v = ops.reshape(v, a.value_head_dim, key_heads, tokens)
    q, k = roped(b, b.norm(q, "attn_q_norm")), roped(b, b.norm(k, "attn_k_norm"))
    y = attend(b, q, k, v)
    gate = ops.same("unary", ops.cont(gate, a.head_dim * heads, tokens, label="attn_gate"))
    return b.linear(ops.mul(y, gate), "attn_output")


def delta_net(b: Build, x: Node, d: GatedDeltaNet) -> Node:
    """Linear attention by the gated delta rule, behind a short convolution."""
    sequences, tokens = b.sequences, b.tokens // b.sequences
    width, heads = d.value_head_dim, d.num_value_heads
    mixed = b.linear(x, "attn_qkv")
    mixed = ops.reshape(mixed, mixed.shape[0], tokens, sequences)
    z = b.linear(x, "attn_gate")
    beta, gate = _gates(b, x, d)
    conv_state, last = states.last_inputs(b, d.d_conv, d.conv_dim)
    convolved = states.convolved(b, mixed, last, conv_state, "ssm_conv1d")
    state = states.held(b, heads * width * width)
    before = ops.reshape(states.read(b, state), width, width, heads, sequences)
    x = ops.same("unary", convolved)
    q, k = (ops.view(x, d.key_head_dim, d.num_key_heads, tokens, sequences) for _ in range(2))
    v = ops.view(x, width, heads, tokens, sequences)
    q, k = (ops.same("scale", ops.same("rms_norm", part)) for part in (q, k))
    if b.has("ssm_ba") and d.num_key_heads != heads:
        q, k = _repeated(b, q, d), _repeated(b, k, d)
    y = b.norm(ruled(b, (q, k, v, gate, beta, before), d, state), "ssm_norm")
    z = ops.same("unary", ops.reshape(z, width, heads, tokens, sequences))
    y = ops.reshape(ops.mul(y, z), width * heads, tokens, sequences)
    return ops.reshape(b.linear(y, "ssm_out"), b.hidden_size, b.tokens)


def _gates(b: Build, x: Node, d: GatedDeltaNet) -> tuple[Node, Node]:
    """How much each token writes, and how much of the state it keeps."""
    heads, sequences, tokens = d.num_value_heads, b.sequences, b.tokens // b.sequences
    if b.has("ssm_ba"):
        ratio = heads // d.num_key_heads
        both = ops.reshape(b.linear(x, "ssm_ba"), 2 * ratio, d.num_key_heads, tokens, sequences)
        parts = [ops.view(both, ratio, d.num_key_heads, tokens, sequences) for _ in range(2)]
        beta = ops.same("unary", ops.cont(parts[0]))
        beta = ops.reshape(beta, 1, heads, tokens, sequences)
        alpha = ops.cont(parts[1], heads, tokens, sequences)
    else:
        beta = ops.reshape(b.linear(x, "ssm_beta"), 1, heads, tokens, sequences)
        beta = ops.same("unary", beta)
        alpha = ops.reshape(b.linear(x, "ssm_alpha"), heads, tokens, sequences)
    alpha = ops.same("unary", ops.add(alpha, b.weights["ssm_dt.bias"]))
    gate = ops.mul(alpha, b.weights["ssm_a"])
    return beta, ops.reshape(gate, 1, heads, tokens, sequences)


def _repeated(b: Build, x: Node, d: GatedDeltaNet) -> Node:
    """Queries or keys as often as there are values for them."""
    width, heads, ratio = d.key_head_dim, d.num_key_heads, d.num_value_heads // d.num_key_heads
    x = ops.reshape(x, width, 1, heads, b.tokens)
    x = ops.repeat(x, width, ratio, heads, b.tokens, label=x.label)
    return ops.reshape(x, width, heads * ratio, b.tokens // b.sequences, b.sequences)


def ruled(b: Build, sources: tuple[Node, ...], d: GatedDeltaNet, state: Node) -> Node:
    """The rule's results with the new states behind them; the states are kept."""
    width, heads, sequences = d.value_head_dim, d.num_value_heads, b.sequences
    shape = (width * heads, b.tokens + width * sequences, 1, 1)
    y = Node("gated_delta_net", shape, sources, label="delta_net")
    states.write(b, ops.view(y, width, width, heads, sequences, packed=True), state)
    return ops.view(y, width, heads, b.tokens // sequences, sequences, packed=True)
