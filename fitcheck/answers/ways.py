"""The least that runs a model: one card, several, one with RAM beside it, or a rented machine."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from fitcheck.answers import recent
from fitcheck.answers.asked import Ask, Job, jobs, question
from fitcheck.answers.estimate import Estimate, notes
from fitcheck.engines.base import Loaded, SpansNodes
from fitcheck.errors import BadInput
from fitcheck.fit import Fit, Solve, fit
from fitcheck.machine import Machine
from fitcheck.resolve import Subject
from fitcheck.units import Bytes, ceil_div

Kind = Literal["card", "cards", "offload", "cloud"]
KINDS: Final[tuple[Kind, ...]] = ("card", "cards", "offload", "cloud")

# So many cards are in one machine at most; beyond, in machines of as many.
NODE: Final = 8
# Of each kind so many are told.
MOST: Final = 3
# What lacks no more than this share of what there is almost fits.
ALMOST: Final = 0.2


class Rental(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that can be rented: its name, US dollars an hour (None: not known), where from."""

    name: str
    machine: Machine
    price: float | None
    source: str


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """What could be bought (`cards`) and rented, at `budget` US dollars an hour at most."""

    cards: tuple[Machine, ...] = ()
    rentals: tuple[Rental, ...] = ()
    budget: float | None = None

    @property
    def affordable(self) -> tuple[Rental, ...]:
        """What is within the budget; all where there is none."""
        if self.budget is None:
            return self.rentals
        return tuple(r for r in self.rentals if r.price is not None and r.price <= self.budget)

    @property
    def unpriced(self) -> int:
        """How many are left out because nobody says what they cost."""
        return 0 if self.budget is None else sum(r.price is None for r in self.rentals)


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One way to run the model in one scheme. `price` is US dollars an hour, of what is rented."""

    kind: Kind
    machine: Machine
    estimate: Estimate
    price: float | None = None

    @property
    def fit(self) -> Fit:
        """How it runs there."""
        assert self.estimate.fit is not None
        return self.estimate.fit

    @property
    def headroom(self) -> int:
        """Bytes that are left on the cards."""
        if self.kind == "offload" and self.fit.offload is not None:
            return self.fit.usable - self.fit.offload.memory.total.expected
        return self.fit.headroom

    @property
    def host(self) -> Bytes:
        """Bytes in the computer's memory."""
        offload = self.fit.offload
        return offload.host if offload else self.estimate.memory.component("host")


class Step(msgspec.Struct, frozen=True):
    """What almost fits, by how much it does not, and the next larger thing that holds it."""

    machine: Machine
    estimate: Estimate
    lacks: Bytes
    up: Way | None


class Asked(msgspec.Struct, frozen=True):
    """A model in one scheme, loaded: to be held against many machines."""

    subject: Subject
    job: Job
    loaded: Loaded
    ask: Ask

    def held(self, machine: Machine, solve: Solve) -> Estimate:
        """The model on that machine. Raises BadInput where the engine cannot be asked that."""
        asked = question(self.subject, self.job, self.loaded, machine, self.ask)
        found, memory = fit(asked, solve=solve)
        return Estimate(
            subject=self.subject,
            engine=self.job.engine.name,
            scheme=self.job.scheme,
            column=self.job.column,
            workload=asked.workload,
            memory=memory,
            file_bytes=self.loaded.file_bytes,
            notes=(*notes(self.subject, asked.workload), *memory.notes),
            fit=found,
        )


def asked(subject: Subject, ask: Ask) -> tuple[Asked, ...]:
    """What is asked about, scheme by scheme; empty where nothing is known of the model."""
    if subject.model is None:
        return ()
    return tuple(
        Asked(subject, job, recent.loaded(subject, job), ask) for job in jobs(subject, ask)
    )


class Held(msgspec.Struct, frozen=True):
    """A machine, and what the model does on it in that scheme."""

    machine: Machine
    estimate: Estimate


def ways(one: Asked, held: Iterable[Held], rentals: Iterable[Rental] = ()) -> tuple[Way, ...]:
    """The least of each kind that runs it, in the order of KINDS, the smallest or cheapest first.

    `held` are machines that may be bought, with all that `fit` can solve for them.
    """
    bought = sorted((way for found in held for way in _bought(one, found)), key=_rank)
    found: list[Way] = []
    for kind in KINDS[:-1]:
        found += _apart([way for way in bought if way.kind == kind])[:MOST]
    return tuple(_solved(one, way) for way in (*found, *_rented(one, rentals)))


def _solved(one: Asked, way: Way) -> Way:
    """With all that is searched for: of what is not shown a table's part was enough."""
    f = way.estimate.fit
    if way.kind == "offload" or f is None or f.max_batch is not None:
        return way
    return msgspec.structs.replace(way, estimate=one.held(way.machine, "batch"))


def _try(one: Asked, machine: Machine) -> Held | None:
    try:
        return Held(machine, one.held(machine, "table"))
    except BadInput:
        return None


def _yes(one: Asked, found: Held) -> bool:
    """Whether it runs at the whole context, with nothing in RAM."""
    f = found.estimate.fit
    return f is not None and f.verdict != "short" and f.says_yes(strict=one.ask.strict)


def _bought(one: Asked, found: Held) -> Iterator[Way]:
    f = found.estimate.fit
    if f is None:
        return
    if _yes(one, found):
        kind: Kind = "card" if f.cards == 1 else "cards"
        yield Way(kind=kind, machine=_used(found.machine, f), estimate=found.estimate)
        return
    if f.offload is not None:
        yield Way(kind="offload", machine=found.machine, estimate=found.estimate)
    several = _several(one, found.machine, f.cards_needed)
    if several is not None and _yes(one, several):
        yield Way(kind="cards", machine=several.machine, estimate=several.estimate)


def _used(machine: Machine, f: Fit) -> Machine:
    """As many of its cards as are needed, where they are alike and in one machine."""
    alike = len(set(machine.cards)) == 1 and machine.nodes == 1
    return _of(machine, f.cards) if alike and f.cards < len(machine.cards) else machine


def _of(machine: Machine, count: int) -> Machine:
    card = machine.cards[0]
    name = f"{count}x {card.name}" if count > 1 else card.name
    return msgspec.structs.replace(machine, name=name, cards=(card,) * count)


def _several(one: Asked, machine: Machine, count: int | None) -> Held | None:
    """So many of the machine's first card, in machines of eight where the engine spans several."""
    if count is None or count <= 1 or machine.cards[0].unified:
        return None
    if count <= NODE or not isinstance(one.job.engine, SpansNodes):
        return _try(one, _of(machine, count))
    return _try(one, _of(machine, NODE).on_nodes(ceil_div(count, NODE)))


def _memory(machine: Machine) -> int:
    return sum(card.available for card in machine.cards)


def _rank(way: Way) -> tuple[int, int, int]:
    """Fewest cards, then least RAM, then the smallest of them."""
    ram = way.host if way.kind == "offload" else 0
    return len(way.machine.cards), ram, _memory(way.machine)


def _apart(found: Iterable[Way]) -> list[Way]:
    """The first of each size: two kinds of card with as many GB are one answer."""
    kept: dict[tuple[int, float], Way] = {}
    for way in found:
        size = way.machine.cards[0].nominal_gb or way.machine.cards[0].available
        kept.setdefault((len(way.machine.cards), size), way)
    return list(kept.values())


def _rented(one: Asked, rentals: Iterable[Rental]) -> list[Way]:
    """The cheapest, then those of which no price is known, the smallest first."""
    found: list[Way] = []
    for rental in sorted(rentals, key=_cost):
        machine = rental.machine
        if _memory(machine) < one.loaded.file_bytes // 2:
            continue
        if any(way.machine.cards == machine.cards for way in found):
            continue
        held = _try(one, machine)
        if held is not None and _yes(one, held):
            way = Way(kind="cloud", machine=machine, estimate=held.estimate, price=rental.price)
            found.append(way)
            if len(found) == MOST:
                break
    return found


def _cost(rental: Rental) -> tuple[float, int]:
    price = float("inf") if rental.price is None else rental.price
    return price, _memory(rental.machine)


def next_step(found: Held, ranked: Iterable[Way]) -> Step | None:
    """What would hold what this machine almost holds; None where it does, or lacks too much."""
    f, scheme = found.estimate.fit, found.estimate.scheme
    if f is None or f.verdict not in ("no", "short") or f.limited_by in ("scheme", "engine"):
        return None
    lacks = max((-one.headroom for one in f.per_card), default=-f.headroom)
    if not 0 < lacks <= ALMOST * f.usable / f.cards:
        return None
    larger = [
        way
        for way in ranked
        if way.kind in ("card", "cards")
        and way.estimate.scheme == scheme
        and _memory(way.machine) > _memory(found.machine)
    ]
    up = min(larger, key=lambda way: _memory(way.machine), default=None)
    return Step(found.machine, found.estimate, Bytes(lacks), up)
