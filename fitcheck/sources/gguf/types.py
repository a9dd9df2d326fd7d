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
