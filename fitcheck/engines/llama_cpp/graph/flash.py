"""Which attention ggml-cuda has a flash kernel for, and the memory behind that kernel's result.

Source: llama.cpp 0c1e57098, ggml/src/ggml-cuda/fattn.cu (ggml_cuda_get_best_fattn_kernel,
ggml_cuda_flash_attn_ext_get_alloc_size), for cards from Turing on.
"""

from typing import Final

from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph.tensors import F16, Node
from fitcheck.engines.llama_cpp.settings import CacheType
from fitcheck.units import round_up

# Widths of keys, with the width that values must have and what the number of query heads for one
# key-value head must be a multiple of.
_KERNELS: Final = {
    40: (40, 1), 64: (64, 1), 72: (72, 1), 80: (80, 1), 96: (96, 1), 112: (112, 1),
    128: (128, 1), 256: (256, 1), 192: (128, 8), 320: (256, 32),
}  # fmt: skip
# These widths need more than one query head for each key-value head.
_GROUPED: Final = {512: 512, 576: 512}
_TYPES: Final = frozenset(("f32", "f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0"))
# Pairs of quantized keys and values that the kernel for one or two tokens reads as they are.
_READ_AS_THEY_ARE: Final = frozenset(("f16", "bf16", "q4_0", "q8_0"))
# Caches that are f16, or are turned to it before the kernel.
_IN_F16: Final = frozenset(("f16", "f32"))
_ALIGNMENT: Final = 128


def supported(
    key_dim: int, value_dim: int, heads_per_key: int, keys: CacheType, values: CacheType
) -> bool:
    """Whether a card has a flash attention kernel for heads of this shape and these types."""
    if keys.name not in _TYPES or values.name not in _TYPES:
        return False
    if key_dim in _GROUPED:
        return value_dim == _GROUPED[key_dim] and heads_per_key > 1
    wanted, multiple = _KERNELS.get(key_dim, (0, 1))
    return value_dim == wanted and heads_per_key % multiple == 0


def f16_copies(attention: Node, keys: CacheType, values: CacheType, *, shared: bool = False) -> int:
    """Bytes behind the result where the kernel keeps keys and values of other types as f16.

    `shared`: the values are a part of the keys (MLA).
    """
    q, k, v = attention.sources[:3]
    if _reads_as_they_are(q.shape[0], q.shape[1], keys, values):
        return 0
    size = attention.size
    end = size
    if keys.name not in _IN_F16:
        end = round_up(end, _ALIGNMENT) + ops.numel(k) * F16
    if values.name not in _IN_F16 and not shared:
        end = round_up(end, _ALIGNMENT) + ops.numel(v) * F16
    return end - size


def _reads_as_they_are(width: int, tokens: int, keys: CacheType, values: CacheType) -> bool:
    """Whether the kernel for very few tokens is taken, and knows both types."""
    few = tokens <= (2 if keys.quantized or values.quantized else 1)
    narrow = width <= 256 and width % 64 == 0 and width != 192
    return few and narrow and keys == values and keys.name in _READ_AS_THEY_ARE
