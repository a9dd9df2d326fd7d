"""The tensors of a GGUF file, alike ones together: what llama-quantize and the loader look at."""

from math import prod
from typing import Literal

import msgspec

# As convert_hf_to_gguf.py writes it: f16 stands for any 16 bit type.
Converted = Literal["f32", "f16", "mxfp4"]


class GgufTensor(msgspec.Struct, frozen=True):
    """One tensor by its GGUF role (`attn_q`, without `blk.N.`), in ggml's order of dimensions.

    `ne[0]` is the length of a row. `quantized`: llama-quantize gives it another type than the
    converter's.
    """

    role: str
    ne: tuple[int, ...]
    converted: Converted
    quantized: bool

    @property
    def row(self) -> int:
        """Weights of a row."""
        return self.ne[0]

    @property
    def rows(self) -> int:
        """Number of rows, over all other dimensions."""
        return prod(self.ne[1:])


class Block(msgspec.Struct, frozen=True):
    """Layers with the same tensors: their numbers, ascending. MTP layers come after all others."""

    tensors: tuple[GgufTensor, ...]
    layers: tuple[int, ...]


class GgufFile(msgspec.Struct, frozen=True, kw_only=True):
    """A language model's file: its architecture, its tensors, and what else mixtures look at.

    `block_count` counts MTP layers in the file (`nextn`), which the loader leaves out unless MTP
    speculation is on. `gqa` is layer 0's query heads for one key-value head (0 where layer 0 has no
    attention). `large` is llama.cpp's model type 70B. `rope_layers` are those that use the file's
    rope_freqs or rope_factors, None for all. `scanned`: the widths of a state and of a head that
    Mamba 2 scans, None where nothing is scanned by heads.
    """

    arch: str
    outside: tuple[GgufTensor, ...]
    blocks: tuple[Block, ...]
    block_count: int
    nextn: int = 0
    experts: int = 0
    gqa: int = 1
    large: bool = False
    rope_layers: tuple[int, ...] | None = None
    scanned: tuple[int, int] | None = None

    @property
    def loaded(self) -> int:
        """Layers that the loader makes."""
        return self.block_count - self.nextn

    @property
    def tied(self) -> bool:
        """Whether the token embeddings are the output matrix as well."""
        return all(t.role != "output" for t in self.outside)
