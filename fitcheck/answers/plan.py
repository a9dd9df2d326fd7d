"""The other way round: which cards run this model, or on one machine, which scheme does best?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from fitcheck import quantization
from fitcheck.answers import ways
from fitcheck.answers.asked import DEFAULT_ENGINE, GGUF_ENGINES, Ask, beside
from fitcheck.answers.check import Row, check
from fitcheck.answers.estimate import Estimate
from fitcheck.answers.ways import Held, Market, Step, Way
from fitcheck.errors import BadInput
from fitcheck.fit import Verdict
from fitcheck.machine import Machine
from fitcheck.resolve import Subject
from fitcheck.units import Bytes

if TYPE_CHECKING:
    from fitcheck.measure.records import Measured

# What is tried on one machine: the file types that publishers of GGUF files make of nearly every
# model, and the methods that most quantized repositories are of (huggingface.co, 2026).
_GGUF: Final = (
    "fp16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "iq4_xs", "q3_k_m", "iq3_xxs", "q2_k",
)  # fmt: skip
LADDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "transformers": (
        "fp16", "fp8", "bnb-int8", "gptq-int8", "bnb-nf4", "bnb-nf4-dq", "gptq-int4", "awq-int4",
    ),
    "vllm": ("fp16", "fp8", "ct-int-quantized-w8a8", "nvfp4", "gptq-int4", "awq-int4"),
    **dict.fromkeys(GGUF_ENGINES, _GGUF),
}  # fmt: skip


_RANK: Final[Mapping[Verdict, int]] = {"fits": 0, "tight": 0, "short": 1, "offload": 2, "no": 3}


class Option(msgspec.Struct, frozen=True):
    """One kind of card and what the model does on it, scheme by scheme."""

    machine: Machine
    row: Row


class PlanAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Machines in the order given, with the schemes that were asked about.

    `by_scheme`: there is one machine, and its schemes go from most to fewest bits. `ways` are the
    least that runs it, scheme by scheme; `steps` what almost holds it, and what would. `budget` are
    US dollars an hour; `unpriced` how many rented machines were left out for want of a price.
    """

    subject: Subject
    ask: Ask
    options: tuple[Option, ...]
    by_scheme: bool = False
    ways: tuple[Way, ...] = ()
    steps: tuple[Step, ...] = ()
    budget: float | None = None
    unpriced: int = 0

    @property
    def best(self) -> Estimate | None:
        """On one machine, what runs in most bits; a shorter context or RAM only where need be."""
        if not self.by_scheme:
            return None
        runs = [e for e in self.options[0].row.estimates if e.fit is not None and self.says_yes(e)]
        return min(runs, key=lambda e: _RANK[e.fit.verdict] if e.fit else 0, default=None)

    @property
    def exit_code(self) -> int:
        """0 if some number of some card holds the model, else 1."""
        if self.budget is not None:
            return 0 if self.ways else 1
        found = (e for option in self.options for e in option.row.estimates)
        held = (self.says_yes(e) or (e.fit is not None and e.fit.cards_needed) for e in found)
        return 0 if any(held) else 1

    def says_yes(self, e: Estimate) -> bool:
        """Whether it runs there, as strictly as was asked."""
        return e.fit is not None and e.fit.says_yes(
            strict=self.ask.strict, allow_offload=self.ask.allow_offload
        )


def plan(
    subject: Subject,
    machines: tuple[Machine, ...],
    ask: Ask,
    measured: "Sequence[Measured]" = (),
    market: Market | None = None,
) -> PlanAnswer:
    """Hold the model against every machine; where one card is too few, find how many hold it.

    On one machine every usual scheme of the engine is tried, unless some were asked for.
    `measured` are rows of this machine. `market` is what else could be bought or rented.
    """
    market = market or Market()
    if len(machines) == 1:
        found = _ladder(subject, machines[0], ask, measured)
        answer = PlanAnswer(subject=subject, ask=ask, options=(found,), by_scheme=True)
        step = _step_up(answer, market)
        return msgspec.structs.replace(answer, steps=(step,) if step else ())
    options = tuple(_option(subject, m, ask, measured) for m in machines)
    return _ranked(PlanAnswer(subject=subject, ask=ask, options=options), market)


def _ranked(answer: PlanAnswer, market: Market) -> PlanAnswer:
    """The least that runs it, and what almost does, scheme by scheme."""
    found: list[Way] = []
    steps: list[Step] = []
    for one in ways.asked(answer.subject, answer.ask):
        held = [
            Held(option.machine, e)
            for option in answer.options
            for e in option.row.estimates
            if e.scheme == one.job.scheme
        ]
        ranked = ways.ways(one, () if market.budget else held, market.affordable)
        found += ranked
        steps += [s for h in held if (s := ways.next_step(h, ranked))] if not market.budget else []
    return msgspec.structs.replace(
        answer,
        ways=tuple(found),
        steps=tuple(steps),
        budget=market.budget,
        unpriced=market.unpriced,
    )


def _step_up(answer: PlanAnswer, market: Market) -> Step | None:
    """Of one machine: the least that runs the scheme above its best."""
    rungs = answer.options[0].row.estimates
    names = [e.scheme for e in rungs]
    above = len(rungs) if answer.best is None else names.index(answer.best.scheme)
    if above == 0 or not rungs:
        return None
    missed, machine = rungs[above - 1], answer.options[0].machine
    if missed.fit is None or missed.fit.limited_by in ("scheme", "engine"):
        return None
    ask = msgspec.structs.replace(answer.ask, engine=missed.engine, quants=(missed.scheme.name,))
    (one,) = ways.asked(answer.subject, ask)
    has = sum(card.available for card in machine.cards)
    larger = (m for m in market.cards if sum(card.available for card in m.cards) > has)
    held = [Held(m, one.held(m, "table")) for m in larger]
    least = ways.ways(one, [Held(machine, missed), *held])
    up = next((way for way in least if way.kind != "offload"), None)
    return Step(machine, missed, Bytes(max(0, -missed.fit.headroom)), up)


def _option(subject: Subject, machine: Machine, ask: Ask, measured: "Sequence[Measured]") -> Option:
    row = check((subject,), machine, ask, named=True, solve="all", measured=measured).rows[0]
    return Option(beside(machine, ask), row)


def _ladder(subject: Subject, machine: Machine, ask: Ask, measured: "Sequence[Measured]") -> Option:
    """As asked, or what of the usual schemes the model can be had in and the card can run."""
    if ask.quants or ask.precisions:
        return _sorted(_option(subject, machine, ask, measured))
    rungs = [
        r for name in _rungs(subject, ask) if (r := _rung(subject, machine, ask, name, measured))
    ]
    if not rungs:
        return _sorted(_option(subject, machine, ask, measured))
    row = Row(subject=subject, estimates=tuple(e for r in rungs for e in r.row.estimates))
    return _sorted(Option(rungs[0].machine, row))


def _rungs(subject: Subject, ask: Ask) -> Iterator[str]:
    """The usual schemes of the engine, and what the model is published in beside."""
    engine = (ask.engine or DEFAULT_ENGINE).lower()
    if subject.stored_as:
        return
    usual = LADDERS.get(engine, ())
    yield from usual
    for released in subject.entry.quantizations if subject.entry else ():
        scheme = quantization.scheme(released.scheme)
        if engine in scheme.engines and scheme.name not in usual:
            yield scheme.name


def _rung(
    subject: Subject, machine: Machine, ask: Ask, name: str, measured: "Sequence[Measured]"
) -> Option | None:
    """The model in that scheme; None where it cannot be made of it, or not be run on the card."""
    engine = ask.engine or DEFAULT_ENGINE
    try:
        one = msgspec.structs.replace(ask, engine=engine, quants=(name,))
        found = _option(subject, machine, one, measured)
    except BadInput:
        return None
    refused = all(e.fit is not None and e.fit.limited_by == "scheme" for e in found.row.estimates)
    return None if refused else found


def _sorted(option: Option) -> Option:
    """From most to fewest bits of a weight."""
    found = sorted(option.row.estimates, key=lambda e: -e.file_bytes)
    row = msgspec.structs.replace(option.row, estimates=tuple(found))
    return Option(option.machine, row)
