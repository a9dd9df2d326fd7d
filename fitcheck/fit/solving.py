"""The longest context, the most sequences and the fewest cards, by asking what answers forward."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from fitcheck.engines.base import Range, SpansNodes, Workload
from fitcheck.errors import BadInput
from fitcheck.fit.placing import Placement, Placements, is_measured
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
        if q.measured is not None and is_measured(q, cards, workload):
            return _lacks((q.measured,), usable, sure)
        return _lacks(q.loaded.totals(workload, usable), usable, sure)
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

    least = max(1, ceil_div(q.loaded.memory(q.workload).component("weights"), usable))
    near = next((count for count in range(least, NODE + 1) if holds(count)), None)
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
