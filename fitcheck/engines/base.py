"""What every engine answers: terms of memory, for a model, a scheme and a workload.

An engine loads a model under a scheme (`load`), which fixes all that does not depend on the
workload, and what is loaded says what memory a workload takes (`memory`), on one card or divided
over several. Both are pure arithmetic; an engine never sees a driver.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, Protocol, runtime_checkable

import msgspec

from fitcheck.architecture import Model
from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.engines.capabilities import Rule
from fitcheck.engines.option import Option
from fitcheck.machine import Card, Machine
from fitcheck.quantization import Precision, Scheme
from fitcheck.units import Bytes, gib

Component = Literal["weights", "kv_cache", "recurrent_state", "activations", "overhead", "host"]
COMPONENTS: tuple[Component, ...] = (
    "weights", "kv_cache", "recurrent_state", "activations", "overhead", "host",
)  # fmt: skip


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a model at once.

    `context` is tokens of one sequence, prompt and answer together; `prompt` how many of them
    arrive at once; `batch` sequences. The rest are an engine's own settings, None for its default:
    `kv_cache` (type of the cache), `attention` (`auto`, `flash`, `sdpa`, `eager`), `ubatch` and
    `parallel` (llama.cpp), `gpu_memory_utilization` (vLLM).
    """

    context: int
    prompt: int
    batch: int = 1
    kv_cache: str | None = None
    attention: str | None = None
    ubatch: int | None = None
    parallel: int | None = None
    gpu_memory_utilization: float | None = None
    settings: Mapping[str, str] = msgspec.field(default_factory=dict)


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One summand: bytes, the formula that gave them, the numbers put in, and the source of both.

    Evaluating `formula` with `values` (and ceil_div, min, max) gives `size`. Terms of the component
    `host` are in the computer's memory, all others on the card.
    """

    component: Component
    name: str
    size: Bytes
    formula: str
    values: Mapping[str, int | float]
    source: str


class Range(msgspec.Struct, frozen=True):
    """Where a measured figure is expected to fall in 19 cases of 20, and the plain sum."""

    low: Bytes
    expected: Bytes
    high: Bytes


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a workload takes, over all cards or on one of them."""

    terms: tuple[Term, ...]
    total: Range
    notes: tuple[str, ...] = ()

    def component(self, name: Component) -> Bytes:
        """The bytes of one component."""
        return Bytes(sum(t.size for t in self.terms if t.component == name))


# Bytes a second. Two channels of 64 bits at 3200 million transfers (JEDEC, JESD79-4); 16 lanes at
# 16 GT/s, of which 128 in 130 bits are data (PCI Express 4.0).
_THROUGH: Final = {
    False: ("two channels of DDR4-3200", 2 * 8 * 3.2e9),
    True: ("16 lanes of PCIe 4.0", 16 * 16e9 / 8 * 128 / 130),
}


def together(shares: Sequence[Memory]) -> Memory:
    """What all cards take, term by term."""
    totals = [s.total for s in shares]
    return Memory(
        terms=tuple(t for s in shares for t in s.terms),
        total=Range(
            Bytes(sum(t.low for t in totals)),
            Bytes(sum(t.expected for t in totals)),
            Bytes(sum(t.high for t in totals)),
        ),
        notes=shares[0].notes,
    )


class Offload(msgspec.Struct, frozen=True, kw_only=True):
    """A model with a part of it in the computer's memory: as much on the cards as surely goes in.

    `shares` is what each card takes, with what the host takes told with the first. `how` is what
    the engine is told, `words` what is then on the card; `settings` ask the same of a workload,
    where it has such options. `layers` are those that could be on a card, as the engine counts.
    `read` are the bytes in the computer's memory that are read for one token: by the processor, or
    by a card through its bus (`copied`).
    """

    shares: tuple[Memory, ...]
    how: str
    words: str
    layers_on_cards: int
    layers: int
    read: Bytes = Bytes(0)
    copied: bool = False
    settings: Mapping[str, int] = msgspec.field(default_factory=dict)

    @property
    def memory(self) -> Memory:
        """What all cards and the host take together."""
        return together(self.shares)

    @property
    def host(self) -> Bytes:
        """Bytes in the computer's memory."""
        return self.shares[0].component("host")

    @property
    def pace(self) -> str:
        """What a token costs beside what is on the cards, and the most tokens that leaves."""
        if not self.read:
            return ""
        what, rate = _THROUGH[self.copied]
        most = rate / self.read
        return (
            f"a token reads {gib(self.read)} GiB of it: with {what}"
            f" at most {most:.{0 if most >= 10 else 1}f} tokens a second"
        )


class Loaded(Protocol):
    """A model under a scheme in an engine, ready to be asked about workloads."""

    model: Model
    scheme: Scheme

    @property
    def file_bytes(self) -> Bytes:
        """What the tensors take on disk, without the file's header."""
        ...

    def settle(self, workload: Workload) -> Workload:
        """The workload with the engine's defaults put in. Raises BadInput on what it cannot do."""
        ...

    def memory(self, workload: Workload, cards: int = 1) -> Memory:
        """Memory over all of `cards` equal cards together."""
        ...

    def shares(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Memory, ...]:
        """Memory on each card, as the engine divides the model over cards of these sizes."""
        ...

    def totals(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Range, ...]:
        """The totals of `shares` alone: what a solver asks a dozen times for one answer."""
        ...


class Engine(Protocol):
    """A program that runs models, as far as its memory goes.

    `title` says in a few words what it is, `defaults` what it takes when nothing is said; `options`
    are what it can be told, and `instead` what of them stands nearest to those of other engines;
    `rules` are what a card must be able to do for it.
    """

    name: str
    title: str
    defaults: str
    options: tuple[Option, ...]
    instead: Mapping[str, str]

    def accepts(self, workload: Workload) -> None:
        """Nothing, where the options have values that it knows. Raises BadInput, UnknownName."""
        ...

    @property
    def rules(self) -> Sequence[Rule]:
        """Its table of what cards must have."""
        ...

    def default_scheme(self, model: Model, precision: Precision) -> Scheme | None:
        """What this engine's users run at that precision; None if it has no such thing."""
        ...

    def load(self, model: Model, scheme: Scheme, stored: Checkpoint | None = None) -> Loaded:
        """A model under a scheme; `stored` are its files, which say what they hold exactly.

        Raises BadInput where the engine does not run the scheme or the model.
        """
        ...

    def usable(self, card: Card, workload: Workload) -> Bytes:
        """What the engine may take of a card."""
        ...


@runtime_checkable
class LooksAtCards(Protocol):
    """An engine that looks at a card before it starts, and has defaults for each kind of them."""

    def on_card(self, workload: Workload, card: Card) -> Workload:
        """A settled workload with the defaults that depend on the card."""
        ...

    def scheme_on(self, model: Model, scheme: Scheme, card: Card) -> Scheme:
        """What its own default becomes on a card that cannot do it."""
        ...

    def refuses(self, card: Card, workload: Workload) -> tuple[str, ...]:
        """Why it would not start on the card as it is now; empty if it would."""
        ...


@runtime_checkable
class ChoosesCards(Protocol):
    """An engine whose options say which of a machine's cards it takes."""

    def choices(self, machine: Machine, workload: Workload) -> Sequence[tuple[Card, ...]]:
        """The sets of cards to try, the fewest first. Raises BadInput where none can be had."""
        ...


@runtime_checkable
class SpansNodes(Protocol):
    """An engine that divides a model over several machines, each of so many cards."""

    node_step: int


@runtime_checkable
class Rebalances(Protocol):
    """A loaded model whose layers can be told where to go, where its engine's own way is no yes."""

    def rebalanced(
        self, workload: Workload, usable: Sequence[Bytes]
    ) -> tuple[Workload, str] | None:
        """The workload with layers dealt out to fill the cards in turn, and what is typed for it.

        None where that was asked for, and where they do not all go in.
        """
        ...


@runtime_checkable
class Offloads(Protocol):
    """A loaded model that can run with a part of it in the computer's memory."""

    def offloaded(self, workload: Workload, usable: Sequence[Bytes]) -> Offload | None:
        """The arrangement that keeps most on cards of these sizes; None if nothing can be there."""
        ...


def fewest_first(cards: Sequence[Card]) -> Iterator[tuple[Card, ...]]:
    """One card, two, three: the largest of them, in their order."""
    by_size = sorted(range(len(cards)), key=lambda i: -cards[i].available)
    for count in range(1, len(cards) + 1):
        yield tuple(cards[i] for i in sorted(by_size[:count]))
