"""Layers that keep a state: Mamba, Mamba 2, gated delta nets, short convolutions, RG-LRU.

With the kernels (mamba-ssm, causal-conv1d, flash-linear-attention) a prompt is read chunk by chunk
on the chip. Without them transformers writes every chunk's products out in fp32, which takes
several times as much.

Source: transformers 5.23.0, models/mamba, mamba2, qwen3_next, lfm2, recurrent_gemma (the fallbacks,
each read up to the moment when most of it lives); mamba_ssm 2.2.4, csrc/selective_scan and
ops/triton/ssd_combined.py (the kernels' outputs).
"""

from collections.abc import Mapping

from fitcheck.architecture import (
    GatedDeltaNet,
    LinearAttention,
    Mamba,
    Mamba2,
    RecurrentBlock,
    ShortConv,
)
from fitcheck.engines.transformers.activations.script import (
    CHUNK,
    ONCE,
    SEQUENCE,
    TOKEN,
    Piece,
    Script,
)
from fitcheck.engines.transformers.activations.step import Pass

# Tokens that the delta rule's fallback takes at once. Source: torch_chunk_gated_delta_rule.
DELTA_CHUNK = 64


def _all(s: Script, unit: int, pieces: Mapping[str, tuple[int, int]]) -> list[Piece]:
    """Pieces of so many numbers of so many bytes, all alive at once."""
    return [
        s.take(name, unit, {"numbers": numbers, "itemsize": itemsize})
        for name, (numbers, itemsize) in pieces.items()
    ]


def _through(s: Script, p: Pass, held: list[Piece]) -> Piece:
    s.drop(*held)
    return s.take("the mixer's output", TOKEN, p.hidden)


def mamba(s: Script, p: Pass, m: Mamba) -> Piece:
    """Mamba 1: a state of d_state numbers for each of d_inner channels."""
    i, inner, state = p.itemsize, m.d_inner, m.d_inner * m.d_state
    held = _all(s, TOKEN, {"input projection": (2 * inner, i)})
    held += _all(s, ONCE, {"A in fp32": (state, 4)})
    if p.phase == "decode":
        held += _all(s, TOKEN, {"convolved and activated": (3 * inner, i)})
        parts = {} if p.kernels else {"states and their parts in fp32": (5 * state, 4)}
        held += _all(s, SEQUENCE, parts)
    elif p.kernels:
        held += _all(s, TOKEN, {"copies and outputs of the kernels": (6 * inner, i)})
    else:
        held += _all(s, TOKEN, {"convolved, activated, time step": (3 * inner, i)})
        held += _all(s, TOKEN, {"time step and input in fp32": (3 * inner, 4)})
        held += _all(s, TOKEN, {"discretised A and B of every token in fp32": (3 * state, 4)})
    return _through(s, p, held)


def mamba2(s: Script, p: Pass, m: Mamba2) -> Piece:
    """Mamba 2: heads that share their step, read in chunks."""
    i, inner, state = p.itemsize, m.d_inner, m.d_inner * m.d_state
    held = _all(s, TOKEN, {"input projection": (inner + m.conv_dim + m.num_heads, i)})
    held += _all(s, TOKEN, {"convolved": (m.conv_dim, i)})
    if p.phase == "decode" and not p.kernels:
        held += _all(s, SEQUENCE, {"states and their parts in fp32": (3 * state, 4)})
        held += _all(s, SEQUENCE, {"products with B": (2 * state, i)})
    elif p.phase == "decode":
        held += _all(s, TOKEN, {"the scan's output and its gate": (2 * inner, i)})
    elif p.kernels:
        held += _all(s, CHUNK, _chunk_kernel(p, m))
    else:
        held += _all(s, CHUNK, _chunk_fallback(p, m))
    return _through(s, p, held)


def _chunk_kernel(p: Pass, m: Mamba2) -> Mapping[str, tuple[int, int]]:
    states = m.d_inner * m.d_state // p.chunk
    return {
        "steps and decays in fp32": (2 * m.num_heads, 4),
        "states of every chunk": (states, 4),
        "states of every chunk, passed on": (states, p.itemsize),
        "C times B in fp32": (m.n_groups * p.chunk, 4),
        "the scan's output and its gate": (2 * m.d_inner, p.itemsize),
    }


def _chunk_fallback(p: Pass, m: Mamba2) -> Mapping[str, tuple[int, int]]:
    return {
        "input, residual and outputs in fp32": (6 * m.d_inner, 4),
        "B and C of every head in fp32": (3 * m.num_heads * m.d_state, 4),
        "decays and products inside of chunks in fp32": (3 * m.num_heads * p.chunk, 4),
        "states of every chunk in fp32": (3 * m.d_inner * m.d_state // p.chunk, 4),
        "steps and decays in fp32": (8 * m.num_heads, 4),
    }


def delta_net(s: Script, p: Pass, m: GatedDeltaNet) -> Piece:
    """The gated delta rule: a matrix for each head, corrected token by token."""
    keys, values = m.num_value_heads * m.key_head_dim, m.num_value_heads * m.value_head_dim
    made = values if p.style.split_delta else m.conv_dim + values
    held = _all(s, TOKEN, {"input projections": (made, p.itemsize)})
    held += _all(s, TOKEN, {"convolved": (m.conv_dim, p.itemsize)})
    if p.phase == "decode" and not p.kernels:
        state = keys * m.value_head_dim
        held += _all(s, SEQUENCE, {"states and their parts in fp32": (3 * state, 4)})
    elif p.phase == "decode":
        held += _all(s, TOKEN, {"queries, keys and values": (2 * keys + 2 * values, p.itemsize)})
    elif p.kernels:
        inside, states = m.num_value_heads * DELTA_CHUNK, keys * m.value_head_dim // DELTA_CHUNK
        held += _all(s, CHUNK, {"products inside of chunks": (inside, 4)})
        held += _all(s, CHUNK, {"keys and values, corrected": (2 * keys + 3 * values, p.itemsize)})
        held += _all(s, CHUNK, {"states of every chunk": (states, p.itemsize)})
    else:
        inside = m.num_value_heads * DELTA_CHUNK
        copies = 10 if m.num_key_heads != m.num_value_heads else 9
        rows = copies * (keys + values) // 2
        held += _all(s, CHUNK, {"queries, keys and values in fp32": (rows, 4)})
        if p.style.channel_decay:
            held += _all(s, CHUNK, {"decays of every channel": (3 * keys * DELTA_CHUNK, 4)})
        held += _all(s, CHUNK, {"products inside of chunks in fp32": (4 * inside, 4)})
    return _through(s, p, held)


def short_conv(s: Script, p: Pass, m: ShortConv) -> Piece:
    """LFM2: gate, convolve, gate again."""
    held = _all(s, TOKEN, {"gates and input": (3 * m.channels, p.itemsize)})
    held += _all(s, TOKEN, {"gated, convolved, gated again": (4 * m.channels, p.itemsize)})
    return _through(s, p, held)


def rg_lru(s: Script, p: Pass, m: RecurrentBlock) -> Piece:
    """RecurrentGemma's linear recurrent unit: two gates and a decay for each channel."""
    held = _all(s, TOKEN, {"branches, gates and decays": (11 * m.lru_width, p.itemsize)})
    return _through(s, p, held)


def linear_attention(s: Script, p: Pass, m: LinearAttention) -> Piece:
    """Queries, keys, values and their products with the state, of which no class was measured."""
    width = m.num_heads * (m.key_head_dim + m.value_head_dim)
    held = _all(s, TOKEN, {"queries, keys, values and decays": (4 * width, 4)})
    state = m.num_heads * m.key_head_dim * m.value_head_dim
    held += _all(s, SEQUENCE, {"states in fp32": (3 * state, 4)})
    return _through(s, p, held)
