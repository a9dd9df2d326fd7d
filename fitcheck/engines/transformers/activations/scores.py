"""Queries against keys: scores written out, or a kernel that does not write them out.

Which kernel SDPA takes: PyTorch 2.13, aten/src/ATen/native/transformers/cuda/sdp_utils.cpp. Flash
wants no mask and one head size up to 256; memory-efficient wants equal numbers of heads; what
neither takes is written out in fp32.
"""

from fitcheck.architecture import Attention
from fitcheck.engines.transformers.activations.script import (
    EVEN_SCORE,
    KEY,
    MANY_KEYS,
    ODD_SCORE,
    SCORE,
    TOKEN,
    Piece,
    Script,
    Shape,
)
from fitcheck.engines.transformers.activations.step import Pass, in_fp32

# Flash attention's largest head; memory-efficient attention accumulates wider ones in fp32 outside
# of the kernel. Source: sdp_utils.cpp, mem_eff_attention/kernel_forward.h.
FLASH_HEAD = 256
KERNEL_HEAD = 128

Result = tuple[Piece, list[Piece]]


def attend(
    s: Script, p: Pass, a: Attention, queries: Shape, attended: Shape, ready: bool
) -> Result:
    """The output, head by head, and what is held until the layer returns.

    `ready`: the queries are in fp32 already.
    """
    if p.attention == "eager":
        return _eager(s, p, a, queries, attended, ready)
    if p.attention == "flash":
        return _flash(s, p, a, queries, attended)
    grouped = a.num_attention_heads != a.num_key_value_heads
    if grouped and p.style.bare_sdpa:
        return _math(s, a, queries, attended)
    if p.masked or not a.head_dim == a.value_head_dim <= FLASH_HEAD:
        return _efficient(s, p, a, queries, attended)
    return _flash(s, p, a, queries, attended)


def _flash(s: Script, p: Pass, a: Attention, queries: Shape, attended: Shape) -> Result:
    held = _repeated(s, a, queries, attended) if p.era.repeats else []
    output = s.take("attention's output", TOKEN, attended)
    sums = {"num_attention_heads": a.num_attention_heads, "itemsize": 4}
    s.drop(s.take("the softmax's logarithms", TOKEN, sums), *held)
    return output, []


def _repeated(s: Script, a: Attention, queries: Shape, attended: Shape) -> list[Piece]:
    """Keys and values of every head; those of a single head are a view of it."""
    if a.num_key_value_heads in (1, a.num_attention_heads):
        return []
    return [
        s.take("keys repeated for every head", KEY, queries),
        s.take("values repeated for every head", KEY, attended),
    ]


def _efficient(s: Script, p: Pass, a: Attention, queries: Shape, attended: Shape) -> Result:
    """The memory-efficient kernel: heads repeated for a prompt, the mask as numbers."""
    held = _repeated(s, a, queries, attended) if p.phase == "prefill" else []
    if p.masked:
        held += _mask(s, {"itemsize": p.itemsize})
    output = s.take("attention's output", TOKEN, attended)
    if a.value_head_dim > KERNEL_HEAD:
        s.drop(s.take("the kernel's sums in fp32", TOKEN, in_fp32(attended)))
    s.drop(*held)
    return output, []


def _mask(s: Script, shape: Shape) -> list[Piece]:
    """The mask of bools as numbers, and again where its rows are no multiple of 16."""
    mask = s.take("mask in the scores' type", SCORE, shape)
    padded = s.take("mask padded to multiples of 16", ODD_SCORE, shape)
    s.drop(mask)
    return [padded, s.take("mask in the scores' type", EVEN_SCORE, shape)]


def _math(s: Script, a: Attention, queries: Shape, attended: Shape) -> Result:
    """No kernel fits: queries, keys and scores in fp32 (Falcon 7B's one key for 71 queries)."""
    held = [s.take("queries in fp32", TOKEN, in_fp32(queries))]
    held.append(s.take("queries in fp32, scaled", TOKEN, in_fp32(queries)))
    single = {**queries, "num_attention_heads": a.num_key_value_heads, "itemsize": 4}
    held += [s.take("keys and values in fp32", KEY, {"two": 2, **single})]
    scaled = s.take("keys in fp32, scaled", KEY, single)
    copied = s.take("keys copied for every head, in fp32", MANY_KEYS, in_fp32(queries))
    wide = {"num_attention_heads": a.num_attention_heads, "bytes": 4}
    scores = s.take("scores in fp32", SCORE, wide)
    s.drop(copied, scaled)
    scores = s.swap(scores, "scores in fp32, with the mask added", SCORE, wide)
    scores = s.swap(scores, "softmax in fp32", SCORE, wide)
    copied = s.take("values copied for every head, in fp32", MANY_KEYS, in_fp32(attended))
    wide_output = s.take("attention's output in fp32", TOKEN, in_fp32(attended))
    s.drop(scores, copied, *held)
    return s.swap(wide_output, "attention's output", TOKEN, attended), []


def _eager(
    s: Script, p: Pass, a: Attention, queries: Shape, attended: Shape, ready: bool
) -> Result:
    """Scores for every pair of tokens, written out."""
    held = _repeated(s, a, queries, attended)
    soft = p.style.softmax
    if soft.fp32_inputs:
        held += [] if ready else [s.take("queries in fp32", TOKEN, in_fp32(queries))]
        held.append(s.take("keys in fp32", KEY, in_fp32(queries)))
    single = a.num_key_value_heads == 1 < a.num_attention_heads
    copied = [s.take("keys copied for every head", MANY_KEYS, queries)] if single else []
    many = {"num_attention_heads": a.num_attention_heads}
    width = {**many, "bytes": 4 if soft.fp32_inputs else p.itemsize}
    raw = s.take("scores", SCORE, width)
    s.drop(*copied)
    raw = s.swap(raw, "scores, scaled", SCORE, width)
    scores = s.take("scores, with the mask added", SCORE, {**many, "bytes": soft.scores})
    s.drop(raw)
    s.drop(s.take("the softmax's copies", SCORE, {**many, "bytes": soft.inside}))
    weights = s.take("attention weights", SCORE, {**many, "bytes": soft.kept})
    s.drop(scores)
    copied = [s.take("values copied for every head", MANY_KEYS, attended)] if single else []
    output = s.take("attention's output", TOKEN, attended)
    s.drop(*held, *copied)
    return output, [weights]
