"""A KV cache in the graph: written row by row, read whole.

Source: llama.cpp 0c1e57098, src/llama-kv-cache.cpp (cpy_k, cpy_v, get_k, get_v,
build_input_k_rot, build_input_v_rot).
"""

from typing import Final

from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph.build import Build
from fitcheck.engines.llama_cpp.graph.kv import Kv
from fitcheck.engines.llama_cpp.graph.tensors import Node
from fitcheck.engines.llama_cpp.settings import CacheType

# Quantized keys and values are turned by Hadamard matrices of this width, keys by larger ones where
# a larger power of two divides their own width.
_ROTATION: Final = 64


def keys(b: Build, kv: Kv) -> Node:
    """The tensor that holds keys."""
    return _held(b, kv, kv.heads * kv.key_dim, b.settings.cache_type_k)


def values(b: Build, kv: Kv) -> Node:
    """The tensor that holds values."""
    width = kv.widest_values if b.settings.turned_values else kv.heads * kv.value_dim
    return _held(b, kv, width, b.settings.cache_type_v)


def _held(b: Build, kv: Kv, width: int, t: CacheType) -> Node:
    return Node("cache", (width, kv.cells, b.streams, 1), item=t.item, device=kv.device)


def shown_keys(b: Build, kv: Kv, held: Node) -> Node:
    """The keys as attention reads them."""
    return ops.view(held, kv.key_dim, kv.heads, kv.cells, b.streams)


def shown_values(b: Build, kv: Kv, held: Node) -> Node:
    """The values as attention reads them; it must be able to multiply them with scores."""
    if b.settings.turned_values:
        return ops.view(held, kv.cells, kv.heads, kv.value_dim, b.streams)
    return ops.view(held, kv.value_dim, kv.heads, kv.cells, b.streams)


def store_keys(b: Build, kv: Kv, k: Node, held: Node) -> None:
    """Write the new tokens' keys."""
    width = kv.heads * kv.key_dim
    rows = ops.view(k, width, b.tokens, packed=k.packed)
    if b.streams > 1:
        held = ops.reshape(held, width, kv.cells * b.streams)
    b.graph.expand(ops.store(rows, b.places(f"{kv.label}key_places", b.tokens), held))


def store_values(b: Build, kv: Kv, v: Node, held: Node) -> None:
    """Write the new tokens' values: row by row, or number by number if the cache is turned."""
    width = kv.heads * kv.value_dim
    if not b.settings.turned_values:
        rows = ops.view(v, width, b.tokens, packed=v.packed)
        if b.streams > 1:
            held = ops.reshape(held, width, kv.cells * b.streams)
        places = b.places(f"{kv.label}value_places", b.tokens)
    else:
        rows = ops.reshape(v, width, b.tokens) if v.packed else ops.cont(v, width, b.tokens)
        if width < kv.widest_values:
            rows = ops.pad(rows, kv.widest_values)
        held = ops.reshape(held, 1, ops.numel(held))
        rows = ops.reshape(rows, 1, ops.numel(rows))
        places = b.places(f"{kv.label}value_places", b.tokens * kv.widest_values)
    b.graph.expand(ops.store(rows, places, held))


def rotations(b: Build, kv: Kv) -> tuple[Node | None, Node | None]:
    """The matrices that turn quantized keys and values, None where they are not turned."""
    key_matrix = value_matrix = None
    if kv.even and b.settings.cache_type_k.quantized and kv.key_dim % _ROTATION == 0:
        width = kv.key_dim & -kv.key_dim
        key_matrix = b.input(f"{kv.label}key_rotation", width, width)
    if kv.even and b.settings.cache_type_v.quantized and kv.value_dim % _ROTATION == 0:
        value_matrix = b.input(f"{kv.label}value_rotation", _ROTATION, _ROTATION)
    return key_matrix, value_matrix
