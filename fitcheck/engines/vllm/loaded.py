"""A model that vLLM has loaded under a scheme, ready to be asked about workloads."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from fitcheck.architecture import Model
from fitcheck.engines.base import Memory, Range, Term, Workload
from fitcheck.engines.vllm import cache, models, overhead, pages, profile, settings, weights
from fitcheck.engines.vllm.cache_types import OWN_FP32, CacheType, cache_type
from fitcheck.engines.vllm.groups import Pool, pool
from fitcheck.engines.vllm.settings import Settings
from fitcheck.errors import BadInput
from fitcheck.quantization import Scheme
from fitcheck.quantization.published import published
from fitcheck.units import Bytes, ceil_div, gib

_ATTENTION: Final = ("auto", "flash")
# What the contract calls a cache in the model's own type.
_WORDS: Final = {16: "fp16", 32: "fp32"}


class Rank(msgspec.Struct, frozen=True):
    """What does not depend on the workload, on one of so many ranks."""

    weights: tuple[Term, ...]
    widths: profile.Widths


class VllmModel:
    """A model that vLLM has loaded under a scheme."""

    def __init__(self, model: Model, scheme: Scheme) -> None:
        self.model = model
        self.scheme = scheme
        self._ranks: dict[int, Rank] = {}
        self._weights: dict[int, tuple[Term, ...]] = {}
        self._pools: dict[tuple[object, ...], Pool] = {}
        self._file_bytes: Bytes | None = None
        self._said = tuple(self._notes())

    @property
    def file_bytes(self) -> Bytes:
        """What the tensors take on disk, without the file's header."""
        if self._file_bytes is None:
            self._file_bytes = weights.stored_bytes(self.model, self.scheme)
        return self._file_bytes

    def settle(self, workload: Workload) -> Workload:
        """The defaults of `vllm serve`. Raises BadInput, UnknownName on what it cannot do."""
        settings.read(workload.settings)
        refuse_attention(workload.attention)
        kept = self._cache_type(workload)
        share = workload.gpu_memory_utilization or settings.GPU_MEMORY_UTILIZATION
        return msgspec.structs.replace(
            workload,
            kv_cache=_WORDS.get(kept.bits, kept.name),
            attention="auto",
            gpu_memory_utilization=share,
        )

    def memory(self, workload: Workload, cards: int = 1) -> Memory:
        """All that vLLM must hold on `cards` tensor-parallel ranks to compute this at once.

        Raises BadInput where the model does not divide over them, or where a cache of a size set
        by hand is too small.
        """
        given = settings.read(workload.settings)
        asked = self._asked(workload, given)
        held = self._all_weights(cards)
        blocks = self._pool(workload, given, cards)
        terms = (
            *held,
            *self._cache(blocks, asked, given, cards),
            *self._rest(workload, asked, given, cards),
        )
        total = overhead.total(self.model, self.scheme, terms, cards, given.enforce_eager)
        return Memory(terms=terms, total=total, notes=self._said)

    def totals(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Range, ...]:
        """The totals of `shares`."""
        ranks = len(usable)
        return (_part(self.memory(workload, ranks).total, ranks),) * ranks

    def shares(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Memory, ...]:
        """Equal shares by tensor parallelism, with notes on what the pools would hold."""
        ranks = len(usable)
        whole = self.memory(workload, ranks)
        terms = tuple(_of_one(t, ranks) for t in whole.terms) if ranks > 1 else whole.terms
        offered = self.capacity(workload, min(usable), ranks)
        said = (*whole.notes, *_capacity_notes(offered, workload))
        return (Memory(terms=terms, total=_part(whole.total, ranks), notes=said),) * ranks

    def capacity(self, workload: Workload, usable: Bytes, ranks: int = 1) -> cache.Capacity:
        """What the pool holds that vLLM makes of the rest of each card's share."""
        given = settings.read(workload.settings)
        asked = self._asked(workload, given)
        blocks = self._pool(workload, given, ranks)
        size = given.kv_cache_memory_bytes
        if size is None:
            parts = (*self._rank(ranks).weights, *self._rest(workload, asked, given, 1, ranks))
            size = Bytes(usable - sum(t.size for t in parts))
        return cache.capacity(blocks, size, asked)

    def pool(self, workload: Workload, ranks: int = 1) -> Pool:
        """The blocks of the cache on each rank, and the groups of layers that take them."""
        return self._pool(workload, settings.read(workload.settings), ranks)

    def _cache_type(self, workload: Workload) -> CacheType:
        """What was asked for; else the checkpoint's (modelopt), else the model's own type."""
        word = (workload.kv_cache or "auto").lower()
        if word in ("auto", "fp32") and self.scheme.name == "fp32":
            return OWN_FP32
        if word != "auto":
            return cache_type(word)
        section = self.model.quantization_config
        said = published(section) if section is not None else None
        if said is None or said.kv_cache is None or not said.method.startswith("modelopt"):
            return cache_type("auto")
        return cache_type(said.kv_cache)

    def _asked(self, workload: Workload, given: Settings) -> cache.Asked:
        default = settings.defaults(workload.settings)
        sequences = given.sequences(workload.batch, default)
        if workload.batch > sequences:
            raise BadInput(f"max_num_seqs {sequences} is less than the {workload.batch} asked for")
        tokens = given.tokens(sequences, workload.context, default)
        sequences = min(sequences, tokens) if given.max_num_seqs is None else sequences
        return cache.Asked(
            batch=workload.batch,
            context=workload.context,
            tokens=tokens,
            sequences=max(sequences, workload.batch),
            steps=given.steps,
        )

    def _pool(self, workload: Workload, given: Settings, ranks: int) -> Pool:
        kept = self._cache_type(workload)
        whole = given.disable_hybrid_kv_cache_manager
        key = (ranks, kept.name, given.block_size, given.enable_prefix_caching, whole)
        if key not in self._pools:
            asked = self._page_terms(ranks, kept, given)
            found = pages.pages(self.model, asked)
            self._pools[key] = pool(pages.in_full(found) if whole else found)
        return self._pools[key]

    def _page_terms(self, ranks: int, kept: CacheType, given: Settings) -> pages.Asked:
        return pages.Asked(
            ranks=ranks,
            cache_type=kept,
            block_size=given.block_size,
            prefix_caching=given.enable_prefix_caching,
            item=4 if self.scheme.name == "fp32" else 2,
        )

    def _rank(self, ranks: int) -> Rank:
        if ranks not in self._ranks:
            held = weights.terms(self.model, self.scheme, ranks)
            self._ranks[ranks] = Rank(held, profile.widths(self.model, ranks))
        return self._ranks[ranks]

    def _all_weights(self, cards: int) -> tuple[Term, ...]:
        if cards not in self._weights:
            self._weights[cards] = tuple(_of_all(t, cards) for t in self._rank(cards).weights)
        return self._weights[cards]

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
        self, workload: Workload, asked: cache.Asked, given: Settings, cards: int, ranks: int = 0
    ) -> Iterator[Term]:
        """Activations and overhead on `cards` of the ranks (all of them if not said)."""
        rank = self._rank(ranks or cards)
        item = 4 if self.scheme.name == "fp32" else 2
        step = profile.Step(asked.tokens, asked.sequences, item)
        yield from profile.terms(self.model, rank.widths, step, cards)
        yield profile.penalties(self.model, asked.sequences, cards)
        yield from overhead.terms(self.model, cards, given.enforce_eager)

    def _notes(self) -> Iterator[str]:
        known = models.note(self.model.model_type)
        if known is not None:
            yield known
        window = pages.window_of_all(self.model)
        if window is not None:
            yield (
                "the cache is counted in full;"
                f" `vllm serve` may keep the last {window} tokens alone"
            )
        yield from overhead.notes(self.model)


def refuse_attention(asked: str | None) -> None:
    """Raises BadInput for what vLLM does not let its user choose."""
    if (asked or "auto") not in _ATTENTION:
        raise BadInput(f"vLLM has no {asked} attention: it takes the fastest of its backends")


def _part(total: Range, ranks: int) -> Range:
    """One rank's part of the range of all."""
    ends = (total.low, total.expected, total.high)
    return Range(*(Bytes(ceil_div(end, ranks)) for end in ends))


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


def _of_one(term: Term, cards: int) -> Term:
    """One rank's part of a term over all of them."""
    return msgspec.structs.replace(
        term, size=Bytes(term.size // cards), values={**term.values, "cards": 1}
    )


def _capacity_notes(found: cache.Capacity, workload: Workload) -> Iterator[str]:
    if found.sequences >= 1:
        yield (
            f"vLLM would make a cache of {found.tokens:,} tokens of the rest:"
            f" {found.sequences:.2f} sequences of {workload.context:,} at once"
        )
