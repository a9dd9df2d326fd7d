"""Kimi's delta rule with a gate for every key channel, and MiniMax's lightning attention.

Source: llama.cpp 0c1e57098, src/models/kimi-linear.cpp, src/models/minimax-01.cpp.
"""

from fitcheck.architecture import GatedDeltaNet, LinearAttention
from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph import states
from fitcheck.engines.llama_cpp.graph.build import Build
from fitcheck.engines.llama_cpp.graph.delta_net import ruled
from fitcheck.engines.llama_cpp.graph.tensors import Node


def key_delta_net(b: Build, x: Node, d: GatedDeltaNet) -> Node:
    """Queries, keys and values through short convolutions of their own, then the delta rule."""
    width, heads, sequences = d.value_head_dim, d.num_value_heads, b.sequences
    conv_state = states.held(b, d.conv_dim * (d.d_conv - 1))
    last = states.read(b, conv_state)
    q, k, v = (_convolved(b, x, d, part, last, conv_state) for part in "qkv")
    gate = b.linear(b.linear(x, "ssm_f_a"), "ssm_f_b")
    gate = ops.same("unary", ops.add(gate, b.weights["ssm_dt.bias"]))
    gate = ops.reshape(gate, width, heads, b.tokens)
    gate = ops.mul(gate, ops.reshape(b.weights["ssm_a"], 1, heads))
    gate = ops.reshape(gate, *q.shape)
    beta = ops.reshape(b.linear(x, "ssm_beta"), 1, *q.shape[1:])
    beta = ops.same("unary", beta)
    state = states.held(b, heads * width * width)
    before = ops.reshape(states.read(b, state), width, width, heads, sequences)
    q, k = (ops.same("scale", ops.same("rms_norm", part)) for part in (q, k))
    y = ops.cont(ruled(b, (q, k, v, gate, beta, before), d, state))
    z = b.linear(x, "ssm_g") if b.has("ssm_g") else b.linear(b.linear(x, "ssm_g_a"), "ssm_g_b")
    z = ops.reshape(z, width, heads, b.tokens)
    y = b.norm(ops.reshape(y, width, heads, b.tokens), "ssm_norm")
    y = ops.cont(ops.mul(y, ops.same("unary", z)), width * heads, b.tokens)
    return b.linear(y, "attn_output")


def _convolved(
    b: Build, x: Node, d: GatedDeltaNet, part: str, last: Node, state: Node
) -> Node:  # fmt: skip
    width, heads, sequences = d.value_head_dim, d.num_value_heads, b.sequences
    tokens, channels = b.tokens // sequences, width * heads
    y = ops.reshape(b.linear(x, f"attn_{part}"), channels, tokens, sequences)
    before = ops.view(last, d.d_conv - 1, channels, sequences)
    wide = ops.concat(before, ops.transpose(y), 0, f"ssm_conv1d_{part}")
    kept = ops.view(wide, *before.shape)
    b.graph.expand(ops.copy(kept, ops.view(state, *before.shape)))
    weight = ops.reshape(b.weights[f"ssm_conv1d_{part}"], d.d_conv, channels)
    y = Node("ssm_conv", (channels, tokens, sequences, 1), (wide, weight), label=f"attn_{part}")
    y = ops.same("unary", ops.reshape(y, channels, b.tokens))
    return ops.reshape(y, width, heads, tokens, sequences)


def lightning_attention(b: Build, x: Node, a: LinearAttention) -> Node:
    """Attention inside of the batch, and a state for what came before it."""
    width, heads, sequences = a.value_head_dim, a.num_heads, b.sequences
    tokens = b.tokens // sequences
    slopes = b.input("slopes", heads)
    b.graph.expand(states.read(b, states.held(b, 0)))
    x = ops.reshape(x, b.hidden_size, tokens, 1, sequences)
    qkv = ops.same("unary", b.linear(x, "attn_qkv"))
    qkv = ops.reshape(qkv, 3 * width, heads, tokens, sequences)
    q, k, v = (ops.view(qkv, width, heads, tokens, sequences) for _ in range(3))
    state = states.held(b, heads * width * width)
    before = ops.reshape(states.read(b, state), width, width, heads, sequences)
    q_decay, k_decay = (_decay(b, part, 1, heads, tokens, sequences) for part in "qk")
    diagonal = _decay(b, "diagonal", tokens, tokens, heads, sequences)
    y = ops.mul_mat(before, ops.permute(ops.mul(q, q_decay), 0, 2, 1, 3), "linear_attention")
    scores = ops.mul_mat(ops.permute(k, 0, 2, 1, 3), ops.permute(q, 0, 2, 1, 3), "linear_scores")
    scores = ops.mul(scores, diagonal)
    turned = ops.cont(ops.permute(v, 1, 2, 0, 3))
    y = ops.add(y, ops.mul_mat(turned, scores, "linear_attention"))
    b.graph.expand(y)
    block = ops.same("unary", ops.same("scale", ops.same("scale", slopes)))
    old = ops.mul(before, ops.reshape(block, 1, 1, heads))
    keys = ops.cont(ops.permute(ops.mul(k, k_decay), 1, 2, 0, 3))
    states.write(b, ops.add(old, ops.mul_mat(keys, turned, "state")), state)
    y = ops.cont(ops.permute(y, 0, 2, 1, 3))
    y = b.norm(ops.reshape(y, width * heads, tokens, 1, sequences), "attn_norm_2")
    y = ops.mul(ops.same("unary", b.linear(x, "attn_gate")), y)
    return ops.reshape(b.linear(y, "attn_output"), b.hidden_size, b.tokens)


def _decay(b: Build, part: str, *shape: int) -> Node:
    return ops.same("unary", ops.same("scale", b.input(f"{part}_decay", *shape)))
