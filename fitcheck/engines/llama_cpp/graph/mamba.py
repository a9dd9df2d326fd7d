"""Mamba 1 and 2, and LFM2's short convolution.

Source: llama.cpp 0c1e57098, src/models/mamba-base.cpp, src/models/lfm2.cpp.
"""

from fitcheck.architecture import Mamba, Mamba2, ShortConv
from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph import states
from fitcheck.engines.llama_cpp.graph.build import Build
from fitcheck.engines.llama_cpp.graph.tensors import Node


def mamba(b: Build, x: Node, m: Mamba) -> Node:
    """A selective scan, channel by channel."""
    sequences, tokens = b.sequences, b.tokens // b.sequences
    conv_state, last = states.last_inputs(b, m.d_conv, m.d_inner)
    both = b.linear(ops.reshape(x, x.shape[0], tokens, sequences), "ssm_in")
    x, z = (ops.view(both, m.d_inner, tokens, sequences) for _ in range(2))
    x = _activated(b, states.convolved(b, x, last, conv_state, "ssm_conv1d"))
    y = _scanned(b, x, m)
    y = ops.add(y, ops.mul(x, b.weights["ssm_d"]), "ssm_scan")
    y = b.linear(ops.gated(ops.cont(z), y, "ssm_act"), "ssm_out")
    return ops.reshape(y, b.hidden_size, b.tokens)


def _activated(b: Build, x: Node) -> Node:
    return ops.same("unary", ops.add(x, b.weights["ssm_conv1d.bias"]))


def _scanned(b: Build, x: Node, m: Mamba) -> Node:
    sequences, tokens = b.sequences, b.tokens // b.sequences
    both = b.linear(x, "ssm_x")
    dt = ops.view(both, m.dt_rank, tokens, sequences)
    b_part, c_part = (ops.view(both, m.d_state, 1, tokens, sequences) for _ in range(2))
    if b.model.model_type == "falcon_mamba" or b.has("ssm_dt_norm"):
        dt, b_part = _normed(b, dt, "ssm_dt_norm"), _normed(b, b_part, "ssm_b_norm")
        c_part = _normed(b, c_part, "ssm_c_norm")
    else:
        dt = ops.cont(dt)
    dt = b.linear(dt, "ssm_dt")
    channels = ops.reshape(x, 1, m.d_inner, tokens, sequences)
    shape = (m.d_state, 1, m.d_inner, sequences)
    y = _scan(b, channels, (dt, b.weights["ssm_a"], b_part, c_part), shape)
    return ops.view(y, m.d_inner, tokens, sequences, packed=True)


def _normed(b: Build, x: Node, role: str) -> Node:
    return b.norm(x, role) if b.has(role) else ops.same("rms_norm", x)


def _scan(b: Build, x: Node, others: tuple[Node, ...], shape: tuple[int, int, int, int]) -> Node:
    """The scan's results with the new states behind them; the states are kept."""
    width = shape[0] * shape[1] * shape[2]
    state = states.held(b, width)

    def scan(rows: Node, ids: Node) -> Node:
        size = ops.numel(x) + width * b.sequences
        sources = (ops.reshape(rows, *shape), x, *others, ids)
        return Node("ssm_scan", (size, 1, 1, 1), sources, label="ssm_scan")

    y = states.read(b, state, scan)
    states.write(b, ops.view(y, width, b.sequences, packed=True), state)
    return y


def mamba2(b: Build, x: Node, m: Mamba2) -> Node:
    """A scan by heads, and a norm by groups behind it where there is one."""
    sequences, tokens = b.sequences, b.tokens // b.sequences
    conv_state, last = states.last_inputs(b, m.d_conv, m.conv_dim)
    packed = b.linear(x, "ssm_in")
    packed = ops.reshape(packed, packed.shape[0], tokens, sequences)
    z = ops.view(packed, m.head_dim, m.num_heads, tokens, sequences)
    x = ops.view(packed, m.conv_dim, tokens, sequences)
    dt = ops.view(packed, m.num_heads, tokens, sequences)
    x = _activated(b, states.convolved(b, x, last, conv_state, "ssm_conv1d"))
    heads = ops.view(x, m.head_dim, m.num_heads, tokens, sequences)
    y = _scanned_heads(b, x, heads, dt, m)
    y = ops.add(y, ops.mul(heads, b.weights["ssm_d"]), "ssm_scan")
    y = ops.gated(ops.cont(z), y, "ssm_act")
    if b.has("ssm_norm"):
        y = ops.reshape(y, m.d_inner // m.n_groups, m.n_groups, tokens, sequences)
        y = b.norm(y, "ssm_norm")
    return b.linear(ops.reshape(y, m.d_inner, b.tokens), "ssm_out")


def _scanned_heads(b: Build, x: Node, heads: Node, dt: Node, m: Mamba2) -> Node:
    sequences, tokens = b.sequences, b.tokens // b.sequences
    b_part, c_part = (ops.view(x, m.d_state, m.n_groups, tokens, sequences) for _ in range(2))
    dt = ops.add(ops.cont(dt), b.weights["ssm_dt.bias"])
    shape = (m.d_state, m.head_dim, m.num_heads, sequences)
    y = _scan(b, heads, (dt, b.weights["ssm_a"], b_part, c_part), shape)
    return ops.view(y, m.head_dim, m.num_heads, tokens, sequences, packed=True)


def short_convolution(b: Build, x: Node, m: ShortConv) -> Node:
    """Two gates around a convolution over the last tokens."""
    sequences, tokens = b.sequences, b.tokens // b.sequences
    both = b.linear(ops.reshape(x, x.shape[0], tokens, sequences), "shortconv.in_proj")
    before, behind, x = (ops.view(both, m.channels, tokens, sequences) for _ in range(3))
    x = ops.mul(before, x)
    state, last = states.last_inputs(b, m.d_conv, m.channels)
    y = ops.mul(behind, states.convolved(b, x, last, state, "shortconv.conv"))
    y = b.linear(y, "shortconv.out_proj")
    return ops.reshape(y, y.shape[0], b.tokens)
