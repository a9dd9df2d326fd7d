"""The KV cache as terms: the blocks that so many sequences of so many tokens take."""

from collections.abc import Iterator
from typing import Final

import msgspec

from fitcheck.engines.base import Component, Term
from fitcheck.engines.vllm.groups import Group, Pool
from fitcheck.engines.vllm.pages import Kind
from fitcheck.units import Bytes

SOURCE: Final = "vLLM 0.33.0, v1/kv_cache_interface.py and v1/core/kv_cache_planning.py"

_NAMES: Final[dict[Kind, str]] = {
    "full": "keys and values",
    "window": "keys and values within a window",
    "chunk": "keys and values of a chunk",
    "state": "recurrent states",
    "encoder": "keys and values of the encoder's output",
}
_BLOCKS: Final[dict[Kind, str]] = {
    "full": "ceil_div(context, block_size)",
    "window": "(ceil_div(min(sliding_window - 1 + in_flight, context), block_size) + 1)",
    "chunk": "ceil_div(min(attention_chunk_size + in_flight, context), block_size)",
    "state": "state_blocks",
    "encoder": "ceil_div(max_num_batched_tokens, block_size)",
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: `batch` sequences of `context` tokens.

    `tokens` of `sequences` are computed at once at most, in `steps` batches on their way.
    """

    batch: int
    context: int
    tokens: int
    sequences: int
    steps: int

    @property
    def in_flight(self) -> int:
        """Tokens whose blocks are held though they may be out of a window already."""
        return self.tokens * self.steps


def terms(pool: Pool, asked: Asked, cards: int) -> Iterator[Term]:
    """A term for each kind of page, on `cards` ranks together."""
    alike: dict[tuple[Kind, int, int, int], list[Group]] = {}
    for group in pool.groups:
        p = group.pages
        alike.setdefault((p.kind, p.block_size, p.window, p.state_blocks), []).append(group)
    for groups in alike.values():
        yield _term(groups[0], len(groups), pool.bytes_per_block, asked, cards)


def _term(group: Group, groups: int, bytes_per_block: Bytes, asked: Asked, cards: int) -> Term:
    pages = group.pages
    component: Component = "recurrent_state" if pages.kind == "state" else "kv_cache"
    blocks = pages.blocks(asked.context, asked.tokens, asked.steps)
    values = {
        "cards": cards,
        "batch": asked.batch,
        "groups": groups,
        "context": asked.context,
        "block_size": pages.block_size,
        "sliding_window": pages.window,
        "attention_chunk_size": pages.window,
        "in_flight": asked.in_flight,
        "state_blocks": pages.state_blocks,
        "max_num_batched_tokens": asked.tokens,
        "bytes_per_block": bytes_per_block,
    }
    formula = f"cards * batch * groups * {_BLOCKS[pages.kind]} * bytes_per_block"
    return Term(
        component=component,
        name=_NAMES[pages.kind],
        size=Bytes(cards * asked.batch * groups * blocks * bytes_per_block),
        formula=formula,
        values={name: value for name, value in values.items() if name in formula},
        source=SOURCE,
    )


def null_block(pool: Pool, cards: int) -> Term:
    """One block belongs to nobody (v1/core/block_pool.py)."""
    return Term(
        component="overhead",
        name="the cache's empty block",
        size=Bytes(cards * pool.bytes_per_block),
        formula="cards * bytes_per_block",
        values={"cards": cards, "bytes_per_block": pool.bytes_per_block},
        source=SOURCE,
    )


def rest_of_pool(pool: Pool, asked: Asked, size: Bytes, cards: int) -> Term:
    """What a pool of a size set by hand holds beyond what is needed."""
    blocks = pool.blocks(asked.context, asked.tokens, asked.steps)
    needed = (asked.batch * blocks + 1) * pool.bytes_per_block
    return Term(
        component="kv_cache",
        name="the rest of kv_cache_memory_bytes",
        size=Bytes(cards * (size - needed)),
        formula="cards * (kv_cache_memory_bytes - (batch * blocks + 1) * bytes_per_block)",
        values={
            "cards": cards,
            "kv_cache_memory_bytes": size,
            "batch": asked.batch,
            "blocks": blocks,
            "bytes_per_block": pool.bytes_per_block,
        },
        source="vLLM 0.33.0, config/cache.py, kv_cache_memory_bytes",
    )


class Capacity(msgspec.Struct, frozen=True):
    """What a pool holds: its blocks, tokens, and sequences of the asked length at once.

    Tokens as vLLM prints them: `GPU KV cache size`, sequences as `Maximum concurrency`. Source:
    v1/core/kv_cache_utils.py, get_kv_cache_capacity.
    """

    blocks: int
    tokens: int
    sequences: float


def capacity(pool: Pool, available: int, asked: Asked) -> Capacity:
    """Of so many bytes on each rank."""
    each = pool.blocks(asked.context, asked.tokens, asked.steps)
    if not pool.bytes_per_block or not each:
        return Capacity(0, 0, 0.0)
    blocks = max(0, available) // pool.bytes_per_block
    return Capacity(blocks, int(blocks / each * asked.context), blocks / each)
