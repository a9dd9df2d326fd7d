"""Memory held against cards: does it fit, how long a context, how many sequences and cards?

Everything is found by asking the one function that answers forward (`Loaded.shares`): what the
solvers say, `check` will say too.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

import msgspec

from fitcheck.engines.base import (
    ChoosesCards,
    Component,
    Engine,
    Loaded,
    LooksAtCards,
    Memory,
    Offload,
    Offloads,
    Range,
    Workload,
    fewest_first,
    together,
)
from fitcheck.engines.capabilities import refusals, unknown
from fitcheck.errors import BadInput
from fitcheck.machine import Card, Machine
from fitcheck.quantization import Scheme
from fitcheck.search import largest
from fitcheck.units import Bytes, ceil_div, gib

Verdict = Literal["fits", "tight", "short", "offload", "no"]

# What is searched for beside the verdict: a dozen evaluations each, cards a dozen larger ones.
Solve = Literal["verdict", "table", "batch", "all"]

# Below this a context is of no use, so it is not offered in the asked one's place (contract).
SHORTEST_CONTEXT: Final = 1024
MOST_SEQUENCES: Final = 1 << 16
MOST_CARDS: Final = 256


class OnCard(msgspec.Struct, frozen=True):
    """One of several cards: what it is called, what it offers and what is on it."""

    card: str
    usable: Bytes
    memory: Memory

    @property
    def headroom(self) -> int:
        """Usable less expected, negative for what is missing."""
        return self.usable - self.memory.total.expected


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one estimate on one machine.

    `usable` and `headroom` are over the `cards` that are used; headroom is usable less expected,
    negative for what is missing. `per_card` is each card's part where there are several, and
    `limiting_card` the index of the one with the least left. `max_context` and
    `max_batch` are the largest that `check` still calls a yes, with `max_context_sure` the longest
    at which even the upper end of the range is within what is usable. `cards_needed` is how many
    such cards hold it, where these do not. These four are with nothing in system RAM; `offload` is
    how it runs with a part there, or would if there is that much (where that is not known, the
    verdict stays no). None: not asked or not to be had.
    """

    verdict: Verdict
    usable: Bytes
    headroom: int
    cards: int
    per_card: tuple[OnCard, ...] = ()
    max_context: int | None = None
    max_context_sure: int | None = None
    max_batch: int | None = None
    cards_needed: int | None = None
    offload: Offload | None = None
    limited_by: Component | Literal["scheme", "engine"] | None = None
    reasons: tuple[str, ...] = ()

    @property
    def split(self) -> tuple[Bytes, ...] | None:
        """The expected memory of each card where there are several."""
        return tuple(one.memory.total.expected for one in self.per_card) or None

    @property
    def limiting_card(self) -> int | None:
        """The card with the least left, the first of them; None where there is one card."""
        left = [one.headroom for one in self.per_card]
        return left.index(min(left)) if left else None

    @property
    def longest(self) -> int | None:
        """The longest context, as sure as the verdict is."""
        return self.max_context_sure if self.verdict == "fits" else self.max_context

    def says_yes(self, *, strict: bool = False, allow_offload: bool = False) -> bool:
        """Whether a script may go on: the exit code's rule."""
        if self.verdict == "offload":
            return allow_offload
        return self.verdict == "fits" if strict else self.verdict in ("fits", "tight", "short")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is held against what. `context_asked` says that a person named the context.

    With `offload` a part in system RAM is considered wherever the model does not fit; else only
    where all is solved. `measured` is what the workload was measured to take on one such card.
    """

    engine: Engine
    loaded: Loaded
    workload: Workload
    machine: Machine
    context_asked: bool = True
    strict: bool = False
    offload: bool = False
    measured: Range | None = None


def fit(q: Question, *, solve: Solve = "all") -> tuple[Fit, Memory]:
    """Verdict and memory for the fewest of the machine's cards that hold it.

    `solve` says what else is searched for: nothing, what a table shows (the longest context), that
    and the largest batch, or all of it, down to how many cards would be needed.
    """
    able, whys = capable(q)
    if not able:
        return _refused(q, "scheme", whys)
    if len(able) < len(q.machine.cards):
        q = msgspec.structs.replace(q, machine=msgspec.structs.replace(q.machine, cards=able))
    if isinstance(q.engine, LooksAtCards):
        starts = q.engine.refuses(q.machine.cards[0], q.workload)
        if starts:
            return _refused(q, "engine", starts)
    placed, why = _placed(q)
    if placed is None:
        return _refused(q, "engine", (why,))
    found, memory = _decided(q, placed, solve)
    return msgspec.structs.replace(found, reasons=(*found.reasons, *whys)), memory


def _decided(q: Question, placed: "Placements", solve: Solve) -> tuple[Fit, Memory]:
    found, placed_on = _judged(q, placed, solve), placed.least
    if found.verdict == "no" and (
        solve == "all" or (q.offload and not _too_much(q, placed_on.memory))
    ):
        return _beside_ram(q, found, placed_on.memory)
    return _within_ram(q, found, placed_on.memory), placed_on.memory


def capable(q: Question) -> tuple[tuple[Card, ...], tuple[str, ...]]:
    """The cards that can run the scheme, and why others cannot or what is not known of them."""
    scheme, engine, cards = q.loaded.scheme, q.engine, q.machine.cards
    refused = {card: unsupported(scheme, card, engine) for card in dict.fromkeys(cards)}
    whys = [why for found in refused.values() for why in found]
    whys += [why for card in refused if (why := unknown(engine.rules, scheme, card))]
    return tuple(card for card in cards if not refused[card]), tuple(dict.fromkeys(whys))


def _refused(
    q: Question, why: Literal["scheme", "engine"], reasons: tuple[str, ...]
) -> tuple[Fit, Memory]:
    """A no that more memory would not help."""
    memory = q.loaded.memory(q.workload)
    usable = Bytes(sum(q.engine.usable(c, q.workload) for c in q.machine.cards))
    refused = Fit(
        verdict="no",
        usable=usable,
        headroom=usable - memory.total.expected,
        cards=len(q.machine.cards),
        limited_by=why,
        reasons=reasons,
    )
    return refused, memory


def _beside_ram(q: Question, found: Fit, memory: Memory) -> tuple[Fit, Memory]:
    """The verdict with a part in system RAM, where the engine can do that and there is enough."""
    cards, ram = q.machine.cards, q.machine.ram_available
    if not isinstance(q.loaded, Offloads) or any(c.unified for c in cards):
        return found, memory
    sizes = [q.engine.usable(card, q.workload) for card in cards]
    offload = q.loaded.offloaded(q.workload, sizes)
    if offload is None:
        return found, memory
    host = f"{gib(offload.host)} GiB"
    if ram is None or offload.host > ram:
        there = "--ram" if ram is None else f"{gib(ram)} available"
        reasons = (*found.reasons, f"with {host} of RAM ({there}): {offload.words}")
        lacks = found if ram is not None else msgspec.structs.replace(found, offload=offload)
        return msgspec.structs.replace(lacks, reasons=reasons), memory
    said = [f"{offload.how}: {offload.words}, {host} in RAM", *filter(None, [offload.pace])]
    usable = Bytes(sum(sizes))
    shares = _per_card(cards, sizes, offload.shares)
    beside = msgspec.structs.replace(
        found,
        verdict="offload",
        usable=usable,
        headroom=usable - offload.memory.total.expected,
        cards=len(cards),
        per_card=shares,
        offload=offload,
        reasons=(*found.reasons, "; ".join(said)),
    )
    return beside, offload.memory


def _too_much(q: Question, memory: Memory) -> bool:
    """Whether cards and RAM together are less than the weights: then nothing need be searched."""
    weights = memory.component("weights") + memory.component("host")
    room = sum(q.engine.usable(c, q.workload) for c in q.machine.cards)
    return q.machine.ram_available is not None and weights > room + q.machine.ram_available


def _within_ram(q: Question, found: Fit, memory: Memory) -> Fit:
    """A no where what is asked to be in system RAM is more than there is."""
    host, ram = memory.component("host"), q.machine.ram_available
    if ram is None or host <= ram or any(c.unified for c in q.machine.cards):
        return found
    reason = f"{gib(host)} GiB in RAM expected, {gib(ram)} GiB available"
    return msgspec.structs.replace(found, verdict="no", limited_by="host", reasons=(reason,))


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """A model on these cards: what each takes and what each offers."""

    cards: tuple[Card, ...]
    shares: tuple[Memory, ...]
    usable: tuple[Bytes, ...]
    memory: Memory

    @property
    def fits(self) -> bool:
        """Even the upper end of every card's range is within what the card offers."""
        return all(s.total.high <= u for s, u in zip(self.shares, self.usable, strict=True))

    @property
    def tight(self) -> bool:
        """Every card's expected memory is within what the card offers."""
        return all(s.total.expected <= u for s, u in zip(self.shares, self.usable, strict=True))


def place(q: Question, cards: Sequence[Card], workload: Workload) -> Placement:
    """The model on these cards. Raises BadInput where the engine cannot divide it so."""
    usable = tuple(q.engine.usable(card, workload) for card in cards)
    if whys := unsupported(q.loaded.scheme, cards[0], q.engine, len(cards)):
        raise BadInput(whys[0])
    shares = q.loaded.shares(workload, usable)
    if _is_measured(q, cards, workload):
        shares = (msgspec.structs.replace(shares[0], total=q.measured),)
    if len(cards) == 1:
        memory = shares[0]
    elif len(set(usable)) == 1:
        memory = q.loaded.memory(workload, len(cards))
        said = tuple(dict.fromkeys((*memory.notes, *shares[0].notes)))
        memory = msgspec.structs.replace(memory, notes=said)
    else:
        memory = together(shares)
    return Placement(cards=tuple(cards), shares=shares, usable=usable, memory=memory)


def _is_measured(q: Question, cards: Sequence[Card], workload: Workload) -> bool:
    return q.measured is not None and len(cards) == 1 and workload == q.workload


class Placements(msgspec.Struct, frozen=True):
    """The model on as few cards as need be, and on the most that it can be divided over."""

    least: Placement
    most: Placement


def _placed(q: Question) -> tuple[Placements | None, str]:
    """On the fewest cards that surely hold it, else on those that may, else on all.

    Why not, where it can be divided over no number of them: what was said of the most.
    """
    tried, why = [], ""
    try:
        for cards in _choices(q):
            try:
                tried.append(place(q, cards, q.workload))
            except BadInput as error:
                why = str(error)
    except BadInput as error:
        return None, str(error)
    best = [p for p in tried if p.fits] or [p for p in tried if p.tight] or tried[-1:]
    return (Placements(best[0], tried[-1]) if best else None), why


def _choices(q: Question) -> Iterable[tuple[Card, ...]]:
    """The engine's, else one card, two, three: the largest of them, in the machine's order."""
    if isinstance(q.engine, ChoosesCards):
        return q.engine.choices(q.machine, q.workload)
    return fewest_first(q.machine.cards)


def _judged(q: Question, placed: Placements, solve: Solve) -> Fit:
    p, cards = placed.least, placed.least.cards
    usable, more = Bytes(sum(p.usable)), solve in ("batch", "all")
    verdict: Verdict = "fits" if p.fits else "tight" if p.tight else "no"
    searched = more or (solve == "table" and p.fits)
    sure = longest_context(q, placed, sure=True) if searched else None
    longest = sure
    if not q.strict and (more or (solve == "table" and not p.fits)):
        longest = longest_context(q, placed, sure=False)
    if verdict == "no" and not q.context_asked and (longest or 0) >= SHORTEST_CONTEXT:
        verdict = "short"
    found = Fit(
        verdict=verdict,
        usable=usable,
        headroom=usable - p.memory.total.expected,
        cards=len(cards),
        per_card=_per_card(cards, p.usable, p.shares),
        max_context=longest,
        max_context_sure=sure,
        max_batch=most_sequences(q, placed.most.cards) if more and p.tight else None,
        cards_needed=cards_needed(q) if solve == "all" and not p.tight else None,
        limited_by=None if p.fits else _largest_obstacle(p),
    )
    return msgspec.structs.replace(found, reasons=tuple(_reasons(q, p, found)))


def _per_card(
    cards: Sequence[Card], usable: Sequence[Bytes], shares: Sequence[Memory]
) -> tuple[OnCard, ...]:
    """Each card's part, where there are several."""
    if len(cards) == 1:
        return ()
    found = zip(cards, usable, shares, strict=True)
    return tuple(OnCard(card.name, u, share) for card, u, share in found)


def _largest_obstacle(p: Placement) -> Component:
    """The first component, in the order they are taken, that no longer has room."""
    share, usable = max(
        zip(p.shares, p.usable, strict=True), key=lambda pair: pair[0].total.expected - pair[1]
    )
    taken = 0
    order: tuple[Component, ...] = ("overhead", "weights", "kv_cache", "recurrent_state")
    for name in order:
        taken += share.component(name)
        if taken > usable:
            return name
    return "activations"


def _reasons(q: Question, p: Placement, found: Fit) -> Iterator[str]:
    need, high = p.memory.total.expected, p.memory.total.high
    if found.verdict == "tight":
        yield (
            f"expected {gib(need)} GiB is within {gib(found.usable)} GiB, "
            f"but up to {gib(high)} GiB may be needed"
        )
    if found.verdict in ("no", "short"):
        yield f"{gib(need)} GiB expected, {gib(found.usable)} GiB usable"
    if not p.fits and found.limiting_card is not None:
        least = found.per_card[found.limiting_card]
        yield (
            f"card {found.limiting_card + 1} of {found.cards}, {least.card}, is the limit:"
            f" {gib(least.memory.total.expected)} GiB expected, {gib(least.usable)} GiB usable"
        )
    if found.verdict == "short":
        yield f"a context of {found.max_context} tokens is the longest that goes in"
    if found.cards_needed is not None:
        yield f"{found.cards_needed} such cards hold it"


def longest_context(q: Question, placed: Placements, *, sure: bool) -> int | None:
    """The longest context, up to the model's own limit, that the cards hold; None if none.

    On the fewest of them or on the most: more cards hold more of a cache, but each has a process.
    """
    asked = q.workload.context
    limit = max(q.loaded.model.context_length or asked, asked)
    found = _longest_on(q, placed.least, limit, sure)
    if found == limit or len(placed.most.cards) == len(placed.least.cards):
        return found
    return max(filter(None, (found, _longest_on(q, placed.most, limit, sure))), default=None)


def _longest_on(q: Question, p: Placement, limit: int, sure: bool) -> int | None:
    """`p` is what the asked context takes. A prompt that was the whole context stays so."""
    asked, cards = q.workload.context, p.cards
    whole = q.workload.prompt >= asked

    def missing(context: int) -> int:
        prompt = context if whole else min(q.workload.prompt, context)
        workload = msgspec.structs.replace(q.workload, context=context, prompt=prompt)
        return _missing(q, cards, workload, sure)

    lacks = _lacks([s.total for s in p.shares], p.usable, sure)
    if lacks <= 0:
        return largest(missing, limit, asked, lacks)
    if all(s.component("weights") > u for s, u in zip(p.shares, p.usable, strict=True)):
        return None
    return largest(missing, asked)


def most_sequences(q: Question, cards: Sequence[Card]) -> int | None:
    """The most sequences of the asked context at once that these cards hold; None if not one."""

    def missing(batch: int) -> int:
        workload = msgspec.structs.replace(q.workload, batch=batch)
        return _missing(q, cards, workload, q.strict)

    return largest(missing, MOST_SEQUENCES)


def _missing(q: Question, cards: Sequence[Card], workload: Workload, sure: bool) -> int:
    usable = [q.engine.usable(card, workload) for card in cards]
    try:
        if q.measured is not None and _is_measured(q, cards, workload):
            return _lacks((q.measured,), usable, sure)
        return _lacks(q.loaded.totals(workload, usable), usable, sure)
    except BadInput:
        return 1


def _lacks(totals: Sequence[Range], usable: Sequence[Bytes], sure: bool) -> int:
    """Bytes that the fullest card lacks; negative for what it has left."""
    pairs = zip(totals, usable, strict=True)
    return max((t.high if sure else t.expected) - u for t, u in pairs)


def cards_needed(q: Question) -> int | None:
    """How many cards like the machine's first surely hold it; None if no number up to 256 does.

    Engines do not divide by every number, so the few beyond the first that may are tried in turn.
    """
    card = q.machine.cards[0]
    usable = q.engine.usable(card, q.workload)
    if usable <= 0:
        return None

    def lacks(count: int) -> bool:
        return _missing(q, (card,) * count, q.workload, sure=True) > 0

    least = max(1, ceil_div(q.loaded.memory(q.workload).component("weights"), usable))
    most = least
    while most <= MOST_CARDS and lacks(most):
        most += max(1, most // 4)
    for count in range(max(least, most * 4 // 5), min(most, MOST_CARDS) + 1):
        if not lacks(count):
            return count
    return None


def unsupported(scheme: Scheme, card: Card, engine: Engine, cards: int = 1) -> tuple[str, ...]:
    """Why the card cannot run the scheme there at all; empty if it can or if that is not known."""
    return refusals(engine.rules, engine.name, scheme, card, cards)
