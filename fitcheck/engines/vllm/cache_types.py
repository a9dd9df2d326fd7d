"""What vLLM keeps keys and values in, by `--kv-cache-dtype`.

Source: vLLM 0.33.0 (2026-11), config/cache.py, CacheDType; v1/attention/backends/triton_attn.py
(customize_spec: a scale in fp32 behind each head's row) and v1/kv_cache_interface.py (nvfp4: a
scale in a byte for 16 values).
"""

from typing import Final

import msgspec

from fitcheck.errors import BadInput, UnknownName
from fitcheck.units import ceil_div


class CacheType(msgspec.Struct, frozen=True, kw_only=True):
    """A type of cache: bits of a value, and bytes of scales.

    `row_bytes` stand behind each head's key and each head's value, `scaled` values share a scale
    of one byte (0: none do). `latent` types are taken by multi-head latent attention too.
    """

    name: str
    bits: int
    row_bytes: int = 0
    scaled: int = 0
    latent: bool = False

    def row(self, width: int) -> int:
        """Bytes of one head's key or value of so many numbers."""
        scales = ceil_div(width, self.scaled) if self.scaled else 0
        return width * self.bits // 8 + scales + self.row_bytes


_TYPES: Final = {
    t.name: t
    for t in (
        CacheType(name="bfloat16", bits=16, latent=True),
        CacheType(name="float16", bits=16, latent=True),
        CacheType(name="fp8", bits=8, latent=True),
        CacheType(name="fp8_e4m3", bits=8, latent=True),
        CacheType(name="fp8_e5m2", bits=8),
        CacheType(name="fp8_per_token_head", bits=8, row_bytes=4),
        CacheType(name="int8_per_token_head", bits=8, row_bytes=4),
        CacheType(name="int4_per_token_head", bits=4, row_bytes=4),
        CacheType(name="nvfp4", bits=4, scaled=16),
    )
}
# Of a model in 32 bits, which `auto` follows; it cannot be asked for otherwise.
OWN_FP32: Final = CacheType(name="float32", bits=32, latent=True)
_WORDS: Final = {"fp16": "float16", "f16": "float16", "bf16": "bfloat16", "e4m3": "fp8_e4m3"}
# Types that vLLM knows and whose layout is left out here.
_NOT_COUNTED: Final = ("turboquant_", "octave_", "ultraquant_", "nvfp4_", "fp8_ds_mla", "fp8_inc")


def cache_type(name: str) -> CacheType:
    """The type of that name; `auto` is the model's own, two bytes. Raises UnknownName, BadInput."""
    word = name.strip().lower()
    word = "bfloat16" if word == "auto" else _WORDS.get(word, word)
    if word.startswith(_NOT_COUNTED):
        raise BadInput(
            f"vLLM's cache type {word} is not counted here; there are {', '.join(_TYPES)}"
        )
    if word not in _TYPES:
        raise UnknownName("cache type of vLLM", name, _TYPES, f"; there are {', '.join(_TYPES)}")
    return _TYPES[word]
