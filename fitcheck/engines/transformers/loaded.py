"""A model that transformers has loaded: weights that stay, a cache that grows, peaks between."""

from collections.abc import Sequence

import msgspec

from fitcheck.architecture import Layer, Model
from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.engines.base import Memory, Offload, Range, Term, Workload
from fitcheck.engines.transformers import offload, overhead, ranges, weights
from fitcheck.engines.transformers.activations import Activations, Key, Packed, passes
from fitcheck.engines.transformers.activations.linear import work
from fitcheck.engines.transformers.activations.style import style
from fitcheck.engines.transformers.buffers import old_tables
from fitcheck.engines.transformers.cache import NO_CACHE, Cache
from fitcheck.engines.transformers.cards import Block, Placed, place, placed
from fitcheck.engines.transformers.converted import packs
from fitcheck.engines.transformers.eras import FLOAT_LOGITS, NOW, Era
from fitcheck.engines.transformers.peaks import (
    CUT,
    LATER,
    LOGITS,
    TWICE,
    Highest,
    moved_logits,
    other_cards,
    terms,
)
from fitcheck.engines.transformers.settings import Settings, read, settle
from fitcheck.quantization import Scheme
from fitcheck.units import Bytes


class TransformersModel:
    """A model that transformers has loaded under a scheme."""

    def __init__(self, model: Model, scheme: Scheme, stored: Checkpoint | None = None) -> None:
        self.model = model
        self.scheme = scheme
        self.weights = weights.terms(model, scheme, stored)
        self.weight_bytes = sum(t.size for t in self.weights)
        self.itemsize = 4 if scheme.name == "fp32" else 2
        self.cache = Cache(model, self.itemsize)
        self._caches = {NOW: self.cache}
        self.chunk = style(model.model_type).chunk
        self._divided: dict[tuple[tuple[Bytes, ...], Era], tuple[Placed, ...]] = {}
        self._activations: dict[tuple[Settings, bool], Activations] = {}

    @property
    def file_bytes(self) -> Bytes:
        """What save_pretrained would write, without headers."""
        return Bytes(self.weight_bytes)

    def settle(self, workload: Workload) -> Workload:
        """The defaults of from_pretrained and generate. Raises BadInput on what they refuse."""
        settled = settle(self.model, workload, fp32=self.scheme.name == "fp32")
        read(settled)
        return settled

    def memory(self, workload: Workload, cards: int = 1) -> Memory:
        """Weights, the cache, the highest peak beside them, and the process itself."""
        settings = read(workload)
        old = tuple(old_tables(self.model, self.itemsize)) if settings.era.all_logits else ()
        kept = self._kept(self._cache(settings.era), workload)
        found = (*self.weights, *old, *kept, *self._alive(workload, settings, True, cards == 1))
        if cards > 1:
            elsewhere = sum(t.size for t in self._alive(workload, settings, False))
            moved = self._moved(workload, settings, elsewhere)
            found = (*found, other_cards(elsewhere, cards - 1), *moved)
        return self._memory((*found, *overhead.terms(cards)), workload, settings, cards)

    def shares(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Memory, ...]:
        """Whole layers in order, as device_map="auto" deals them out; the head on the last."""
        if len(usable) == 1:
            return (self._alone(self.memory(workload), usable[0]),)
        settings = read(workload)
        shares = []
        for number, part in enumerate(self._placed(tuple(usable), settings.era), 1):
            kept = self._kept(part.cache, workload)
            alive = self._alive(workload, settings, number == len(usable), False)
            if number == 1:
                alive += self._moved(workload, settings, sum(t.size for t in alive))
            found = (part.weights, *kept, *alive, *overhead.terms(1))
            shares.append(self._memory(found, workload, settings, 1))
        return tuple(shares)

    def _alone(self, found: Memory, usable: Bytes) -> Memory:
        """With a word where device_map="auto" would put layers in RAM though all go in.

        Source: transformers 5.23.0, integrations/accelerate.py, get_balanced_memory.
        """
        if usable * 9 // 10 >= self.weight_bytes or found.total.expected > usable:
            return found
        word = 'device_map="auto" keeps a tenth of a single card free: say device_map="cuda"'
        return msgspec.structs.replace(found, notes=(*found.notes, word))

    def totals(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Range, ...]:
        """The same sums as in `shares`, without a word on each term."""
        if len(usable) > 1:
            return tuple(share.total for share in self.shares(workload, usable))
        settings = read(workload)
        stepped = workload.context > workload.prompt
        size = ranges.Sizes(
            self.weight_bytes + self._old_bytes(settings),
            self._cache(settings.era).size(workload.batch, workload.context, stepped),
            self._highest(workload, settings, True).size,
            overhead.CONTEXT + overhead.WORKSPACE,
        )
        return (self._range(size, workload, settings, 1),)

    def offloaded(self, workload: Workload, usable: Sequence[Bytes]) -> Offload | None:
        """Whole layers in the computer's memory; None where the scheme or the cards hold none."""
        if not self.model.layers or offload.on_host(self.model, self.scheme) is None:
            return None

        def shares(parts: Sequence[Sequence[Block]]) -> tuple[Memory, ...]:
            return self._beside_host(workload, parts)

        return offload.offloaded(self.model, self.scheme, usable, shares)

    def _beside_host(
        self, workload: Workload, parts: Sequence[Sequence[Block]]
    ) -> tuple[Memory, ...]:
        """Each card's memory; the last part is the host's, which the first card computes."""
        settings, (first, *others, host) = read(workload), parts
        run = placed(self.model, self.scheme, (*first, *host), settings.era)
        found = [
            (
                placed(self.model, self.scheme, first, settings.era).weights,
                *offload.host_terms(self.model, self.scheme, host),
                *self._kept(run.cache, workload),
                *self._alive(workload, settings, True),
            )
        ]
        for part in others:
            held = placed(self.model, self.scheme, part, settings.era)
            alive = self._alive(workload, settings, False)
            found.append((held.weights, *self._kept(held.cache, workload), *alive))
        return tuple(
            self._memory((*terms, *overhead.terms(1)), workload, settings, 1) for terms in found
        )

    def _old_bytes(self, settings: Settings) -> int:
        if not settings.era.all_logits:
            return 0
        return sum(t.size for t in old_tables(self.model, self.itemsize))

    def _kept(self, cache: Cache, workload: Workload) -> tuple[Term, ...]:
        stepped = workload.context > workload.prompt
        return tuple(cache.terms(workload.batch, workload.context, stepped))

    def _alive(
        self, workload: Workload, settings: Settings, head: bool, alone: bool = True
    ) -> tuple[Term, ...]:
        return terms(self._highest(workload, settings, head, alone), self.chunk)

    def _moved(self, workload: Workload, settings: Settings, alive: int) -> tuple[Term, ...]:
        """Logits go back to the first card, which old versions made of the whole prompt."""
        tokens = workload.batch * workload.prompt
        size = 4 * tokens * self.model.vocab_size
        return (moved_logits(size, alive),) if settings.era.all_logits and size > alive else ()

    def _highest(
        self, workload: Workload, settings: Settings, head: bool, alone: bool = True
    ) -> Highest:
        """The moment at which most is held: the prompt, the first step, or the last one.

        `head` is the card that has the head, `alone` if no other card has a part of the model.
        """
        passing = self._passes(settings, settings.kernels is not False)
        batch, context, prompt = workload.batch, workload.context, workload.prompt
        cache = self._cache(settings.era)
        at_end = cache.size(batch, context, context > prompt)
        then = cache.size(batch, prompt, False) - at_end
        read_in = passing.peak("prefill", batch, prompt, head=head)
        again = self.model.model_type in NO_CACHE
        step = passing.peak("prefill" if again else "decode", batch, context, head=head)
        whole = settings.era.all_logits and head and context > prompt
        found = [
            Highest("prefill", read_in, batch, prompt, {LATER if then < 0 else CUT: then}),
            Highest(
                "prefill" if again else "decode",
                step,
                batch,
                context,
                {TWICE: at_end} if whole else {},
            ),
        ]
        if whole and alone and not again:
            first = passing.peak("decode", batch, prompt + 1, head=head)
            before = cache.size(batch, prompt, False)
            after = cache.size(batch, prompt + 1, True) - at_end
            logits = batch * prompt * self.model.vocab_size * self._logit_bytes
            beside = {LOGITS: logits, TWICE: before, LATER: after}
            found.append(Highest("first", first, batch, prompt + 1, beside))
        return max(found, key=lambda highest: highest.size)

    @property
    def _logit_bytes(self) -> int:
        return 4 if self.model.model_type in FLOAT_LOGITS else self.itemsize

    def _memory(
        self, found: tuple[Term, ...], workload: Workload, settings: Settings, cards: int
    ) -> Memory:
        return Memory(
            terms=found,
            total=self._range(ranges.sizes(found), workload, settings, cards),
            notes=tuple(ranges.notes(self.model, self.scheme, self.cache.state > 0, settings)),
        )

    def _range(self, of: ranges.Sizes, workload: Workload, settings: Settings, cards: int) -> Range:
        slower = self._slower(workload, settings)
        return ranges.total(self.model, self.scheme, of, cards, slower=slower)

    def _cache(self, era: Era) -> Cache:
        found = self._caches.get(era)
        if found is None:
            found = self._caches[era] = Cache(self.model, self.itemsize, era)
        return found

    def _placed(self, usable: tuple[Bytes, ...], era: Era) -> tuple[Placed, ...]:
        found = self._divided.get((usable, era))
        if found is None:
            found = self._divided[usable, era] = place(self.model, self.scheme, usable, era)
        return found

    def _passes(self, settings: Settings, kernels: bool) -> Activations:
        key = (settings, kernels)
        found = self._activations.get(key)
        if found is None:
            asked = Key(
                attention=settings.attention,
                itemsize=self.itemsize,
                kernels=kernels,
                padded=settings.padded,
                era=settings.era,
            )
            found = self._activations[key] = passes(self.model, asked).packed(self._packed)
        return found

    def _packed(self, layer: Layer) -> Packed:
        matrices = {
            t.role: (t.shape[0], t.shape[1])
            for t in layer.tensors
            if t.kind == "linear" and packs(self.scheme, self.model, t, "layers")
        }
        return Packed(work(self.scheme.name), matrices)

    def _slower(self, workload: Workload, settings: Settings) -> int:
        """What recurrent layers take more where their kernels are not installed."""
        if settings.kernels is not None or not self.cache.state:
            return 0
        with_kernels = self._passes(settings, True).peak("prefill", workload.batch, workload.prompt)
        without = self._passes(settings, False).peak("prefill", workload.batch, workload.prompt)
        return max(0, without.size - with_kernels.size)
