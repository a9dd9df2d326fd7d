"""What vLLM is started with, as far as its memory depends on it.

Settings go by vLLM's own names. Source: vLLM 0.33.0 (2026-11), engine/arg_utils.py
(get_batch_defaults, _set_default_max_num_seqs_and_batched_tokens_args), config/cache.py,
config/vllm.py (max_in_flight_tokens, max_concurrent_batches). Defaults are those of `vllm serve`;
the LLM class takes 8192 or 16384 tokens at once.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from fitcheck.engines.base import Workload
from fitcheck.engines.vllm.pages import BLOCK_TOKENS
from fitcheck.errors import BadInput, UnknownName
from fitcheck.machine import Card
from fitcheck.units import GIB, Bytes, parse_size

# config/cache.py, gpu_memory_utilization. 0.9 up to 0.19 (2026-04).
GPU_MEMORY_UTILIZATION: Final = 0.92


class BatchDefaults(msgspec.Struct, frozen=True):
    """How many tokens, and how many sequences, are computed at once."""

    max_num_batched_tokens: int
    max_num_seqs: int


SMALL: Final = BatchDefaults(2048, 256)
# From 70 GiB on, but not on A100, where it made vLLM slower, nor on GB10; from 160 GiB on.
LARGE: Final = BatchDefaults(8192, 1024)
LARGEST: Final = BatchDefaults(16384, 1024)
LARGE_CARD: Final = 70 * GIB
LARGEST_CARD: Final = 160 * GIB


def batch_defaults(card: Card | None) -> BatchDefaults:
    """What a card gets where nothing is said; a card that is not known, what small ones get."""
    if card is None:
        return SMALL
    if card.visible >= LARGEST_CARD:
        return LARGEST
    slow = "a100" in card.name.lower() or card.compute_capability == 12.1
    return SMALL if slow or card.visible < LARGE_CARD else LARGE


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """vLLM's options. Numbers that were not given are None: they depend on the card."""

    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    enforce_eager: bool = False
    block_size: int = BLOCK_TOKENS
    kv_cache_memory_bytes: Bytes | None = None
    enable_prefix_caching: bool = True
    disable_hybrid_kv_cache_manager: bool = False
    async_scheduling: bool = True
    tensor_parallel_size: int | None = None
    pipeline_parallel_size: int | None = None
    data_parallel_size: int = 1
    enable_expert_parallel: bool = False
    cards_per_node: int | None = None

    def sequences(self, batch: int, defaults: BatchDefaults) -> int:
        """Sequences computed at once: as set, else the default, but so many as are asked about."""
        return self.max_num_seqs or max(defaults.max_num_seqs, batch)

    def tokens(self, sequences: int, context: int, defaults: BatchDefaults) -> int:
        """Tokens computed at once: never more than that many sequences can have, nor fewer."""
        if self.max_num_batched_tokens is not None:
            return self.max_num_batched_tokens
        return max(min(defaults.max_num_batched_tokens, sequences * context), sequences)

    @property
    def ranks(self) -> int:
        """The fewest that the sizes allow."""
        tensor, pipeline = self.tensor_parallel_size or 1, self.pipeline_parallel_size or 1
        return tensor * pipeline * self.data_parallel_size

    def steps(self, pipeline: int = 1) -> int:
        """Batches on their way at once, each of which holds its tokens' blocks."""
        return pipeline + self.async_scheduling


_YES: Final = frozenset({"", "1", "yes", "true", "on"})
_NO: Final = frozenset({"0", "no", "false", "off"})
_MOST: Final = 1 << 24


def _number(name: str, word: str) -> int:
    if not word.isascii() or not word.isdigit() or not 0 < int(word) <= _MOST:
        raise BadInput(f"{name}: '{word}' is no number from 1 to {_MOST}")
    return int(word)


def _flag(name: str, word: str) -> bool:
    if word.lower() in _YES | _NO:
        return word.lower() in _YES
    raise BadInput(f"{name}: '{word}' is neither true nor false")


def _block_size(name: str, word: str) -> int:
    size = _number(name, word)
    if size % BLOCK_TOKENS:
        raise BadInput(f"{name}: {size} is no multiple of {BLOCK_TOKENS}")
    return size


def _bytes(name: str, word: str) -> Bytes:
    size = Bytes(int(word)) if word.isascii() and word.isdigit() else parse_size(word)
    if size is None or not 0 < size < 1 << 50:
        raise BadInput(f"{name}: '{word}' is no size (20GiB, 21474836480)")
    return size


# What a machine of several nodes writes down.
CARDS_PER_NODE: Final = "cards_per_node"
_READ: Final = {
    "max_num_seqs": _number,
    "max_num_batched_tokens": _number,
    "enforce_eager": _flag,
    "block_size": _block_size,
    "kv_cache_memory_bytes": _bytes,
    "enable_prefix_caching": _flag,
    "disable_hybrid_kv_cache_manager": _flag,
    "async_scheduling": _flag,
    "tensor_parallel_size": _number,
    "pipeline_parallel_size": _number,
    "data_parallel_size": _number,
    "enable_expert_parallel": _flag,
    CARDS_PER_NODE: _number,
}
# What `on_card` writes down for `read`.
CARD_TOKENS: Final = "default_max_num_batched_tokens"
CARD_SEQUENCES: Final = "default_max_num_seqs"


def read(given: Mapping[str, str]) -> Settings:
    """Raises UnknownName for a setting that is none of vLLM's, BadInput for a value of none."""
    if not given:
        return Settings()
    values: dict[str, object] = {}
    for key, word in given.items():
        name = key.replace("-", "_")
        if name in (CARD_TOKENS, CARD_SEQUENCES):
            continue
        if name not in _READ:
            raise UnknownName("setting of vLLM", key, _READ, f"; there are {', '.join(_READ)}")
        values[name] = _READ[name](name, word.strip())
    found = msgspec.convert(values, Settings)
    tokens, sequences = found.max_num_batched_tokens, found.max_num_seqs
    if tokens is not None and sequences is not None and tokens < sequences:
        raise BadInput(f"max_num_batched_tokens {tokens} is less than max_num_seqs {sequences}")
    return found


def defaults(given: Mapping[str, str]) -> BatchDefaults:
    """Those of the card that `on_card` saw, else those of small cards."""
    if CARD_TOKENS not in given:
        return SMALL
    return BatchDefaults(int(given[CARD_TOKENS]), int(given[CARD_SEQUENCES]))


def on_card(workload: Workload, card: Card) -> Workload:
    """The workload with what vLLM makes of that card."""
    found = batch_defaults(card)
    if found == defaults(workload.settings):
        return workload
    told = {
        CARD_TOKENS: str(found.max_num_batched_tokens),
        CARD_SEQUENCES: str(found.max_num_seqs),
    }
    return msgspec.structs.replace(workload, settings={**workload.settings, **told})
