"""ggml's types against the numbers that its Python package publishes."""

import pytest

from fitcheck.quantization import SCHEMES
from fitcheck.quantization.ggml import BLOCK_TYPES, FILE_TYPES

# gguf 0.19 (llama.cpp 0c1e57098, gguf-py/gguf/constants.py), GGML_QUANT_SIZES: weights, bytes.
PUBLISHED = {
    "f32": (1, 4), "f16": (1, 2), "bf16": (1, 2), "i32": (1, 4),
    "q4_0": (32, 2 + 16), "q4_1": (32, 2 + 2 + 16), "q5_0": (32, 2 + 4 + 16),
    "q5_1": (32, 2 + 2 + 4 + 16), "q8_0": (32, 2 + 32),
    "q2_k": (256, 2 + 2 + 256 // 16 + 256 // 4),
    "q3_k": (256, 2 + 256 // 4 + 256 // 8 + 12),
    "q4_k": (256, 2 + 2 + 256 // 2 + 12),
    "q5_k": (256, 2 + 2 + 256 // 2 + 256 // 8 + 12),
    "q6_k": (256, 2 + 256 // 2 + 256 // 4 + 256 // 16),
    "iq2_xxs": (256, 2 + 256 // 4), "iq2_xs": (256, 2 + 256 // 4 + 256 // 32),
    "iq2_s": (256, 2 + 256 // 4 + 256 // 16), "iq3_xxs": (256, 2 + 256 // 4 + 256 // 8),
    "iq3_s": (256, 2 + 256 // 4 + 256 // 8 + 256 // 32 + 4),
    "iq1_s": (256, 2 + 256 // 8 + 256 // 16), "iq1_m": (256, 256 // 8 + 256 // 16 + 256 // 32),
    "iq4_nl": (32, 2 + 16), "iq4_xs": (256, 2 + 2 + 256 // 2 + 256 // 64),
    "tq1_0": (256, 2 + 4 * 13), "tq2_0": (256, 2 + 64),
    "mxfp4": (32, 1 + 16), "nvfp4": (64, 4 + 32), "q1_0": (128, 2 + 16), "q2_0": (64, 2 + 16),
}  # fmt: skip


def test_every_block_has_its_published_size() -> None:
    """A block is what ggml stores; one wrong byte moves every file."""
    ours = {t.name: (t.block_weights, t.block_bytes) for t in BLOCK_TYPES.values()}

    assert ours == PUBLISHED


@pytest.mark.parametrize(
    ("name", "bits"),
    [("q4_k", 4.5), ("q6_k", 6.5625), ("q8_0", 8.5), ("iq4_xs", 4.25), ("mxfp4", 4.25)],
)
def test_bits_are_those_that_people_quote(name: str, bits: float) -> None:
    """llama.cpp's own figures per weight of one tensor."""
    assert BLOCK_TYPES[name].bits == bits


def test_a_row_of_llama_2_is_2304_bytes_in_q4_k() -> None:
    """4,096 weights in 16 blocks of 144 bytes."""
    assert BLOCK_TYPES["q4_k"].size(4096, 1) == 2304
    assert BLOCK_TYPES["q4_k"].fits(4096)
    assert not BLOCK_TYPES["q4_k"].fits(4100)


def test_file_types_are_made_of_types_that_exist() -> None:
    """And no alias is a second type's name."""
    names = [n for f in FILE_TYPES.values() for n in (f.name, *f.aliases)]

    assert {f.block_type for f in FILE_TYPES.values()} <= set(BLOCK_TYPES)
    assert len(names) == len(set(names))


def test_more_bits_cost_less_perplexity() -> None:
    """llama.cpp's table for Llama 3 8B, best first: a misplaced figure would break the order."""
    names = ["q8_0", "q6_k", "q5_k_m", "q5_k_s", "q4_k_m", "q4_k_s", "q3_k_l", "q3_k_m", "q3_k_s"]
    costs = [FILE_TYPES[n].perplexity or 0.0 for n in names]
    sizes = [FILE_TYPES[n].bits_per_weight or 0.0 for n in names]

    assert costs == sorted(costs)
    assert sizes == sorted(sizes, reverse=True)


def test_every_file_type_is_a_scheme_but_as_converted() -> None:
    """What llama-quantize makes, --quant accepts."""
    schemes = {s.file_type for s in SCHEMES.values() if s.file_type}

    assert schemes == set(FILE_TYPES) - {"copy"}
