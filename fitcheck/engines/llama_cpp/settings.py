"""What llama.cpp is started with, as far as its memory depends on it, and what it makes of that.

Source: llama.cpp 0c1e57098, src/llama-context.cpp, llama_context::llama_context; common/common.h
for the defaults (October 2026).
"""

from fractions import Fraction
from typing import Final, Literal

import msgspec

from fitcheck.errors import BadInput, UnknownName
from fitcheck.units import round_up

FlashAttention = Literal["auto", "on", "off"]

# LLAMA_MAX_SEQ in src/llama-cparams.h.
MAX_SLOTS: Final = 256
CELLS_PADDING: Final = 256


class CacheType(msgspec.Struct, frozen=True):
    """A type that keys and values can be kept in: `block` values take `block_bytes`."""

    name: str
    block: int
    block_bytes: int

    @property
    def quantized(self) -> bool:
        """Whether several values share a scale."""
        return self.block > 1

    @property
    def item(self) -> Fraction | int:
        """Bytes per value."""
        return Fraction(self.block_bytes, self.block) if self.quantized else self.block_bytes

    def size(self, values: int) -> int:
        """Bytes of this many values."""
        return values * self.block_bytes // self.block


# What --cache-type-k and --cache-type-v accept: common/arg.cpp, kv_cache_types.
CACHE_TYPES: Final = {
    t.name: t
    for t in (
        CacheType("f32", 1, 4),
        CacheType("f16", 1, 2),
        CacheType("bf16", 1, 2),
        CacheType("q8_0", 32, 34),
        CacheType("q4_0", 32, 18),
        CacheType("q4_1", 32, 20),
        CacheType("iq4_nl", 32, 18),
        CacheType("q5_0", 32, 22),
        CacheType("q5_1", 32, 24),
    )
}


def cache_type(name: str) -> CacheType:
    """The type of that name; `fp16` is f16 here. Raises UnknownName."""
    found = CACHE_TYPES.get({"fp16": "f16", "fp32": "f32"}.get(name, name))
    if found is None:
        hint = f"; there are {', '.join(CACHE_TYPES)}"
        raise UnknownName("KV cache type of llama.cpp", name, CACHE_TYPES, hint)
    return found


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """llama.cpp's options, with its defaults.

    `context` is -c: the tokens of all slots together, unless the slots share one cache
    (`kv_unified`), where each may fill it. `outputs` is how many tokens of a batch may ask for
    logits: all of them in llama-cli and llama-bench (None), one for each slot in llama-server.
    """

    context: int
    batch: int = 2048
    ubatch: int = 512
    parallel: int = 1
    kv_unified: bool = False
    cache_type_k: CacheType = CACHE_TYPES["f16"]
    cache_type_v: CacheType = CACHE_TYPES["f16"]
    flash_attention: FlashAttention = "auto"
    swa_full: bool = False
    kv_offload: bool = True
    outputs: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.parallel <= MAX_SLOTS:
            raise BadInput(f"llama.cpp runs 1 to {MAX_SLOTS} slots, not {self.parallel}")

    @property
    def turned_values(self) -> bool:
        """Whether the cache holds values number by number, as products need them.

        It is laid out before llama.cpp has looked for a kernel: only if flash attention is off.
        """
        return self.flash_attention == "off"

    @property
    def streams(self) -> int:
        """Caches beside each other: one for each slot, or one for all."""
        return 1 if self.kv_unified else self.parallel

    @property
    def cells(self) -> int:
        """Tokens that one stream's cache holds: a multiple of 256."""
        whole = round_up(self.context, CELLS_PADDING)
        return round_up(whole // self.streams, CELLS_PADDING)

    @property
    def largest_ubatch(self) -> int:
        """Tokens computed at once, at most."""
        return min(self.context, self.batch, self.ubatch)

    @property
    def reserved_tokens(self) -> int:
        """Tokens of the graph that memory is reserved for: as many for each slot."""
        return round_up(self.largest_ubatch, self.parallel)

    @property
    def reserved_outputs(self) -> int:
        """Tokens of that graph whose logits are wanted."""
        most = min(self.context, self.batch) if self.outputs is None else self.outputs
        return min(self.largest_ubatch, most)

    def window_cells(self, window: int, *, apart: bool = False) -> int:
        """Tokens that one stream's cache of a sliding-window layer holds.

        `apart`: each slot has a stream of its own, even if slots share what they can.
        The window of every sequence in the stream and the tokens being computed, padded to 256.
        Source: src/llama-kv-cache-iswa.cpp, llama_kv_cache_iswa.
        """
        if self.swa_full:
            return self.cells
        sequences = self.parallel if self.kv_unified and not apart else 1
        wanted = min(self.cells, window * sequences + self.largest_ubatch)
        return round_up(wanted, CELLS_PADDING)
