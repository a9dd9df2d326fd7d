"""Multi-head latent attention: one latent row is cached, keys and values are made from all of it.

Every pass expands the whole cache of its layer to keys and values of every head.
Source: transformers 5.23.0, models/deepseek_v3/modeling_deepseek_v3.py (2026).
"""

from fitcheck.architecture import LatentAttention
from fitcheck.engines.transformers.activations.script import (
    KEY,
    MANY_KEYS,
    MANY_SCORE,
    PAST,
    SCORE,
    TOKEN,
    Piece,
    Script,
    Shape,
)
from fitcheck.engines.transformers.activations.step import Pass, multiply, norm, through


def latent_attention(s: Script, p: Pass, a: LatentAttention) -> tuple[Piece, list[Piece]]:
    """The whole of it: its output, and what is held until the layer returns."""
    many = {"num_attention_heads": a.num_attention_heads}
    wide = {**many, "qk_head_dim": a.qk_nope_head_dim + a.qk_rope_head_dim, "itemsize": p.itemsize}
    attended = {**many, "v_head_dim": a.v_head_dim, "itemsize": p.itemsize}
    latent = {"kv_lora_rank": a.kv_lora_rank, "itemsize": p.itemsize}
    turned = {"qk_rope_head_dim": a.qk_rope_head_dim, "itemsize": p.itemsize}
    if p.era.looped:
        cached = [("keys", wide), ("values", attended)]
    else:
        cached = [("latent rows", latent), ("rotated keys", turned)]
    owed = [s.take(f"{n} not cached yet", TOKEN, {"sign": -1, **row}) for n, row in cached]
    held = [_queries(s, p, a, wide)]
    both = {"latent_and_rope": a.kv_lora_rank + a.qk_rope_head_dim, "itemsize": p.itemsize}
    held.append(multiply(s, p, "latent row and key to rotate", both, "attn_kv_a_mqa"))
    row = norm(s, p, latent)
    turned_query = _rotated(s, p, {**many, **turned})
    turned_key = s.take("rotated key", TOKEN, turned)
    if p.era.looped:
        inner = {**many, "nope_and_v": a.qk_nope_head_dim + a.v_head_dim, "itemsize": p.itemsize}
        held.append(s.take("keys and values expanded from the latent rows", TOKEN, inner))
        held.append(s.take("keys of every head", TOKEN, wide))
    for piece, (_, shape) in zip(owed, cached, strict=True):
        s.drop(piece)
        s.drop(s.take("cached before, beside the new one", PAST, shape))
    s.drop(row, turned_key)
    held += [turned_query, s.take("queries, joined", TOKEN, wide)]
    if not p.era.looped:
        held += _expanded(s, p, a, many, wide)
    held += _indexed(s, p, a)
    output, kept = _attend(s, p, many, attended)
    projected = multiply(s, p, "attention's output, projected", p.hidden, "attn_output")
    s.drop(output, *held)
    return projected, kept


def _queries(s: Script, p: Pass, a: LatentAttention, wide: Shape) -> Piece:
    if a.q_lora_rank is None:
        return multiply(s, p, "queries", wide, "attn_q")
    low = {"q_lora_rank": a.q_lora_rank, "itemsize": p.itemsize}
    row = multiply(s, p, "queries' latent row", low, "attn_q_a")
    normed = norm(s, p, low)
    s.drop(row)
    return through(s, p, normed, "queries", wide, "attn_q_b")


def _rotated(s: Script, p: Pass, shape: Shape) -> Piece:
    halves = [s.take("half, rotated", TOKEN, {**shape, "parts": 1}) for _ in range(2)]
    result = s.take("rotated queries", TOKEN, shape)
    s.drop(*halves)
    return result


def _indexed(s: Script, p: Pass, a: LatentAttention) -> list[Piece]:
    """Sparse attention (DeepSeek V3.2): an indexer scores every pair of tokens, in fp32.

    Its keys are copied for every query, and what it picks becomes a mask.
    """
    if a.index_head_dim is None:
        return []
    copied = s.take(
        "index keys, one copy for each query",
        MANY_SCORE,
        {"index_head_dim": a.index_head_dim, "bytes": 4},
    )
    scores = s.take("index scores", SCORE, {"index_heads": a.num_attention_heads // 2, "bytes": 4})
    s.drop(copied)
    s.drop(
        s.take(
            "index scores, scaled", SCORE, {"index_heads": a.num_attention_heads // 2, "bytes": 4}
        )
    )
    s.drop(scores)
    numbers = p.itemsize if p.attention == "eager" else 1
    return [s.take("mask of what is picked", SCORE, {"bytes": numbers})]


def _expanded(s: Script, p: Pass, a: LatentAttention, many: Shape, wide: Shape) -> list[Piece]:
    inner = {**many, "nope_and_v": a.qk_nope_head_dim + a.v_head_dim, "itemsize": p.itemsize}
    return [
        s.take("keys and values expanded from the latent rows", KEY, inner),
        s.take("keys of every head", KEY, wide),
    ]


def _attend(s: Script, p: Pass, many: Shape, attended: Shape) -> tuple[Piece, list[Piece]]:
    if p.attention != "eager":
        return s.take("attention's output", TOKEN, attended), []
    soft = p.style.softmax
    scores = s.take("scores, with the mask added", SCORE, {**many, "bytes": soft.scores})
    s.drop(s.take("the softmax's copies", SCORE, {**many, "bytes": soft.inside}))
    weights = s.take("attention weights", SCORE, {**many, "bytes": soft.kept})
    s.drop(scores)
    copied = s.take("values, made contiguous", MANY_KEYS, attended)
    output = s.take("attention's output", TOKEN, attended)
    s.drop(copied)
    return output, [weights]
