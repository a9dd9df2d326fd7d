"""The question and its answer: a model under a workload, held against a machine."""

from typing import Literal

import msgspec

from fitcheck.engines.base import (
    Component,
    Engine,
    Loaded,
    Memory,
    Offload,
    Range,
    Workload,
)
from fitcheck.machine import Machine
from fitcheck.units import Bytes

Verdict = Literal["fits", "tight", "short", "offload", "no"]

# What is searched for beside the verdict: a dozen evaluations each, cards a dozen larger ones.
Solve = Literal["verdict", "table", "batch", "all"]


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
