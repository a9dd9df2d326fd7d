"""llama.cpp's working memory beside weights and caches: compute buffers, scratch, logits.

The compute buffer is laid out as llama.cpp lays it out (see graph/): every tensor that is alive at
the fullest moment has its place in it, and the gaps between them count too.

Source: llama.cpp 0c1e57098, src/llama-context.cpp (sched_reserve, output_reserve).
"""

from collections.abc import Hashable, Iterator, Mapping
from typing import Final

import msgspec

from fitcheck.engines.base import Component, Term
from fitcheck.engines.llama_cpp import pool
from fitcheck.engines.llama_cpp.graph.allocator import Lifetimes, peak
from fitcheck.engines.llama_cpp.graph.plan import Subject, plan, uses_flash
from fitcheck.engines.llama_cpp.graph.tensors import HOST
from fitcheck.engines.llama_cpp.graph.traits import ROUGH
from fitcheck.engines.llama_cpp.placement import CARD_ALIGNMENT, HOST_ALIGNMENT, Split
from fitcheck.engines.llama_cpp.settings import Settings
from fitcheck.units import Bytes

_LAID_OUT: Final = "llama.cpp 0c1e57098, ggml/src/ggml-alloc.c over the graph of src/models"
_READ_BACK: Final = "llama.cpp 0c1e57098, src/llama-context.cpp, output_reserve"


class Tenant(msgspec.Struct, frozen=True):
    """A tensor in a buffer: what it is, bytes per number, and bytes in all."""

    label: str
    item: int
    size: int


class Layout(msgspec.Struct, frozen=True):
    """A compute buffer at its fullest: its size, and the tensors that are alive then."""

    size: Bytes
    alive: tuple[Tenant, ...]


class Planned(msgspec.Struct, frozen=True):
    """What does not change with the context: each device's lifetimes, each card's products."""

    lifetimes: Mapping[int, Lifetimes]
    products: tuple[pool.Products, ...]
    flash: bool


class Buffers:
    """The compute buffers of one model: drawn once, laid out for every context that is asked."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._plans: dict[Hashable, Planned] = {}

    @property
    def rough(self) -> bool:
        """Whether a part of the graph is only sketched, so that buffers may be half or double."""
        return self.subject.file.arch in ROUGH

    def layout(self, settings: Settings, split: Split, cards: int, device: int) -> Layout:
        """The buffer of one device, laid out."""
        found = self._plan(settings, split, cards).lifetimes[device]
        sizes = found.sizes(settings.cells, settings.window_cells(self.subject.window))
        top, moment = peak(found.events, _aligned(sizes, device))
        alive: dict[int, str] = {}
        for event in found.events[:moment]:
            if event < 0:
                del alive[~event]
            else:
                alive[event] = found.slots[event].label
        alive |= {slot: label for at, slot, label in found.renamed if at < moment and slot in alive}
        return Layout(
            Bytes(top),
            tuple(Tenant(label, found.slots[i].item, sizes[i]) for i, label in alive.items()),
        )

    def size(self, settings: Settings, split: Split, cards: int, device: int) -> Bytes:
        """Bytes of one device's buffer, without saying what is in it."""
        found = self._plan(settings, split, cards).lifetimes[device]
        sizes = found.sizes(settings.cells, settings.window_cells(self.subject.window))
        return Bytes(peak(found.events, _aligned(sizes, device))[0])

    def terms(self, settings: Settings, split: Split, cards: int, device: int) -> tuple[Term, ...]:
        """What the buffers take on a card, or with HOST in the computer's memory."""
        compute = self._compute(settings, split, cards, device)
        if device == HOST:
            return compute, self._logits(settings)
        planned = self._plan(settings, split, cards)
        products, flash = planned.products[device], planned.flash
        return compute, *pool.terms(self.subject, settings, split, device, products, flash=flash)

    def _plan(self, settings: Settings, split: Split, cards: int) -> Planned:
        key = (_shape(settings), split, cards)
        if key not in self._plans:
            self._plans[key] = self._planned(settings, split, cards)
        return self._plans[key]

    def _planned(self, settings: Settings, split: Split, cards: int) -> Planned:
        tokens = settings.reserved_tokens
        flash = uses_flash(self.subject, settings, split, cards)
        return Planned(
            plan(self.subject, settings, split, cards, flash=flash),
            tuple(pool.products(self.subject, tokens, split, card) for card in range(cards)),
            flash,
        )

    def _compute(self, settings: Settings, split: Split, cards: int, device: int) -> Term:
        layout = self.layout(settings, split, cards, device)
        formula, values = _explained(layout, settings.reserved_tokens)
        component: Component = "host" if device == HOST else "activations"
        return Term(
            component=component,
            name="inputs and embeddings" if device == HOST and cards else "compute buffer",
            size=layout.size,
            formula=formula,
            values=values,
            source=_LAID_OUT,
        )

    def _logits(self, settings: Settings) -> Term:
        embeddings = next(t for t in self.subject.file.outside if t.role == "token_embd")
        values = {"vocab_size": embeddings.rows, "slots": settings.parallel, "itemsize": 4}
        return Term(
            component="host",
            name="logits",
            size=Bytes(embeddings.rows * settings.parallel * 4),
            formula="vocab_size * slots * itemsize",
            values=values,
            source=_READ_BACK,
        )


def _shape(settings: Settings) -> Hashable:
    """The settings that change the graph; the context only changes sizes in it."""
    return (
        settings.reserved_tokens,
        settings.reserved_outputs,
        settings.parallel,
        settings.kv_unified,
        settings.cache_type_k,
        settings.cache_type_v,
        settings.flash_attention,
        settings.kv_offload,
    )


def _aligned(sizes: list[int], device: int) -> list[int]:
    alignment = HOST_ALIGNMENT if device == HOST else CARD_ALIGNMENT
    return [size + alignment - 1 & -alignment for size in sizes]


def _explained(layout: Layout, tokens: int) -> tuple[str, dict[str, int]]:
    """The buffer as a sum: so many numbers of a kind for each token, and the gaps."""
    widths: dict[int, dict[str, int]] = {}
    values = {"tokens": tokens}
    for one in layout.alive:
        width, rest = divmod(one.size, one.item * tokens) if one.item else (0, 1)
        if width and not rest:
            named = widths.setdefault(one.item, {})
            named[one.label] = named.get(one.label, 0) + width
    parts = []
    for item, named in sorted(widths.items(), reverse=True):
        names = dict(_named(named, values))
        values |= names
        parts.append(f"tokens * {item} * ({' + '.join(names)})")
    counted = sum(i * tokens * w for i, named in widths.items() for w in named.values())
    values["gaps"] = layout.size - counted
    return " + ".join([*parts, "gaps"]), values


def _named(named: Mapping[str, int], taken: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Widths by names that can stand in a formula, the widest first."""
    for label, width in sorted(named.items(), key=lambda pair: -pair[1]):
        name = "".join(c if c.isalnum() else "_" for c in label)
        yield (f"{name}_" if name in taken else name), width
