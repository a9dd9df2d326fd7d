"""ggml's block types and llama.cpp's file types: what a GGUF file is made of.

A file type (`q4_k_m`) is a mixture: llama-quantize gives each tensor a block type of its own
(engines/llama_cpp/mixtures.py). A block type stores a row of a tensor in blocks of equal size.
"""

from typing import Final

import msgspec

from fitcheck.units import Bytes


class BlockType(msgspec.Struct, frozen=True):
    """A ggml type: `block_bytes` hold `block_weights` neighbours of one row, scales and all."""

    name: str
    block_weights: int
    block_bytes: int

    @property
    def bits(self) -> float:
        """Bits for one weight."""
        return 8 * self.block_bytes / self.block_weights

    def fits(self, row: int) -> bool:
        """Whether a row of so many weights is whole blocks; ggml stores nothing else."""
        return row % self.block_weights == 0

    def size(self, row: int, rows: int) -> Bytes:
        """Bytes of so many rows of so many weights."""
        return Bytes(rows * (row // self.block_weights) * self.block_bytes)


# Source: llama.cpp 0c1e57098 (2026-10), ggml/src/ggml-common.h (the block structs) and ggml.c
# (type_traits); the same numbers in gguf-py, GGML_QUANT_SIZES.
BLOCK_TYPES: Final[dict[str, BlockType]] = {
    t.name: t
    for t in (
        BlockType("f32", 1, 4),
        BlockType("f16", 1, 2),
        BlockType("bf16", 1, 2),
        BlockType("q4_0", 32, 18),
        BlockType("q4_1", 32, 20),
        BlockType("q5_0", 32, 22),
        BlockType("q5_1", 32, 24),
        BlockType("q8_0", 32, 34),
        BlockType("q2_k", 256, 84),
        BlockType("q3_k", 256, 110),
        BlockType("q4_k", 256, 144),
        BlockType("q5_k", 256, 176),
        BlockType("q6_k", 256, 210),
        BlockType("iq1_s", 256, 50),
        BlockType("iq1_m", 256, 56),
        BlockType("iq2_xxs", 256, 66),
        BlockType("iq2_xs", 256, 74),
        BlockType("iq2_s", 256, 82),
        BlockType("iq3_xxs", 256, 98),
        BlockType("iq3_s", 256, 110),
        BlockType("iq4_nl", 32, 18),
        BlockType("iq4_xs", 256, 136),
        BlockType("tq1_0", 256, 54),
        BlockType("tq2_0", 256, 66),
        BlockType("mxfp4", 32, 17),
        BlockType("nvfp4", 64, 36),
        BlockType("q1_0", 128, 18),
        BlockType("q2_0", 64, 18),
        BlockType("i32", 1, 4),
    )
}


class FileType(msgspec.Struct, frozen=True, kw_only=True):
    """What llama-quantize can be asked for.

    `bits` are nominal: what the name says. `bits_per_weight` were measured on Llama 3.1 8B (whole
    file; with an importance matrix where `imatrix`), `perplexity` is what the file type adds to
    Llama 3 8B's (wikitext 2, 6.23 in 16 bits), each None where llama.cpp does not say. `imatrix`:
    llama-quantize refuses to make it without an importance matrix.
    """

    name: str
    block_type: str
    bits: float
    bits_per_weight: float | None = None
    perplexity: float | None = None
    imatrix: bool = False
    aliases: tuple[str, ...] = ()


def _file_type(
    name: str,
    block_type: str,
    bits: float,
    bits_per_weight: float | None = None,
    perplexity: float | None = None,
    *aliases: str,
    imatrix: bool = False,
) -> FileType:
    return FileType(
        name=name,
        block_type=block_type,
        bits=bits,
        bits_per_weight=bits_per_weight,
        perplexity=perplexity,
        imatrix=imatrix,
        aliases=aliases,
    )


# Source: llama.cpp 0c1e57098 (2026-10). Block types: src/llama-quant.cpp,
# llama_ftype_get_default_type; what needs an importance matrix: there, tensor_requires_imatrix.
# Perplexity: tools/quantize/quantize.cpp, QUANT_OPTIONS. Bits per weight:
# tools/quantize/README.md, the table for Llama 3.1 8B.
FILE_TYPES: Final[dict[str, FileType]] = {
    f.name: f
    for f in (
        _file_type("f32", "f32", 32),
        _file_type("f16", "f16", 16, 16.0005),
        _file_type("bf16", "bf16", 16),
        _file_type("q8_0", "q8_0", 8, 8.5008, 0.0026, "q8"),
        _file_type("q6_k", "q6_k", 6, 6.5633, 0.0217, "q6"),
        _file_type("q5_k_m", "q5_k", 5, 5.7036, 0.0569, "q5_k", "q5"),
        _file_type("q5_k_s", "q5_k", 5, 5.5704, 0.1049),
        _file_type("q5_1", "q5_1", 5, None, 0.1062),
        _file_type("q5_0", "q5_0", 5, None, 0.1316),
        _file_type("q4_k_m", "q4_k", 4, 4.8944, 0.1754, "q4_k", "q4"),
        _file_type("q4_k_s", "q4_k", 4, 4.6672, 0.2689),
        _file_type("q4_1", "q4_1", 4, None, 0.4511),
        _file_type("q4_0", "q4_0", 4, None, 0.4685),
        _file_type("iq4_nl", "iq4_nl", 4, 4.6818),
        _file_type("iq4_xs", "iq4_xs", 4, 4.4597),
        _file_type("mxfp4_moe", "mxfp4", 4, None, None, "mxfp4-moe"),
        _file_type("q3_k_l", "q3_k", 3, 4.2979, 0.5562),
        _file_type("q3_k_m", "q3_k", 3, 3.9960, 0.6569, "q3_k", "q3"),
        _file_type("q3_k_s", "q3_k", 3, 3.6429, 1.6321),
        _file_type("iq3_m", "iq3_s", 3, 3.7628),
        _file_type("iq3_s", "iq3_s", 3, 3.6606),
        _file_type("iq3_xs", "iq3_s", 3, 3.4977, imatrix=True),
        _file_type("iq3_xxs", "iq3_xxs", 3, 3.2548, imatrix=True),
        _file_type("q2_k", "q2_k", 2, 3.1593, 3.5199, "q2"),
        _file_type("q2_k_s", "q2_k", 2, 2.9697, 3.1836, imatrix=True),
        _file_type("iq2_m", "iq2_s", 2, 2.9294, imatrix=True),
        _file_type("iq2_s", "iq2_xs", 2, 2.7403, imatrix=True),
        _file_type("iq2_xs", "iq2_xs", 2, 2.5882, imatrix=True),
        _file_type("iq2_xxs", "iq2_xxs", 2, 2.3824, imatrix=True),
        _file_type("iq1_m", "iq1_m", 1, 2.1460, imatrix=True),
        _file_type("iq1_s", "iq1_s", 1, 2.0042, imatrix=True),
        _file_type("tq2_0", "tq2_0", 2),
        _file_type("tq1_0", "tq1_0", 1.6),
        _file_type("q2_0", "q2_0", 2),
        _file_type("q1_0", "q1_0", 1),
        _file_type("copy", "f16", 16, None, None, "as-converted"),
    )
}
