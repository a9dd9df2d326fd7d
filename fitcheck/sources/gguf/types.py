"""The numbers that GGUF writes for types, of tensors and of metadata."""

from typing import Final

from fitcheck.quantization.ggml import BLOCK_TYPES, BlockType

# Source: llama.cpp 0c1e57098 (2026-10), ggml/include/ggml.h, enum ggml_type. 31 to 33 and 36 to 38
# were Q4_0 and IQ4_NL in another order, dropped in 2024 and 2025; files of them are still about.
_NAMES: Final = {
    0: "f32", 1: "f16", 2: "q4_0", 3: "q4_1", 6: "q5_0", 7: "q5_1", 8: "q8_0", 9: "q8_1",
    10: "q2_k", 11: "q3_k", 12: "q4_k", 13: "q5_k", 14: "q6_k", 15: "q8_k",
    16: "iq2_xxs", 17: "iq2_xs", 18: "iq3_xxs", 19: "iq1_s", 20: "iq4_nl", 21: "iq3_s",
    22: "iq2_s", 23: "iq4_xs", 24: "i8", 25: "i16", 26: "i32", 27: "i64", 28: "f64", 29: "iq1_m",
    30: "bf16", 31: "q4_0", 32: "q4_0", 33: "q4_0", 34: "tq1_0", 35: "tq2_0",
    36: "iq4_nl", 37: "iq4_nl", 38: "iq4_nl", 39: "mxfp4", 40: "nvfp4", 41: "q1_0", 42: "q2_0",
}  # fmt: skip

# Types that a file may hold and that no weight is ever quantized to. Source: as above, ggml.c.
_OTHERS: Final = {
    t.name: t
    for t in (
        BlockType("f64", 1, 8),
        BlockType("i8", 1, 1),
        BlockType("i16", 1, 2),
        BlockType("i32", 1, 4),
        BlockType("i64", 1, 8),
        BlockType("q8_1", 32, 36),
        BlockType("q8_k", 256, 292),
    )
}

TENSOR_TYPES: Final = {n: (_OTHERS | BLOCK_TYPES)[name] for n, name in _NAMES.items()}

# Metadata: the type's number to its struct code. Source: as above, ggml/include/gguf.h, gguf_type.
SCALARS: Final = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
STRING: Final = 8
ARRAY: Final = 9

# `general.file_type`: what llama-quantize was asked for, as its engine spells it.
# Source: as above, include/llama.h, enum llama_ftype; 33 to 35 were Q4_0 in another order.
FILE_TYPES: Final = {
    0: "f32", 1: "f16", 2: "q4_0", 3: "q4_1", 7: "q8_0", 8: "q5_0", 9: "q5_1", 10: "q2_k",
    11: "q3_k_s", 12: "q3_k_m", 13: "q3_k_l", 14: "q4_k_s", 15: "q4_k_m", 16: "q5_k_s",
    17: "q5_k_m", 18: "q6_k", 19: "iq2_xxs", 20: "iq2_xs", 21: "q2_k_s", 22: "iq3_xs",
    23: "iq3_xxs", 24: "iq1_s", 25: "iq4_nl", 26: "iq3_s", 27: "iq3_m", 28: "iq2_s", 29: "iq2_m",
    30: "iq4_xs", 31: "iq1_m", 32: "bf16", 33: "q4_0", 34: "q4_0", 35: "q4_0", 36: "tq1_0",
    37: "tq2_0", 38: "mxfp4_moe", 39: "nvfp4", 40: "q1_0", 41: "q2_0",
}  # fmt: skip
