"""One stage of a model in vLLM: its layers, and what each of its ranks holds of them."""

from collections.abc import Iterator

import msgspec

from fitcheck.architecture import Model
from fitcheck.engines.base import Term
from fitcheck.engines.vllm import cache, overhead, pages, profile, weights
from fitcheck.engines.vllm.cache_types import CacheType
from fitcheck.engines.vllm.groups import Pool, pool
from fitcheck.engines.vllm.parallel import Parallel
from fitcheck.engines.vllm.settings import Settings
from fitcheck.errors import BadInput
from fitcheck.quantization import Scheme
from fitcheck.units import Bytes, gib


class Rank(msgspec.Struct, frozen=True):
    """What does not depend on the workload, on one of so many ranks."""

    weights: tuple[Term, ...]
    widths: profile.Widths


class Stage:
    """Layers from `first` on; all of the model where there is one stage, which has no name."""

    def __init__(self, model: Model, scheme: Scheme, first: int = 0, name: str = "") -> None:
        self.model = model
        self.scheme = scheme
        self.first = first
        self.name = name
        self._ranks: dict[Parallel, Rank] = {}
        self._weights: dict[Parallel, tuple[Term, ...]] = {}
        self._pools: dict[tuple[object, ...], Pool] = {}

    def terms(
        self, asked: cache.Asked, kept: CacheType, given: Settings, over: Parallel
    ) -> Iterator[Term]:
        """Everything, on all ranks of the stage together."""
        held = self._all_weights(over)
        blocks = self.pool(kept, given, over)
        found = (
            *held,
            *self._cache(blocks, asked, given, over.stage),
            *self._rest(asked, given, over, over.stage),
        )
        for term in found:
            yield msgspec.structs.replace(term, name=self.name + term.name) if self.name else term

    def beside_cache(self, asked: cache.Asked, given: Settings, over: Parallel) -> int:
        """What a rank holds beside its cache."""
        parts = (*self._rank(over).weights, *self._rest(asked, given, over, 1))
        return sum(t.size for t in parts)

    def pool(self, kept: CacheType, given: Settings, over: Parallel) -> Pool:
        """The blocks of the cache on each rank."""
        whole = given.disable_hybrid_kv_cache_manager
        key = (over.tensor, kept.name, given.block_size, given.enable_prefix_caching, whole)
        if key not in self._pools:
            asked = pages.Asked(
                ranks=over.tensor,
                cache_type=kept,
                block_size=given.block_size,
                prefix_caching=given.enable_prefix_caching,
                item=self._item,
            )
            found = pages.pages(self.model, asked)
            self._pools[key] = pool(pages.in_full(found) if whole else found)
        return self._pools[key]

    @property
    def _item(self) -> int:
        return 4 if self.scheme.name == "fp32" else 2

    def _rank(self, over: Parallel) -> Rank:
        if over not in self._ranks:
            held = weights.terms(self.model, self.scheme, over, self.first)
            self._ranks[over] = Rank(held, profile.widths(self.model, over))
        return self._ranks[over]

    def _all_weights(self, over: Parallel) -> tuple[Term, ...]:
        if over not in self._weights:
            found = tuple(_of_all(t, over.stage) for t in self._rank(over).weights)
            self._weights[over] = found
        return self._weights[over]

    def _cache(
        self, blocks: Pool, asked: cache.Asked, given: Settings, cards: int
    ) -> Iterator[Term]:
        if not blocks.bytes_per_block:
            return
        yield from cache.terms(blocks, asked, cards)
        yield cache.null_block(blocks, cards)
        if given.kv_cache_memory_bytes is not None:
            rest = cache.rest_of_pool(blocks, asked, given.kv_cache_memory_bytes, cards)
            if rest.size < 0:
                size, lacks = gib(given.kv_cache_memory_bytes), gib(-rest.size // cards)
                raise BadInput(f"kv_cache_memory_bytes of {size} GiB is {lacks} GiB too little")
            yield rest

    def _rest(
        self, asked: cache.Asked, given: Settings, over: Parallel, cards: int
    ) -> Iterator[Term]:
        """Activations and overhead on so many of the ranks."""
        step = profile.Step(asked.tokens, asked.sequences, self._item, over.data)
        yield from profile.terms(self.model, self._rank(over).widths, step, cards)
        if self.model.vocab_size:
            yield profile.penalties(self.model, asked.sequences, cards)
        yield from overhead.terms(self.model, cards, given.enforce_eager, over.cards > 1)


def _of_all(term: Term, cards: int) -> Term:
    """A rank's term on all of them."""
    if cards == 1:
        return term
    return msgspec.structs.replace(
        term,
        size=Bytes(cards * term.size),
        formula=f"cards * ({term.formula})",
        values={"cards": cards, **term.values},
    )
