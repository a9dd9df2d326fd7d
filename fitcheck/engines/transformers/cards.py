"""Several cards: whole layers in order, as device_map="auto" deals them out.

Every card but the last gets at most an equal share of the weights and a quarter more than the
largest layer or matrix; the first keeps room for the largest layer or head still to come.
Embeddings, and a head tied to them, go first; the final norm and the head last.

Source: transformers 5.23.0, integrations/accelerate.py, get_balanced_memory and
infer_auto_device_map.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from fitcheck.architecture import Layer, Model
from fitcheck.engines.base import Term
from fitcheck.engines.transformers import weights
from fitcheck.engines.transformers.cache import Cache
from fitcheck.engines.transformers.eras import NOW, Era
from fitcheck.quantization import Scheme
from fitcheck.units import Bytes

LAST = ("output",)


class Placed(NamedTuple):
    """What one card holds: its layers' cache, and its weights as one term."""

    cache: Cache
    weights: Term


class Block(NamedTuple):
    """A module that is not split: its bytes, and the layer that it is, if it is one."""

    size: int
    layer: Layer | None


def blocks(model: Model, scheme: Scheme) -> list[Block]:
    """What is placed, in the order in which it is."""
    alone = msgspec.structs.replace(model, layers=(), tensors=(), towers=(), mtp_layers=())
    sizes: dict[int, int] = {}

    def layer_size(layer: Layer) -> int:
        known = sizes.get(id(layer))
        if known is None:
            one = msgspec.structs.replace(alone, layers=(layer,))
            known = sizes[id(layer)] = sum(t.size for t in weights.terms(one, scheme))
        return known

    last = tuple(t for t in model.tensors if t.role.startswith(LAST))
    first = tuple(t for t in model.tensors if not t.role.startswith(LAST))
    outer = [
        msgspec.structs.replace(alone, tensors=first, towers=model.towers),
        msgspec.structs.replace(alone, tensors=last),
    ]
    ends = [sum(t.size for t in weights.terms(m, scheme)) for m in outer]
    middle = [Block(layer_size(layer), layer) for layer in model.layers]
    return [Block(ends[0], None), *middle, Block(ends[1], None)]


def place(
    model: Model, scheme: Scheme, usable: Sequence[int], era: Era = NOW
) -> tuple[Placed, ...]:
    """What each card holds. Nothing is refused: what no card has room for goes to the last."""
    found = blocks(model, scheme)
    largest = max(b.size for b in found)
    share = sum(b.size for b in found) // len(usable) + largest * 5 // 4
    held = dealt(found, [min(share, room) for room in usable[:-1]])
    return tuple(placed(model, scheme, part, era) for part in held)


def dealt(found: Sequence[Block], limits: Sequence[int]) -> list[list[Block]]:
    """Blocks in order: so many bytes to each place that has a limit, all that is left to one more.

    The first place keeps room for the largest block still to come.
    """
    held: list[list[Block]] = [[]]
    used = 0
    for number, block in enumerate(found):
        room = max((b.size for b in found[number + 1 :]), default=0)
        while len(held) <= len(limits):
            reserve = room if len(held) == 1 else 0
            if used + block.size <= limits[len(held) - 1] - reserve:
                break
            held.append([])
            used = 0
        held[-1].append(block)
        used += block.size
    return held + [[] for _ in range(len(limits) + 1 - len(held))]


def placed(model: Model, scheme: Scheme, part: Sequence[Block], era: Era) -> Placed:
    """One card's blocks as their cache and a term."""
    itemsize = 4 if scheme.name == "fp32" else 2
    layers = tuple(b.layer for b in part if b.layer is not None)
    size = sum(b.size for b in part)
    inside = sum(b.size for b in part if b.layer is not None)
    return Placed(
        Cache(msgspec.structs.replace(model, layers=layers, tensors=()), itemsize, era),
        Term(
            component="weights",
            name=f"{len(layers)} layers" + (" and what is beside them" if size > inside else ""),
            size=Bytes(size),
            formula="layers_bytes + other_bytes",
            values={"layers_bytes": inside, "other_bytes": size - inside},
            source="transformers 5.23.0, integrations/accelerate.py, infer_auto_device_map",
        ),
    )
