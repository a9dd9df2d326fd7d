"""Memory held against cards: does it fit, how long a context, how many sequences and cards?

Everything is found by asking the one function that answers forward (`Loaded.shares`): what the
solvers say, `check` will say too.
"""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from fitcheck.engines.base import (
    Component,
    LooksAtCards,
    Memory,
    Offloads,
)
from fitcheck.fit.placing import Placement, Placements, capable, otherwise, per_card, placements
from fitcheck.fit.records import Fit, Question, Solve, Verdict
from fitcheck.fit.solving import cards_needed, longest_context, most_sequences
from fitcheck.units import Bytes, gib

# Below this a context is of no use, so it is not offered in the asked one's place (contract).
SHORTEST_CONTEXT: Final = 1024


def fit(q: Question, *, solve: Solve = "all") -> tuple[Fit, Memory]:
    """Verdict and memory for the fewest of the machine's cards that hold it.

    `solve` says what else is searched for: nothing, what a table shows (the longest context), that
    and the largest batch, or all of it, down to how many cards would be needed, and to what more
    they would hold if the engine were told where layers go.
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
    placed, why = placements(q)
    if placed is None:
        return _refused(q, "engine", (why,))
    if other := otherwise(q, placed):
        q, placed, how = other
        whys = (*whys, how)
    found, memory = _decided(q, placed, solve)
    return msgspec.structs.replace(found, reasons=(*found.reasons, *whys)), memory


def _decided(q: Question, placed: "Placements", solve: Solve) -> tuple[Fit, Memory]:
    found, placed_on = _judged(q, placed, solve), placed.least
    if found.verdict == "no" and (
        solve == "all" or (q.offload and not _too_much(q, placed_on.memory))
    ):
        return _beside_ram(q, found, placed_on.memory)
    return _within_ram(q, found, placed_on.memory), placed_on.memory


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
    shares = per_card(cards, sizes, offload.shares)
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


def _judged(q: Question, placed: Placements, solve: Solve) -> Fit:
    p, cards = placed.least, placed.least.cards
    usable, more = Bytes(sum(p.usable)), solve in ("batch", "all")
    verdict: Verdict = "fits" if p.fits else "tight" if p.tight else "no"
    searched = more or (solve == "table" and p.fits)
    sure = longest_context(q, placed, sure=True) if searched else None
    longest = sure
    if not q.strict and (more or (solve == "table" and not p.fits)):
        longest = longest_context(q, placed, sure=False, told=solve == "all")
    if verdict == "no" and not q.context_asked and (longest or 0) >= SHORTEST_CONTEXT:
        verdict = "short"
    found = Fit(
        verdict=verdict,
        usable=usable,
        headroom=usable - p.memory.total.expected,
        cards=len(cards),
        per_card=per_card(cards, p.usable, p.shares),
        max_context=longest,
        max_context_sure=sure,
        max_batch=most_sequences(q, placed, told=solve == "all") if more and p.tight else None,
        cards_needed=cards_needed(q) if solve == "all" and not p.tight else None,
        limited_by=None if p.fits else _largest_obstacle(p),
    )
    return msgspec.structs.replace(found, reasons=tuple(_reasons(q, p, found)))


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
        yield _needed(q, found.cards_needed)


def _needed(q: Question, count: int) -> str:
    """`3 such cards hold it`; of different cards, which of them is meant."""
    alike = len({card.name for card in q.machine.cards}) == 1
    return f"{count} {'such cards' if alike else f'x {q.machine.cards[0].name}'} hold it"
