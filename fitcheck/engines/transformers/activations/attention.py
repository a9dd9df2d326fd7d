"""Attention: what lives while queries, keys and values are made, rotated and cached."""

from typing import NamedTuple

import msgspec

from fitcheck.architecture import Attention
from fitcheck.engines.transformers.activations.rotary import gathered, rotate
from fitcheck.engines.transformers.activations.scores import attend
from fitcheck.engines.transformers.activations.script import PAST, TOKEN, Piece, Script, Shape
from fitcheck.engines.transformers.activations.step import Pass, multiply, norm


class Heads(NamedTuple):
    """What a token's queries, keys, values and attended values take."""

    queries: Shape
    keys: Shape
    values: Shape
    attended: Shape


class Projected(NamedTuple):
    """Queries, keys and values; `source` is the one matrix that they are views of, if any."""

    query: Piece
    key: Piece
    value: Piece
    source: Piece | None = None

    def own(self, *pieces: Piece) -> list[Piece]:
        """Those of the pieces that are no view."""
        return [piece for piece in pieces if piece is not self.source]


def heads(a: Attention, itemsize: int) -> Heads:
    """Rows of an attention layer, factor by factor."""
    many = {"num_attention_heads": a.num_attention_heads}
    few = {"num_key_value_heads": a.num_key_value_heads}
    return Heads(
        {**many, "head_dim": a.head_dim, "itemsize": itemsize},
        {**few, "head_dim": a.head_dim, "itemsize": itemsize},
        {**few, "value_head_dim": a.value_head_dim, "itemsize": itemsize},
        {**many, "value_head_dim": a.value_head_dim, "itemsize": itemsize},
    )


def attention(s: Script, p: Pass, a: Attention, roles: frozenset[str]) -> tuple[Piece, list[Piece]]:
    """The whole of self-attention: its output, and what is held until the layer returns."""
    repeats = p.style.repeats_before and a.num_key_value_heads > 1
    cached = msgspec.structs.replace(a, num_key_value_heads=a.num_attention_heads) if repeats else a
    h = heads(cached, p.itemsize)
    owed = [_owe(s, "keys", h.keys), _owe(s, "values", h.values)]
    made = _fused(s, p, a, h, roles) if "attn_qkv" in roles else _split(s, p, h, roles)
    if repeats or p.style.copies_heads:
        made = _copied(s, h, made)
    tables = [s.take("gate of every head", TOKEN, h.attended)] if p.style.gate else []
    tables += gathered(s, p)
    if a.position == "rope":
        query, key, parts = rotate(s, p, (made.query, h.queries), (made.key, h.keys))
        before = made.own(made.query, made.key)
        tables += [*before, *parts] if p.style.rope.kept else []
        s.drop(*([] if p.style.rope.kept else before))
        if key.factors["itemsize"] != p.itemsize:
            key = s.swap(key, "keys, cast to be cached", TOKEN, h.keys)
        made = made._replace(query=query, key=key)
    _cache(s, a, h, owed)
    s.drop(*made.own(made.key, made.value))
    ready = made.query.factors["itemsize"] == 4
    output, kept = attend(s, p, cached, h.queries, h.attended, ready)
    projected = multiply(s, p, "attention's output, projected", p.hidden, "attn_output")
    s.drop(output, *made.own(made.query), *tables)
    s.drop(*([made.source] if made.source is not None else []))
    return projected, kept


def _owe(s: Script, what: str, shape: Shape) -> Piece:
    return s.take(f"{what} that are counted as cache, not there yet", TOKEN, {"sign": -1, **shape})


def _fused(s: Script, p: Pass, a: Attention, h: Heads, roles: frozenset[str]) -> Projected:
    wide = a.num_attention_heads + 2 * a.num_key_value_heads
    shape = {"heads_of_q_k_v": wide, "head_dim": a.head_dim, "itemsize": p.itemsize}
    piece = multiply(s, p, "queries, keys and values", shape, "attn_qkv")
    if "attn_q_norm" in roles:
        return Projected(norm(s, p, h.queries), norm(s, p, h.keys), piece, piece)
    return Projected(piece, piece, piece, piece)


def _split(s: Script, p: Pass, h: Heads, roles: frozenset[str]) -> Projected:
    query = multiply(s, p, "queries", h.queries, "attn_q")
    if "attn_q_norm" in roles:
        query = _normed(s, p, query)
    key = multiply(s, p, "keys", h.keys, "attn_k")
    if "attn_k_norm" in roles:
        key = _normed(s, p, key)
    return Projected(query, key, multiply(s, p, "values", h.values, "attn_v"))


def _normed(s: Script, p: Pass, x: Piece) -> Piece:
    normed = norm(s, p, x.factors)
    s.drop(x)
    return normed


def _copied(s: Script, h: Heads, made: Projected) -> Projected:
    """Copies head by head: Falcon gives every head its own keys and values, CodeGen sorts them."""
    names = ("queries of every head", "keys of every head", "values of every head")
    shapes = (h.queries, h.keys, h.values)
    pieces = [s.take(name, TOKEN, shape) for name, shape in zip(names, shapes, strict=True)]
    return Projected(pieces[0], pieces[1], pieces[2], made.source)


def _cache(s: Script, a: Attention, h: Heads, owed: list[Piece]) -> None:
    """DynamicLayer.update: the new tensor is there before the old one goes, keys first.

    A sliding layer makes both new ones before it lets go of the old ones. Source: cache_utils.py.
    """
    s.drop(owed[0])
    keys = s.take("keys cached before, beside the new ones", PAST, h.keys)
    if a.sliding_window is None:
        s.drop(keys)
    s.drop(owed[1])
    values = s.take("values cached before, beside the new ones", PAST, h.values)
    s.drop(values)
    if a.sliding_window is not None:
        s.drop(keys)
