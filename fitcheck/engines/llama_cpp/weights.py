"""The weights of a model in llama.cpp: what its file holds, and what of it is where."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from math import prod
from typing import Final

from fitcheck.architecture import Model
from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.engines.base import Component, Term
from fitcheck.engines.llama_cpp.gguf import GgufFile
from fitcheck.engines.llama_cpp.packing import Packed, pack
from fitcheck.engines.llama_cpp.placement import (
    CARD_ALIGNMENT,
    HOST_ALIGNMENT,
    Held,
    Split,
    fill,
    hold,
    split,
)
from fitcheck.engines.llama_cpp.stored import stored
from fitcheck.engines.llama_cpp.tensors import gguf_file
from fitcheck.quantization.ggml import FILE_TYPES, FileType
from fitcheck.units import Bytes

_SOURCE: Final = (
    "llama.cpp 0c1e57098, src/llama-quant.cpp (types), src/llama-model.cpp, load_tensors (places)"
)


class Weights:
    """A model's file, the types of its tensors, and where llama.cpp puts them."""

    def __init__(self, file: GgufFile, packed: tuple[Packed, ...]) -> None:
        self.file = file
        self.packed = packed

    @classmethod
    def made(
        cls,
        model: Model,
        file_type: FileType,
        imatrix: bool | None = None,
        mtp: bool | None = None,
    ) -> "Weights":
        """The file that conversion and quantization make.

        `imatrix`: with an importance matrix; None where llama-quantize demands one. `mtp`: with the
        layers for multi-token prediction; None as published files have them.
        """
        file = gguf_file(model, mtp)
        wanted = file_type.imatrix if imatrix is None else imatrix
        return cls(file, pack(file, file_type, wanted))

    @property
    def file_bytes(self) -> Bytes:
        """What the tensors take on disk, without header and padding."""
        return Bytes(sum(p.size for p in self.packed))

    @cached_property
    def largest_unpacked(self) -> Bytes:
        """The largest packed matrix of a layer, one of all experts', in 16 bits; 0 if none is.

        What ggml-cuda's pool holds on cards whose kernels do not multiply packed matrices with a
        batch: Volta's and some of AMD's (llama.cpp 0c1e57098, ggml-cuda/mmq.cu,
        ggml_cuda_should_use_mmq).
        """
        matrices = (
            2 * prod(p.tensor.ne[:2])
            for p in self.packed
            if p.layers and p.block_type.block_weights > 1
        )
        return Bytes(max(matrices, default=0))

    def hold(self, where: Split) -> tuple[Held, ...]:
        """Every tensor at its place."""
        return hold(self.file, self.packed, where)


def placed(
    model: Model,
    file_type: str,
    n_gpu_layers: int | None = None,
    n_cpu_moe: int | None = None,
    free: Sequence[int] = (1,),
    imatrix: bool | None = None,
    mtp: bool | None = None,
) -> tuple[tuple[Bytes, ...], Bytes]:
    """Bytes on each card, and in host memory, as llama.cpp's buffers of weights.

    `n_gpu_layers` (-ngl) None is all; `n_cpu_moe` (--n-cpu-moe) None is no layer; `free` is each
    card's free memory, by which llama.cpp divides the layers.
    """
    weights = Weights.made(model, FILE_TYPES[file_type.lower()], imatrix, mtp)
    held = weights.hold(split(weights.file, n_gpu_layers, free, n_cpu_moe))
    cards = (sum(h.size for h in held if h.card == k) for k in range(len(free)))
    return tuple(map(Bytes, cards)), Bytes(sum(h.size for h in held if h.card < 0))


def terms(held: Iterable[Held]) -> tuple[Term, ...]:
    """A term for each kind of tensor of one type on the cards, and for each in host memory."""
    groups: dict[tuple[str, str, bool, int], list[Held]] = {}
    for h in held:
        key = (h.packed.tensor.role, h.packed.block_type.name, h.card < 0, h.each)
        groups.setdefault(key, []).append(h)
    return tuple(map(_term, groups.values()))


def _term(held: Sequence[Held]) -> Term:
    first = held[0]
    tensor, block = first.packed.tensor, first.packed.block_type
    host = first.card < 0
    component: Component = "host" if host else "weights"
    return Term(
        component=component,
        name=f"{tensor.role} as {block.name}",
        size=Bytes(sum(h.size for h in held)),
        formula=(
            "tensors * alignment"
            " * ceil_div(rows * row // block_weights * block_bytes + fill, alignment)"
        ),
        values={
            "tensors": sum(h.count for h in held),
            "rows": tensor.rows,
            "row": tensor.row,
            "block_weights": block.block_weights,
            "block_bytes": block.block_bytes,
            "fill": 0 if host else fill(block, tensor.row),
            "alignment": HOST_ALIGNMENT if host else CARD_ALIGNMENT,
        },
        source=_SOURCE,
    )


def as_stored(model: Model, checkpoint: Checkpoint) -> Weights:
    """The very file whose header was read."""
    return Weights(*stored(model, checkpoint))
