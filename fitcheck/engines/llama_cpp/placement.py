"""Where llama.cpp keeps each tensor: on a card, on which one, or in host memory.

Source: llama.cpp 0c1e57098 (2026-10), src/llama-model.cpp (load_tensors), llama-model-loader.cpp
(create_tensor), llama-arch.cpp (LLM_TENSOR_INFOS), ggml/src/ggml-cuda (buffer type). Host memory is
what is held without mmap; with it, the same pages belong to the file's mapping.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from struct import pack, unpack
from typing import Final

import msgspec

from fitcheck.engines.llama_cpp.gguf import GgufFile, GgufTensor
from fitcheck.engines.llama_cpp.kernels import convolves, scans_channels, scans_heads
from fitcheck.engines.llama_cpp.packing import Packed
from fitcheck.quantization.ggml import BlockType
from fitcheck.units import Bytes, round_up

# ggml/src/ggml-cuda/ggml-cuda.cu: alignment of a tensor in a buffer, and MATRIX_ROW_PADDING, to
# which the last row of a quantized tensor is filled up. ggml-impl.h: TENSOR_ALIGNMENT.
CARD_ALIGNMENT: Final = 128
CARD_ROW_PADDING: Final = 512
HOST_ALIGNMENT: Final = 32
# ggml-cuda multiplies no ternary matrices.
_HOST_ONLY: Final = frozenset(("tq1_0", "tq2_0"))
_CONVOLUTIONS: Final = frozenset(("ssm_conv1d", "shortconv.conv"))
# Dimensions of Mamba 1's decay, one for each number of a state; a delta net's has one.
_BY_CHANNEL: Final = 2
LOOKED_UP: Final = frozenset(("token_embd", "position_embd", "token_types", "per_layer_token_embd"))
OF_FIRST_LAYER: Final = frozenset(
    ("token_embd_norm", "token_embd_norm.bias", "per_layer_model_proj", "per_layer_proj_norm")
)
_OF_EVERY_LAYER: Final = frozenset(("rope_freqs", "rope_factors_long", "rope_factors_short"))
# These make the tied output before the embeddings, so that host memory holds both even where no
# layer is on a card. Source: src/models/gemma3n.cpp, gemma4.cpp.
_OUTPUT_FIRST: Final = frozenset(("gemma3n", "gemma4"))

# common/arg.cpp, --cpu-moe and --n-cpu-moe.
EXPERTS: Final = frozenset(
    f"ffn_{part}_{kind}exps" for part in ("up", "down", "gate", "gate_up") for kind in ("", "ch")
)


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """Which layers are where: card k has the layers from `starts[k]` to `starts[k + 1]`.

    Layers before `starts[0]` are in host memory. The output counts as the layer after the last.
    `cpu_moe` is the number of layers, from the first, whose routed experts stay in host memory.
    """

    starts: tuple[int, ...]
    cpu_moe: int = 0

    def place(self, layer: int) -> int:
        """The card of a layer, -1 for host memory."""
        return bisect_right(self.starts, layer) - 1


class Held(msgspec.Struct, frozen=True):
    """`count` equal tensors of `each` bytes, alignment included, on a card; card -1 is the host."""

    packed: Packed
    card: int
    count: int
    each: Bytes

    @property
    def size(self) -> Bytes:
        """Bytes of all."""
        return Bytes(self.count * self.each)


def split(
    file: GgufFile, n_gpu_layers: int | None, free: Sequence[float], cpu_moe: int | None = None
) -> Split:
    """llama.cpp's split by layer over cards with so much free memory, or in such proportions.

    `n_gpu_layers` None is all; the output is the last layer to go and the first to come. `cpu_moe`
    None is no layer.
    """
    layers = file.block_count + 1
    on_cards = layers if n_gpu_layers is None else min(n_gpu_layers, layers)
    first = layers - on_cards
    starts = [first + start for start in _starts(on_cards, tuple(free))]
    return Split(starts=tuple(starts), cpu_moe=cpu_moe or 0)


@cache
def _starts(layers: int, free: tuple[float, ...]) -> tuple[int, ...]:
    """The first layer of each card, in llama.cpp's own floats of 32 bits.

    Layer i goes to the first card whose share, cards before it included, is above the share of
    layers before i.
    """
    sums = [0.0]
    for size in free:
        sums.append(_float(sums[-1] + _float(size)))
    shares = [_float(one / sums[-1]) for one in sums[1:]]
    places = [bisect_right(shares, _float(i / layers)) for i in range(layers)]
    return tuple(bisect_left(places, card) for card in range(len(free)))


def _float(number: float) -> float:
    """The nearest float of 32 bits."""
    found: float = unpack("f", pack("f", number))[0]
    return found


def hold(file: GgufFile, packed: Sequence[Packed], where: Split) -> tuple[Held, ...]:
    """Every tensor that is loaded, at its place; MTP layers are not."""
    return tuple(held for p in packed for held in _held(file, p, where))


def fill(block_type: BlockType, row: int) -> Bytes:
    """What ggml-cuda adds to a quantized tensor, so that its last row ends on a whole stride."""
    if block_type.block_weights == 1 or row % CARD_ROW_PADDING == 0:
        return Bytes(0)
    return block_type.size(CARD_ROW_PADDING - row % CARD_ROW_PADDING, 1)


def _held(file: GgufFile, p: Packed, where: Split) -> Iterator[Held]:
    for card, count in _cards(file, p, where):
        if card < 0 or p.block_type.name in _HOST_ONLY or not has_kernel(file, p.tensor):
            yield Held(p, -1, count, Bytes(round_up(p.each, HOST_ALIGNMENT)))
        else:
            size = p.each + fill(p.block_type, p.tensor.row)
            yield Held(p, card, count, Bytes(round_up(size, CARD_ALIGNMENT)))


def has_kernel(file: GgufFile, tensor: GgufTensor) -> bool:
    """Whether a card runs what a state-space layer does with the tensor.

    Source: src/llama-model-loader.cpp, weight_buft_supported.
    """
    if tensor.role in _CONVOLUTIONS:
        return convolves(tensor.ne[1])
    if tensor.role != "ssm_a":
        return True
    if file.scanned is not None:
        return scans_heads(*file.scanned)
    return len(tensor.ne) < _BY_CHANNEL or scans_channels(*tensor.ne[:2])


def _cards(file: GgufFile, p: Packed, where: Split) -> Iterator[tuple[int, int]]:
    if p.layers:
        yield from _layers(file, p, where)
        return
    role, output = p.tensor.role, where.place(file.block_count)
    if role in LOOKED_UP:
        yield -1, 1
        if role == "token_embd" and file.tied and (output >= 0 or file.arch in _OUTPUT_FIRST):
            yield output, 1
    elif role in _OF_EVERY_LAYER:
        for card in sorted({where.place(i) for i in _rope_layers(file)}):
            yield card, 1
    elif role in OF_FIRST_LAYER:
        yield where.place(0), 1
    else:
        yield output, 1


def _rope_layers(file: GgufFile) -> Iterable[int]:
    return range(file.loaded) if file.rope_layers is None else file.rope_layers


def _layers(file: GgufFile, p: Packed, where: Split) -> Iterator[tuple[int, int]]:
    last = bisect_left(p.layers, file.loaded)
    bounds = [0, *(min(bisect_left(p.layers, s), last) for s in where.starts), last]
    if where.cpu_moe and is_expert(p.tensor.role):
        kept = max(bounds[1], min(bisect_left(p.layers, where.cpu_moe), last))
        bounds = [0, *(max(b, kept) for b in bounds[1:])]
    for card, (first, end) in enumerate(pairwise(bounds), start=-1):
        if end > first:
            yield card, end - first


def is_expert(role: str) -> bool:
    """Whether a tensor belongs to routed experts."""
    return role.split(".")[0] in EXPERTS
