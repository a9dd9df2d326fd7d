"""The longest context, the most sequences and the fewest cards, by asking what answers forward."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from fitcheck.engines.base import Range, Rebalances, SpansNodes, Workload
from fitcheck.errors import BadInput
from fitcheck.fit.placing import Placement, Placements, can_be_told, is_measured
from fitcheck.fit.records import Question
from fitcheck.machine import Card
from fitcheck.search import largest
from fitcheck.units import Bytes, ceil_div, round_up

MOST_SEQUENCES: Final = 1 << 16
MOST_CARDS: Final = 256
# Cards of one machine at most: GGML_CUDA_MAX_DEVICES (llama.cpp 0c1e57098, ggml-cuda.h), and what
# the largest machines with one memory have (NVIDIA DGX-2, AWS p2.16xlarge).
IN_ONE: Final = 16
# Cards of a server as they are sold.
NODE: Final = 8


def longest_context(
    q: Question, placed: Placements, *, sure: bool, told: bool = True
) -> int | None:
    """The longest context, up to the model's own limit, that some of the cards hold; None if none.

    More cards hold more of a cache, but each has a process, so it may be any number of them.
    Without `told` layers go where the engine puts them by itself, which is quicker to say.
    """
    found = _longest(q, placed, sure, told)
    whole = q.workload.prompt >= q.workload.context
    return found if found is None or whole or found >= q.workload.prompt else None


def _longest(q: Question, placed: Placements, sure: bool, told: bool) -> int | None:
    """The same, of which a prompt of its own length may be left no room."""
    asked = q.workload.context
    limit = max(q.loaded.model.context_length or asked, asked)
    found: int | None = None
    for p in placed.each:
        if found != limit:
            found = _longest_on(q, p, limit, sure, found)
    if sure or not told or found is None or found == limit:
        return found
    return _more(lambda n: _missing_as_told(q, placed, _with_context(q, n)), found, limit)


def _with_context(q: Question, context: int) -> Workload:
    """A prompt that was the whole context stays so."""
    whole = q.workload.prompt >= q.workload.context
    prompt = context if whole else min(q.workload.prompt, context)
    return msgspec.structs.replace(q.workload, context=context, prompt=prompt)


def _longest_on(q: Question, p: Placement, limit: int, sure: bool, above: int | None) -> int | None:
    """Not less than `above`, which others hold."""
    asked, cards = q.workload.context, p.cards

    def missing(context: int) -> int:
        return _missing(q, cards, _with_context(q, context), sure)

    if above is not None:
        return _more(missing, above, limit)
    lacks = _lacks([s.total for s in p.shares], p.usable, sure)
    if lacks <= 0:
        return largest(missing, limit, asked, lacks)
    if all(s.component("weights") > u for s, u in zip(p.shares, p.usable, strict=True)):
        return None
    return largest(missing, asked)


def most_sequences(q: Question, placed: Placements, *, told: bool = True) -> int | None:
    """The most sequences of the asked context at once that some of the cards hold; None if none.

    `told` as in `longest_context`.
    """
    found: int | None = None
    # On the most cards first, which mostly hold most: of the others one question each is enough.
    for p in (placed.most, *(p for p in placed.each if p is not placed.most)):

        def missing(batch: int, cards: Sequence[Card] = p.cards) -> int:
            workload = msgspec.structs.replace(q.workload, batch=batch)
            return _missing(q, cards, workload, q.strict)

        if found is None:
            found = largest(missing, MOST_SEQUENCES)
        elif found < MOST_SEQUENCES:
            found = _more(missing, found, MOST_SEQUENCES)
    if not told or found is None or found == MOST_SEQUENCES:
        return found

    def missing_as_told(batch: int) -> int:
        return _missing_as_told(q, placed, msgspec.structs.replace(q.workload, batch=batch))

    return _more(missing_as_told, found, MOST_SEQUENCES)


def _more(missing: Callable[[int], int], held: int, limit: int) -> int:
    """The largest that holds, if it is more than what is held elsewhere: one question if not."""
    lacks = missing(held + 1)
    return held if lacks > 0 else largest(missing, limit, held + 1, lacks) or held


def _missing(q: Question, cards: Sequence[Card], workload: Workload, sure: bool) -> int:
    usable = [q.engine.usable(card, workload) for card in cards]
    try:
        if q.measured is not None and is_measured(q, cards, workload):
            return _lacks((q.measured,), usable, sure)
        return _lacks(q.loaded.totals(workload, usable), usable, sure)
    except BadInput:
        return 1


def _missing_as_told(q: Question, placed: Placements, workload: Workload) -> int:
    """What all cards lack with layers told where to go, where `check` would tell them (otherwise).

    That is where the engine's own way is no yes.
    """
    if q.strict and any(_missing(q, p.cards, workload, sure=False) <= 0 for p in placed.each):
        return 1
    return _told(q, placed.most.cards, workload)


def _told(q: Question, cards: Sequence[Card], workload: Workload) -> int:
    """What these cards lack with layers dealt out to fill them; 1 where they cannot be."""
    if not can_be_told(q, cards):
        return 1
    assert isinstance(q.loaded, Rebalances)
    usable = [q.engine.usable(card, workload) for card in cards]
    try:
        if sum(t.expected for t in q.loaded.totals(workload, usable)) > sum(usable):
            return 1
        found = q.loaded.rebalanced(workload, usable)
        return 1 if found is None else _lacks(q.loaded.totals(found[0], usable), usable, sure=True)
    except BadInput:
        return 1


def _lacks(totals: Sequence[Range], usable: Sequence[Bytes], sure: bool) -> int:
    """Bytes that the fullest card lacks; negative for what it has left."""
    pairs = zip(totals, usable, strict=True)
    return max((t.high if sure else t.expected) - u for t, u in pairs)


def cards_needed(q: Question) -> int | None:
    """How many cards like the machine's first surely hold it; None if no number that can be had.

    That are 16 for an engine that runs in one machine, else 256. Engines do not divide by every
    number of cards of one machine, so the few up to eight are tried in turn; beyond, more always
    hold more.
    """
    card = q.machine.cards[0]
    usable = q.engine.usable(card, q.workload)
    if usable <= 0:
        return None

    def holds(count: int) -> bool:
        return _missing(q, (card,) * count, q.workload, sure=True) <= 0

    def holds_as_told(count: int) -> bool:
        as_it_is = _missing(q, (card,) * count, q.workload, sure=False)
        return as_it_is > 0 and _told(q, (card,) * count, q.workload) <= 0

    least = max(1, ceil_div(q.loaded.memory(q.workload).component("weights"), usable))
    near = next((count for count in range(least, NODE + 1) if holds(count)), None)
    while near and near > least and holds_as_told(near - 1):
        near -= 1
    step, most = 1, IN_ONE
    if isinstance(q.engine, SpansNodes):
        step, most = q.engine.node_step, MOST_CARDS
    far = range(round_up(max(least, NODE + step), step), most + 1, step)
    return near or _first(far, holds)


def _first(counts: Sequence[int], holds: Callable[[int], bool]) -> int | None:
    """The first that holds, of which all after it do: found in growing steps, then between two."""
    below, at = 0, 0
    while at < len(counts) and not holds(counts[at]):
        below, at = at + 1, at * 2 + 1
    if at >= len(counts) and (not counts or not holds(counts[-1])):
        return None
    return counts[bisect_left(counts, True, below, min(at, len(counts) - 1), key=holds)]
