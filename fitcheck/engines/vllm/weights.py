"""Weights as vLLM loads them: one rank's, or all ranks' together.

Source: vLLM 0.33.0, model_executor/layers/quantization (what each method allocates) and the rules
of `division`, `towers` and `tensors`.
"""

import re
from collections.abc import Iterator
from math import gcd, prod
from typing import Final

import msgspec

from fitcheck.architecture import Model, Tensor
from fitcheck.engines.base import Term
from fitcheck.engines.published import publisher
from fitcheck.engines.vllm import division, tensors, towers
from fitcheck.engines.vllm.division import Place
from fitcheck.engines.vllm.parallel import Parallel
from fitcheck.engines.weights import NAMES, groups, packed_term, plain_term, small_term
from fitcheck.errors import BadInput
from fitcheck.quantization import Scheme
from fitcheck.quantization.layout import BlockScaled, Layout
from fitcheck.quantization.published import Published, layer_module, stored
from fitcheck.quantization.rules import touches
from fitcheck.units import Bytes, ceil_div, round_up

SOURCE: Final = "config.json; vLLM 0.33.0, model_executor/layers/linear.py"

# Experts in MXFP4 are filled up, on each rank, to what a tile of the kernel reads: by Triton, which
# Hopper cards get, to 64. Source: fused_moe/oracle/mxfp4.py, mxfp4_round_up_hidden_size_and_-
# intermediate_size.
_MXFP4_TILE: Final = 64
_TILED: Final = {"ffn_down_exps": -1, "ffn_up_exps": -2, "ffn_gate_exps": -2}
_TILED_TWICE: Final = {"ffn_gate_up_exps": -2, "ffn_gate_up_exps.bias": -1}

# deepseek_v2.py joins the indexer's key with the weights of its heads, in 16 bits.
_KEPT: Final = frozenset({"indexer.attn_k"})
_LEAST_TILE: Final = 32
_OF_EXPERTS: Final = re.compile(r"^ffn_.*_exps\b")
_MATRICES: Final = ("linear", "experts", "embedding")


class Held(msgspec.Struct, frozen=True):
    """`count` equal tensors of one place: a layer's, one outside, or a tower's (by its name)."""

    tensor: Tensor
    count: int
    shape: tuple[int, ...]
    tower: str
    scheme: Scheme | None


def terms(model: Model, scheme: Scheme, over: Parallel | int, start: int = 0) -> tuple[Term, ...]:
    """One rank's weights: a term for each kind of matrix, one for small tensors of each type.

    `over` is how tensors are divided, a number where experts are as all else; `start` the number of
    the first layer in the whole model. Raises BadInput where a dimension does not divide.
    """
    over = Parallel(tensor=over) if isinstance(over, int) else over
    for layer, _ in model.kinds:
        division.head_divides(layer, over.tensor)
    own = 4 if scheme.name == "fp32" else 2
    matrices: dict[tuple[str, tuple[int, ...], str, int], tuple[Held, int]] = {}
    small: dict[int, int] = {}
    for held in _held(model, scheme, over, start):
        size = own if held.tower else tensors.itemsize(held.tensor, model.model_type, own)
        if held.scheme is None and held.tensor.kind not in _MATRICES:
            small[size] = small.get(size, 0) + held.count * prod(held.shape)
            continue
        packing = "" if held.scheme is None else held.scheme.name
        key = (_name(held), held.shape, packing, size)
        first, count = matrices.get(key, (held, 0))
        matrices[key] = (first, count + held.count)
    found = [_term(held, count, key[3]) for key, (held, count) in matrices.items()]
    return (*found, *(small_term(numbers, size, SOURCE) for size, numbers in small.items()))


def _held(model: Model, scheme: Scheme, over: Parallel, start: int) -> Iterator[Held]:
    ranks = over.tensor
    kind, known = model.model_type, publisher(model, scheme)
    for tensor in tensors.outside(model):
        packing = _packing(scheme, known, tensor, tensor.module, "outside")
        yield Held(tensor, 1, division.share(tensor, Place(kind), ranks), "", packing)
    yield from _in_layers(model, scheme, known, over, start)
    for tower in model.towers:
        for tensor in tensors.tower(kind, tower.tensors):
            packing = _packing(scheme, known, tensor, tensor.module, tower.name)
            yield Held(tensor, 1, towers.share(kind, tower, tensor, ranks), tower.name, packing)


def _in_layers(
    model: Model, scheme: Scheme, known: Published | None, over: Parallel, start: int
) -> Iterator[Held]:
    """Alike layers at once, unless the checkpoint may pack each of them otherwise."""
    for layer, count in model.kinds:
        place = Place(model.model_type, layer)
        at = [i for i, other in enumerate(model.layers) if other is layer] if known else []
        for tensor in tensors.inside(model.model_type, layer):
            shape = _tiled(tensor.role, _share(tensor, place, over), scheme)
            if known is None:
                packing = _packing(scheme, None, tensor, "", "layers")
                yield Held(tensor, count, shape, "", packing)
                continue
            for i in at:
                name = layer_module(start + i, tensor.module)
                packing = _packing(scheme, known, tensor, name, "layers")
                yield Held(tensor, 1, shape, "", packing)


def _share(tensor: Tensor, place: Place, over: Parallel) -> tuple[int, ...]:
    """A rank's part: experts are divided over replicas too, or are whole, the most to the first."""
    if not _OF_EXPERTS.search(tensor.role):
        return division.share(tensor, place, over.tensor)
    if over.whole_experts:
        return (ceil_div(tensor.shape[0], over.stage), *tensor.shape[1:])
    return division.share(tensor, place, over.stage)


def _tiled(role: str, shape: tuple[int, ...], scheme: Scheme) -> tuple[int, ...]:
    tile = _MXFP4_TILE * (1 + (role in _TILED_TWICE))
    at = _TILED.get(role, _TILED_TWICE.get(role))
    if at is None or not scheme.name.startswith("mxfp4"):
        return shape
    sizes = list(shape)
    sizes[at] = round_up(sizes[at], tile)
    return tuple(sizes)


def _packing(
    scheme: Scheme, known: Published | None, tensor: Tensor, name: str, part: str
) -> Scheme | None:
    if tensor.role in _KEPT or scheme.touches in ("all", "file type"):
        return None
    if known is not None:
        return known.packs(name, tensor)
    if not touches(scheme, tensor, part) or scheme.layout is None:
        return None
    rows, columns = tensor.shape[-2:]
    return None if scheme.layout.refuses(columns, rows) else scheme


def _term(held: Held, count: int, itemsize: int) -> Term:
    if held.scheme is not None and held.scheme.layout is not None:
        return _packed(held, count, held.scheme)
    return plain_term(_name(held), count, held.shape, itemsize, SOURCE)


def _packed(held: Held, count: int, scheme: Scheme) -> Term:
    layout = _divided(held, scheme)
    *stack, rows, columns = held.shape
    if why := layout.refuses(columns, rows):
        name = _name(held)
        raise BadInput(f"{scheme.name} does not divide over so many cards: {name}: {why}")
    matrices = count * prod(stack)
    return packed_term(_name(held), matrices, (rows, columns), layout, scheme.source)


def _divided(held: Held, scheme: Scheme) -> Layout:
    """The layout of a rank's part: tiles of FP8 must divide, but those of experts are made smaller.

    Source: fused_moe/oracle/fp8.py, refine_fp8_moe_block_shape; quantization/utils/fp8_utils.py,
    validate_fp8_block_shape.
    """
    layout = scheme.layout
    assert layout is not None
    whole, part = held.tensor.shape[-2:], held.shape[-2:]
    if not isinstance(layout, BlockScaled) or whole == part or len(whole) < 2 or held.tower:
        return layout
    tile = (layout.block_rows, layout.block_columns)
    if all(p == w or p % t == 0 for w, p, t in zip(whole, part, tile, strict=True)):
        return layout
    sizes = [p for w, p in zip(whole, part, strict=True) if w != p]
    finer = gcd(*tile, *sizes)
    if held.tensor.kind == "experts" and tile[0] > 1 and finer >= _LEAST_TILE:
        return msgspec.structs.replace(layout, block_rows=finer, block_columns=finer)
    raise BadInput(
        f"{scheme.name} does not divide over so many cards: {_name(held)}: {sizes[0]} is no"
        f" multiple of its tile of {tile[0]} by {tile[1]}"
    )


def _name(held: Held) -> str:
    name = NAMES.get(held.tensor.role, held.tensor.role)
    return f"{held.tower}: {name}" if held.tower else name


def stored_bytes(model: Model, scheme: Scheme) -> Bytes:
    """What the checkpoint's tensors take on disk, without its header."""
    known = publisher(model, scheme)
    if known is not None:
        found = stored(known, _named(model))
        if found is not None:
            return found.total
    own = 4 if scheme.name == "fp32" else 2
    size = 0
    for group in groups(model):
        tensor = group.tensor
        packing = _packing(scheme, None, tensor, "", group.part)
        if packing is not None and packing.layout is not None:
            *stack, rows, columns = tensor.shape
            size += group.count * prod(stack) * packing.layout.size(columns, rows)
        else:
            size += group.count * tensor.numel * tensors.ITEMSIZE.get(tensor.dtype, own)
    return Bytes(size)


def _named(model: Model) -> Iterator[tuple[str, Tensor]]:
    for tensor in model.tensors:
        yield tensor.module, tensor
    for i, layer in enumerate(model.layers):
        for tensor in layer.tensors:
            yield layer_module(i, tensor.module), tensor
    for tower in model.towers:
        for tensor in tower.tensors:
            yield tensor.module, tensor
