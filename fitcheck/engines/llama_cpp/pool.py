"""What ggml-cuda takes while it multiplies, beside the compute buffer: its pool, and cuBLAS's.

Quantized weights are multiplied with activations that were quantized first, 16 bit weights with
activations in 16 bits; both lie in the pool until the product is done. So do the scores of
attention without flash kernels, and keys in 32 bits. Read from the source, not measured.

Source: llama.cpp 0c1e57098, ggml/src/ggml-cuda/mmq.cu, ggml-cuda.cu, common.cuh.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from fitcheck.architecture import Experts
from fitcheck.engines.base import Term
from fitcheck.engines.llama_cpp.graph.kv import caches
from fitcheck.engines.llama_cpp.graph.plan import Subject
from fitcheck.engines.llama_cpp.graph.tensors import HOST
from fitcheck.engines.llama_cpp.packing import Packed
from fitcheck.engines.llama_cpp.placement import Split
from fitcheck.engines.llama_cpp.settings import Settings
from fitcheck.units import MIB, Bytes, round_up

_SOURCE: Final = "llama.cpp 0c1e57098, ggml/src/ggml-cuda/mmq.cu and ggml-cuda.cu"
_WORKSPACE_SOURCE: Final = "llama.cpp 0c1e57098, ggml/src/ggml-cuda/common.cuh, cublas_handle"
# The pool grows by whole pages of the driver's virtual memory.
_PAGE: Final = Bytes(2 * MIB)
# block_q8_1_mmq: 144 bytes for 128 numbers; rows are filled up to 512 of them.
_ROW: Final = 512
# cublas_handle: what cuBLAS is given up to Ada; from Hopper on it is 32 MiB.
_WORKSPACE: Final = Bytes(4 * MIB)
# Convolutions, tables of experts by token, and what is added or mixed in.
_NO_MATRICES: Final = ("conv", "tid2eid", "_ape", "_lerp")
_HALF: Final = frozenset(("f16", "bf16"))
_PLAIN: Final = _HALF | {"f32"}


class Product(msgspec.Struct, frozen=True):
    """The largest product: how many rows of activations, and bytes for each."""

    role: str
    rows: int
    width: int
    size: int


class Products(msgspec.Struct, frozen=True):
    """A card's largest product with weights, if any, and whether cuBLAS computes some of them."""

    largest: Product | None
    cublas: bool


def products(subject: Subject, tokens: int, split: Split, device: int) -> Products:
    """What a card multiplies with weights, so many tokens at once."""
    loaded = range(subject.file.loaded)
    here = [p for p in subject.packed if _is_matrix(p, loaded) and _is_used(p, split, device)]
    largest = _largest(_product(subject, p, tokens) for p in here)
    return Products(largest, any(p.block_type.name in _PLAIN for p in here))


def terms(
    subject: Subject, settings: Settings, split: Split, device: int, of_weights: Products, *,
    flash: bool,
) -> tuple[Term, ...]:  # fmt: skip
    """What one card's pool and workspace take."""
    attention = () if flash else tuple(_attention(subject, settings, split, device))
    largest = _largest(p for p in (*attention, of_weights.largest) if p is not None)
    pool = () if largest is None else (_pool(largest),)
    return (*pool, _WORKSPACE_TERM) if attention or of_weights.cublas else pool


def _largest(found: Iterable[Product]) -> Product | None:
    return max((p for p in found if p.size), key=lambda p: p.size, default=None)


def _attention(
    subject: Subject, settings: Settings, split: Split, device: int
) -> Iterator[Product]:
    """Scores in 16 bits beside the gathered values, and all keys in 32 bits."""
    model, tokens = subject.model, settings.reserved_tokens
    on_cards = settings.kv_offload
    kvs = caches(model, split, windowed=subject.windowed, on_cards=on_cards)
    for i, kv in kvs.items():
        heads = max(
            (getattr(m, "num_attention_heads", 0) for m in model.layers[i].mixers), default=0
        )
        if kv.device != device or not heads:
            continue
        cells = settings.window_cells(subject.window) if kv.windowed else settings.cells
        if settings.cache_type_v.name in _HALF:
            width = 2 * (cells + kv.value_dim)
            yield Product("scores", tokens * heads, width, tokens * heads * width)
        if settings.cache_type_k.name in _HALF:
            rows, width = cells * settings.streams, 4 * kv.heads * kv.key_dim
            yield Product("keys", rows, width, rows * width)


def _is_matrix(p: Packed, loaded: range) -> bool:
    """Whether activations are multiplied with it; the head has too few rows of them to count."""
    in_layers = bool(p.layers) and p.layers[0] in loaded
    return in_layers and len(p.tensor.ne) > 1 and not any(n in p.tensor.role for n in _NO_MATRICES)


def _is_used(p: Packed, split: Split, device: int) -> bool:
    """Whether the card computes with it: it has it, or is the first and the host has it."""
    places = {split.place(i) for i in p.layers}
    return device in places or (device == 0 and HOST in places)


def _product(subject: Subject, p: Packed, tokens: int) -> Product:
    rows = tokens * _chosen(subject, p)
    match p.block_type.name:
        case "f32":
            width = 0
        case "f16":
            width = 2 * (p.tensor.row + p.tensor.ne[1])
        case "bf16":
            width = 2 * p.tensor.row
        case _:
            width = round_up(p.tensor.row, _ROW) * 9 // 8
    return Product(p.tensor.role, rows, width, rows * width)


def _chosen(subject: Subject, p: Packed) -> int:
    """How many experts take a token, for matrices of experts."""
    if "_exps" not in p.tensor.role:
        return 1
    feed = subject.model.layers[p.layers[0]].feed_forward
    return feed.num_experts_per_tok if isinstance(feed, Experts) else 1


def _pool(largest: Product) -> Term:
    return Term(
        component="overhead",
        name=f"pool of ggml-cuda ({largest.role})",
        size=Bytes(round_up(largest.size, _PAGE)),
        formula="ceil_div(rows * row_bytes, page) * page",
        values={"rows": largest.rows, "row_bytes": largest.width, "page": _PAGE},
        source=_SOURCE,
    )


_WORKSPACE_TERM: Final = Term(
    component="overhead",
    name="cuBLAS workspace",
    size=_WORKSPACE,
    formula="workspace",
    values={"workspace": _WORKSPACE},
    source=_WORKSPACE_SOURCE,
)
