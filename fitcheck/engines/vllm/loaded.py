"""A model that vLLM has loaded under a scheme, ready to be asked about workloads."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from fitcheck.architecture import Model
from fitcheck.engines.base import Memory, Range, Term, Workload, together
from fitcheck.engines.vllm import cache, models, overhead, pages, parallel, settings, weights
from fitcheck.engines.vllm.cache_types import OWN_FP32, CacheType, cache_type
from fitcheck.engines.vllm.groups import Pool
from fitcheck.engines.vllm.parallel import Parallel
from fitcheck.engines.vllm.settings import Settings
from fitcheck.engines.vllm.stage import Stage
from fitcheck.errors import BadInput
from fitcheck.quantization import Scheme
from fitcheck.quantization.published import published
from fitcheck.units import Bytes, ceil_div

_ATTENTION: Final = ("auto", "flash")
# What the contract calls a cache in the model's own type.
_WORDS: Final = {16: "fp16", 32: "fp32"}


class VllmModel:
    """A model that vLLM has loaded under a scheme."""

    def __init__(self, model: Model, scheme: Scheme) -> None:
        self.model = model
        self.scheme = scheme
        self._stages: dict[int, tuple[Stage, ...]] = {1: (Stage(model, scheme),)}
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
        given = settings.read(workload.settings)
        if given.enable_expert_parallel and not parallel.has_experts(self.model):
            raise BadInput("enable_expert_parallel: the model has no experts")
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
        """All that vLLM must hold on `cards` ranks, or as many as it is told of, for this at once.

        Raises BadInput where the model does not divide over them, or where a cache of a size set
        by hand is too small.
        """
        told = settings.read(workload.settings).ranks
        found = [memory for memory, _ in self._by_stage(workload, max(cards, told))]
        return found[0] if len(found) == 1 else together(found)

    def totals(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Range, ...]:
        """The totals of `shares`."""
        found = self._by_stage(workload, len(usable))
        return tuple(_part(m.total, ranks) for m, ranks in found for _ in range(ranks))

    def shares(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Memory, ...]:
        """Equal shares within each stage, with notes on what the pools would hold."""
        offered = self.capacity(workload, min(usable), len(usable))
        said = (*self._said, *_capacity_notes(offered, workload))
        found: list[Memory] = []
        for whole, ranks in self._by_stage(workload, len(usable)):
            terms = tuple(_of_one(t, ranks) for t in whole.terms) if ranks > 1 else whole.terms
            one = Memory(terms=terms, total=_part(whole.total, ranks), notes=said)
            found += [one] * ranks
        return tuple(found)

    def capacity(self, workload: Workload, usable: Bytes, ranks: int = 1) -> cache.Capacity:
        """What the pools hold that vLLM makes of the rest of each card's share."""
        given, over = self._given(workload, ranks)
        asked = self._asked(workload, given, over)
        kept, size = self._cache_type(workload), given.kv_cache_memory_bytes
        offered = []
        for stage in self.stages(over):
            room = size
            if room is None:
                room = Bytes(usable - stage.beside_cache(asked, given, over))
            offered.append(cache.capacity(stage.pool(kept, given, over), room, asked))
        return min(offered, key=lambda one: one.sequences)

    def pool(self, workload: Workload, ranks: int = 1) -> Pool:
        """The blocks of the cache on each rank, and the groups of layers that take them."""
        given, over = self._given(workload, ranks)
        return self.stages(over)[0].pool(self._cache_type(workload), given, over)

    def stages(self, over: Parallel) -> tuple[Stage, ...]:
        """The model's stages, in order."""
        if over.pipeline not in self._stages:
            found = parallel.stages(self.model, over.pipeline)
            self._stages[over.pipeline] = tuple(
                Stage(model, self.scheme, first, f"stage {number}: ")
                for number, (first, model) in enumerate(found, 1)
            )
        return self._stages[over.pipeline]

    def _given(self, workload: Workload, cards: int) -> tuple[Settings, Parallel]:
        given = settings.read(workload.settings)
        over = parallel.parallel(given, cards)
        parallel.check(self.model, over)
        return given, over

    def _by_stage(self, workload: Workload, cards: int) -> Iterator[tuple[Memory, int]]:
        """Each stage's memory over all of its ranks, and how many these are."""
        given, over = self._given(workload, cards)
        asked, kept = self._asked(workload, given, over), self._cache_type(workload)
        for stage in self.stages(over):
            terms = tuple(stage.terms(asked, kept, given, over))
            total = overhead.total(
                stage.model, self.scheme, terms, over.stage, given.enforce_eager, cards > 1
            )
            yield Memory(terms=terms, total=total, notes=self._said), over.stage

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

    def _asked(self, workload: Workload, given: Settings, over: Parallel) -> cache.Asked:
        """What each replica is asked for, of the sequences that come."""
        batch = ceil_div(workload.batch, over.data)
        default = settings.defaults(workload.settings)
        sequences = given.sequences(batch, default)
        if batch > sequences:
            raise BadInput(f"max_num_seqs {sequences} is less than the {batch} asked for")
        tokens = given.tokens(sequences, workload.context, default)
        sequences = min(sequences, tokens) if given.max_num_seqs is None else sequences
        return cache.Asked(
            batch=batch,
            context=workload.context,
            tokens=tokens,
            sequences=max(sequences, batch),
            steps=given.steps(over.pipeline),
        )

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
