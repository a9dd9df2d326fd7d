"""How vLLM puts layers with unlike pages into one pool of equal blocks.

A block is one page for each layer of a group; groups take blocks from the same pool, so they are
made to need equally much. Source: vLLM 0.33.0, v1/core/kv_cache_planning.py.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from fitcheck.engines.vllm.pages import Pages
from fitcheck.errors import BadInput
from fitcheck.units import Bytes, ceil_div

# unify_kv_cache_spec_page_size, _get_kv_cache_groups_uniform_page_size: up to 1.5 times as many
# layers of one kind as of the other are filled up rather than split.
_NEAR: Final = 1.5


class Group(msgspec.Struct, frozen=True):
    """`layers` layers that share a table of blocks, and what each of their pages is like."""

    pages: Pages
    layers: int


class Pool(msgspec.Struct, frozen=True):
    """Blocks of `bytes_per_block` on each rank, and the groups that take them."""

    bytes_per_block: Bytes
    groups: tuple[Group, ...]

    def blocks(self, context: int, tokens: int, steps: int) -> int:
        """Blocks that one sequence may hold, with `steps` batches of `tokens` on their way."""
        return sum(g.pages.blocks(context, tokens, steps) for g in self.groups)


def pool(found: Sequence[Pages]) -> Pool:
    """The pool for these layers. Raises BadInput where vLLM cannot make their pages alike."""
    kinds = _counted(found)
    if not kinds:
        return Pool(Bytes(0), ())
    if len(kinds) == 1 or _alike(found):
        whole = Group(max(kinds, key=lambda p: p.page), len(found))
        return Pool(Bytes(sum(p.page for p in found)), (whole,))
    if all(p.latent for p in kinds):
        return _packed(found)
    return _equal_pages(_counted(_unified(found)))


def _counted(found: Sequence[Pages]) -> dict[Pages, int]:
    counts: dict[Pages, int] = {}
    for page in found:
        counts[page] = counts.get(page, 0) + 1
    return counts


def _alike(found: Sequence[Pages]) -> bool:
    """Whether all layers always need equally many blocks, whatever their pages' sizes."""
    return len({(p.kind, p.block_size, p.window, p.state_blocks) for p in found}) == 1 and (
        found[0].kind != "state" or len({p.page for p in found}) == 1
    )


def _unified(found: Sequence[Pages]) -> list[Pages]:
    """Smaller pages take more tokens, or are filled up where the largest is no multiple."""
    largest = max(p.page for p in found)
    return [_grown(p, largest) for p in found]


def _grown(page: Pages, largest: int) -> Pages:
    if page.page == largest:
        return page
    if page.kind != "state" and largest % page.page == 0:
        block = page.block_size * (largest // page.page)
        return msgspec.structs.replace(page, page=largest, block_size=block)
    if page.latent:
        raise BadInput("vLLM cannot bring the cache pages of this model's layers to one size")
    return msgspec.structs.replace(page, page=largest)


def _equal_pages(kinds: dict[Pages, int]) -> Pool:
    least, most = min(kinds.values()), max(kinds.values())
    size = most if most < least * _NEAR else least
    groups: list[Group] = []
    for page, layers in kinds.items():
        number = ceil_div(layers, size)
        # Layers go round the groups, so that the first ones may have one more.
        groups += [Group(page, len(range(i, layers, number))) for i in range(number)]
    widest = max(g.layers for g in groups)
    return Pool(Bytes(widest * groups[0].pages.page), tuple(groups))


def _packed(found: Sequence[Pages]) -> Pool:
    """DeepSeek V4: pages of several sizes side by side in a block."""
    buckets: dict[tuple[str, int, int], dict[int, list[Pages]]] = defaultdict(dict)
    for page in found:
        window = page.window if page.kind == "window" else 0
        bucket = buckets[page.kind, page.block_size, window]
        bucket.setdefault(page.page, []).append(page)
    repeats = _repeats(list(buckets.values()))
    groups: list[Group] = []
    sizes: list[int] = []
    for bucket in buckets.values():
        number = _parts(bucket, repeats)
        for i in range(number):
            mine = [p for same in bucket.values() for p in same[i::number]]
            groups.append(Group(mine[0], len(mine)))
            sizes.append(sum(p.page for p in mine))
    return Pool(Bytes(max(sizes)), tuple(groups))


def _balanced(bucket: dict[int, list[Pages]]) -> bool:
    return len({len(same) for same in bucket.values()}) == 1


def _layers_of_a_size(bucket: dict[int, list[Pages]]) -> int:
    return max(len(same) for same in bucket.values())


def _parts(bucket: dict[int, list[Pages]], repeats: int | None) -> int:
    if repeats is None or not _balanced(bucket):
        return 1
    return ceil_div(_layers_of_a_size(bucket), repeats)


def _repeats(buckets: list[dict[int, list[Pages]]]) -> int | None:
    """Layers of a size in each group: the number that fills up least, the larger of equal ones."""
    balanced = [b for b in buckets if _balanced(b)]
    least = max((_layers_of_a_size(b) for b in balanced if len(b) > 1), default=0)
    if not least:
        return None
    counts = [_layers_of_a_size(b) for b in balanced]
    return min(
        range(least, max(counts) + 1), key=lambda d: (sum(-count % d for count in counts), -d)
    )
