"""Rotary position embedding: x * cos + rotate_half(x) * sin, of queries and then of keys."""

from fitcheck.engines.transformers.activations.script import SEQUENCE, TOKEN, Piece, Script, Shape
from fitcheck.engines.transformers.activations.step import Pass, in_fp32


def rotate(
    s: Script, p: Pass, query: tuple[Piece, Shape], key: tuple[Piece, Shape]
) -> tuple[Piece, Piece, list[Piece]]:
    """New queries and keys, and parts of them that stay; the caller drops the old.

    What is rotated in fp32 is cast at the end, both at once.
    """
    rope = p.style.rope
    copies = [_tables(s, p)] if rope.remade else []
    if rope.upcast == "whole":
        copies += [s.take("fp32 copy to be rotated", x.unit, in_fp32(of)) for x, of in (query, key)]
    parts = [_rotated(s, p, x, of) for x, of in (query, key)]
    whole = [_joined(s, p, part, of) for part, (_, of) in zip(parts, (query, key), strict=True)]
    left = [r for r, w in zip(parts, whole, strict=True) if r is not w]
    s.drop(*copies, *([] if rope.kept else left))
    return whole[0], whole[1], left if rope.kept else []


def _joined(s: Script, p: Pass, part: Piece, of: Shape) -> Piece:
    """The rotated part in the type it is used in and with the rest of the head behind it."""
    shape = {**of, "itemsize": p.style.rope.result_bytes or of["itemsize"]}
    if part.factors == shape:
        return part
    return s.take("rotated, joined with the rest", part.unit, shape)


def _rotated(s: Script, p: Pass, x: Piece, of: Shape) -> Piece:
    rope = p.style.rope
    rotated = rope.gathered or int(of["head_dim"] * rope.share)
    plain = {**of, "head_dim": rotated}
    wide = {**plain, "itemsize": rope.product_bytes or of["itemsize"]}
    before = wide if rope.upcast == "whole" else plain
    copy = [s.take("fp32 copy to be rotated", x.unit, wide)] if rope.upcast == "parts" else []
    cosine = s.take("rotated by the cosine", x.unit, wide)
    s.drop(*copy)
    negative = s.take("half of it, negative", x.unit, {**before, "head_dim": rotated // 2})
    turned = s.swap(negative, "halves swapped", x.unit, before)
    if rope.upcast == "parts":
        turned = s.swap(turned, "halves swapped, in fp32", x.unit, wide)
    sine = s.swap(turned, "rotated by the sine", x.unit, wide)
    result = s.take("rotated", x.unit, wide)
    s.drop(cosine, sine)
    return result


def _tables(s: Script, p: Pass) -> Piece:
    itemsize = p.style.rope.table_bytes or p.itemsize
    shape = {"cos_and_sin": 2, "rotated": p.rotated, "itemsize": itemsize}
    return s.take("tables of rotations, spread out", TOKEN, shape)


def gathered(s: Script, p: Pass) -> list[Piece]:
    """Rows of a table for all positions, picked out by each layer anew (GPT-J, CodeGen)."""
    rope = p.style.rope
    if not rope.gathered:
        return []
    row = {"rotated": rope.gathered, "itemsize": 4}
    if not rope.spread:
        return [s.take("rotations in fp32", TOKEN, row)]
    held = [
        s.take(
            "table of rotations, one for each sequence", SEQUENCE, {"positions": p.positions, **row}
        )
    ]
    held.append(s.take("positions, repeated", TOKEN, {**row, "itemsize": 8}))
    rows = s.take("rotations in fp32", TOKEN, row)
    return [*held, s.swap(rows, "rotations", TOKEN, {**row, "itemsize": p.itemsize})]
