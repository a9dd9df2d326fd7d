"""Memory by context: how each scheme grows, and where the card ends."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from fitcheck.answers import recent
from fitcheck.answers.asked import Ask, Job, jobs, on_card, question, workload
from fitcheck.engines.base import Loaded, Memory
from fitcheck.errors import BadInput
from fitcheck.fit import Fit, Verdict, fit
from fitcheck.machine import Machine
from fitcheck.quantization import Scheme
from fitcheck.resolve import Subject
from fitcheck.units import Bytes

SHORTEST: Final = 1024
# Where a model states no limit.
USUAL_LIMIT: Final = 131_072
MOST_CONTEXTS: Final = 500


class Point(msgspec.Struct, frozen=True):
    """Memory at a context, and the verdict where a machine was named."""

    context: int
    memory: Memory
    verdict: Verdict | None = None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A model under one scheme, on one machine if there is one.

    `usable` is what the engine may take of the machine; `max_context` and `max_context_sure` are
    the longest that go in there, as `check` has them.
    """

    engine: str
    scheme: Scheme
    points: tuple[Point, ...]
    machine: Machine | None = None
    usable: Bytes | None = None
    max_context: int | None = None
    max_context_sure: int | None = None


class SweepAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every scheme on every machine, all at the same contexts."""

    subject: Subject
    ask: Ask
    machines: tuple[Machine, ...]
    series: tuple[Series, ...]

    @property
    def contexts(self) -> tuple[int, ...]:
        """The contexts asked about, ascending."""
        return tuple(p.context for p in self.series[0].points)


class Held(msgspec.Struct, frozen=True):
    """A loaded job on a machine, with what was found at the usual context."""

    job: Job
    loaded: Loaded
    machine: Machine | None
    found: Fit | None


def sweep(
    subject: Subject, machines: tuple[Machine, ...], ask: Ask, contexts: Sequence[int] = ()
) -> SweepAnswer:
    """At these contexts, or at powers of two to the model's limit and at the longest that go in.

    Raises BadInput where nothing is known of the model's architecture.
    """
    if subject.model is None:
        raise BadInput(f"{subject.id}: its architecture is not published")
    if len(contexts) > MOST_CONTEXTS:
        raise BadInput(f"{len(contexts)} contexts are too many: {MOST_CONTEXTS} at most")
    held = [h for job in jobs(subject, ask) for h in _held(subject, job, machines, ask)]
    asked = sorted(set(contexts)) or _contexts(subject.model.context_length, held)
    series = tuple(_series(subject, h, ask, asked) for h in held)
    return SweepAnswer(subject=subject, ask=ask, machines=machines, series=series)


def _held(subject: Subject, job: Job, machines: tuple[Machine, ...], ask: Ask) -> Iterator[Held]:
    if not machines:
        yield Held(job, recent.loaded(subject, job), None, None)
    for machine in machines:
        own = on_card(subject, job, machine, ask)
        loaded = recent.loaded(subject, own)
        found, _ = fit(question(subject, own, loaded, machine, ask), solve="batch")
        yield Held(own, loaded, machine, found)


def _contexts(limit: int | None, held: Sequence[Held]) -> list[int]:
    """Powers of two, the limit itself, and the longest contexts on the machines."""
    most = limit or USUAL_LIMIT
    found = {most}
    context = SHORTEST
    while context < most:
        found.add(context)
        context *= 2
    for h in held:
        if h.found is not None:
            found |= {c for c in (h.found.max_context, h.found.max_context_sure) if c}
    return sorted(found)


def _series(subject: Subject, h: Held, ask: Ask, contexts: Sequence[int]) -> Series:
    return Series(
        engine=h.job.engine.name,
        scheme=h.job.scheme,
        points=tuple(_point(subject, h, ask, context) for context in contexts),
        machine=h.machine,
        usable=_usable(subject, h, ask),
        max_context=h.found.max_context if h.found else None,
        max_context_sure=h.found.max_context_sure if h.found else None,
    )


def _usable(subject: Subject, h: Held, ask: Ask) -> Bytes | None:
    if h.machine is None:
        return None
    asked = question(subject, h.job, h.loaded, h.machine, ask).workload
    return Bytes(sum(h.job.engine.usable(card, asked) for card in h.machine.cards))


def _point(subject: Subject, h: Held, ask: Ask, context: int) -> Point:
    prompt = None if ask.prompt is None else min(ask.prompt, context)
    asked = msgspec.structs.replace(ask, context=context, prompt=prompt)
    if h.machine is None:
        return Point(context, h.loaded.memory(h.loaded.settle(workload(subject, asked))))
    found, memory = fit(question(subject, h.job, h.loaded, h.machine, asked), solve="verdict")
    return Point(context, memory, found.verdict)
