"""A model that transformers has loaded: weights that stay, a cache that grows, peaks between."""

from collections.abc import Sequence

from fitcheck.architecture import Layer, Model
from fitcheck.engines.base import Memory, Range, Term, Workload
from fitcheck.engines.transformers import overhead, ranges, weights
from fitcheck.engines.transformers.activations import Activations, Packed
from fitcheck.engines.transformers.activations.linear import work
from fitcheck.engines.transformers.activations.style import style
from fitcheck.engines.transformers.cache import Cache
from fitcheck.engines.transformers.cards import Placed, place
from fitcheck.engines.transformers.converted import packs
from fitcheck.engines.transformers.peaks import Highest, terms
from fitcheck.engines.transformers.settings import Settings, read, settle
from fitcheck.quantization import Scheme
from fitcheck.units import Bytes


class TransformersModel:
    """A model that transformers has loaded under a scheme."""

    def __init__(self, model: Model, scheme: Scheme) -> None:
        self.model = model
        self.scheme = scheme
        self.weights = weights.terms(model, scheme)
        self.weight_bytes = sum(t.size for t in self.weights)
        self.itemsize = 4 if scheme.name == "fp32" else 2
        self.cache = Cache(model, self.itemsize)
        self.chunk = style(model.model_type).chunk
        self._divided: dict[tuple[Bytes, ...], tuple[Placed, ...]] = {}
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
        settings, peak = self._peak(workload)
        stepped = workload.context > workload.prompt
        kept = tuple(self.cache.terms(workload.batch, workload.context, stepped))
        alive = terms(peak, self.chunk, cards)
        found = (*self.weights, *kept, *alive, *overhead.terms(cards))
        return Memory(
            terms=found,
            total=self._range(found, workload, settings, cards),
            notes=self._notes(workload, settings),
        )

    def shares(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Memory, ...]:
        """Whole layers in order, as device_map="auto" deals them out."""
        if len(usable) == 1:
            return (self.memory(workload),)
        settings, peak = self._peak(workload)
        alive = terms(peak, self.chunk, 1)
        return tuple(
            self._share(workload, settings, placed, alive) for placed in self._placed(tuple(usable))
        )

    def _placed(self, usable: tuple[Bytes, ...]) -> tuple[Placed, ...]:
        found = self._divided.get(usable)
        if found is None:
            found = self._divided[usable] = place(self.model, self.scheme, usable)
        return found

    def _share(
        self, workload: Workload, settings: Settings, placed: Placed, alive: tuple[Term, ...]
    ) -> Memory:
        stepped = workload.context > workload.prompt
        cache = Cache(placed.part, self.itemsize)
        kept = tuple(cache.terms(workload.batch, workload.context, stepped))
        found = (placed.weights, *kept, *alive, *overhead.terms(1))
        return Memory(terms=found, total=self._range(found, workload, settings, 1))

    def _peak(self, workload: Workload) -> tuple[Settings, Highest]:
        """The moment at which most is held, of the prompt and of the last step."""
        settings = read(workload)
        passes = self._passes(settings, settings.kernels is not False)
        batch, context, prompt = workload.batch, workload.context, workload.prompt
        at_end = self.cache.size(batch, context, context > prompt)
        read_in = passes.peak("prefill", batch, prompt)
        missing = at_end - self.cache.size(batch, prompt, False)
        step = passes.peak("decode", batch, context)
        if read_in.size - missing >= step.size:
            return settings, Highest("prefill", read_in, batch, prompt, missing)
        return settings, Highest("decode", step, batch, context, 0)

    def _passes(self, settings: Settings, kernels: bool) -> Activations:
        key = (settings, kernels)
        found = self._activations.get(key)
        if found is None:
            found = self._activations[key] = Activations(
                self.model,
                settings.attention,
                self.itemsize,
                kernels=kernels,
                padded=settings.padded,
                all_logits=settings.all_logits,
                packed=self._packed,
            )
        return found

    def _packed(self, layer: Layer) -> Packed:
        matrices = {
            t.role: (t.shape[0], t.shape[1])
            for t in layer.tensors
            if t.kind == "linear" and packs(self.scheme, self.model, t, "layers")
        }
        return Packed(work(self.scheme.name), matrices)

    def _range(
        self, found: Sequence[Term], workload: Workload, settings: Settings, cards: int
    ) -> Range:
        torch = sum(t.size for t in found if t.component not in ("overhead", "host"))
        expected = sum(t.size for t in found if t.component != "host")
        slower = self._slower(workload, settings)
        spread = ranges.spread(self.model, self.scheme)
        return Range(
            Bytes(int(torch * spread.low)),
            Bytes(expected),
            Bytes(int(torch * spread.high) + slower + cards * spread.process),
        )

    def _slower(self, workload: Workload, settings: Settings) -> int:
        """What recurrent layers take more where their kernels are not installed."""
        if settings.kernels is not None or not self.cache.state:
            return 0
        with_kernels = self._passes(settings, True).peak("prefill", workload.batch, workload.prompt)
        without = self._passes(settings, False).peak("prefill", workload.batch, workload.prompt)
        return max(0, without.size - with_kernels.size)

    def _notes(self, workload: Workload, settings: Settings) -> tuple[str, ...]:
        return tuple(ranges.notes(self.model, self.scheme, self.cache.state > 0, settings))
