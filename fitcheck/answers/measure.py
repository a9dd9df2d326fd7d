"""What an engine was measured to take, beside what was estimated for it."""

from collections.abc import Iterator, Sequence

import msgspec

from fitcheck.answers.asked import Ask
from fitcheck.answers.estimate import Estimate, estimate
from fitcheck.answers.measured import described, fingerprint
from fitcheck.engines.base import Memory, Range
from fitcheck.errors import BadInput
from fitcheck.measure.records import Measured, Parts, Reading
from fitcheck.resolve import Subject
from fitcheck.units import Bytes, gib


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One component: what was estimated and what was measured, None where the engine is silent."""

    name: str
    label: str
    estimated: Bytes
    measured: Bytes | None

    @property
    def error(self) -> float | None:
        """How far the estimate is off, as a share of what was measured: 0.05 is 5 % too much."""
        return off(self.estimated, self.measured)


class MeasureAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate and a measured row, component by component, and the range that it is held to.

    `total` is the estimate's range for what was measured: all of the process, or what the engine
    counts itself. `figure` is None where memory ran out.
    """

    estimate: Estimate
    row: Measured
    lines: tuple[Line, ...]
    total: Range
    figure: Bytes | None
    notes: tuple[str, ...] = ()

    @property
    def error(self) -> float | None:
        """How far `expected` is off, as a share of what was measured."""
        return off(self.total.expected, self.figure)

    @property
    def inside(self) -> bool:
        """Whether the range holds what was measured, or allows for what did not fit."""
        if self.figure is not None:
            return self.total.low <= self.figure <= self.total.high
        card = self.row.reading.machine.total
        return card is not None and self.estimate.memory.total.high > card

    @property
    def exit_code(self) -> int:
        """0 inside the range, 1 outside of it."""
        return 0 if self.inside else 1


def off(estimated: int, measured: int | None) -> float | None:
    """The difference as a share of what was measured, None where there is nothing to share."""
    return (estimated - measured) / measured if measured else None


def one(subject: Subject, ask: Ask, reading: Reading | None = None) -> Estimate:
    """The one estimate to be measured. Raises BadInput where several schemes are asked for.

    A log says itself what engine it is of and what context it was started with, where nobody else
    does.
    """
    if reading is not None:
        ask = msgspec.structs.replace(
            ask,
            engine=ask.engine or reading.engine or None,
            context=ask.context or reading.context,
            ubatch=ask.ubatch or reading.ubatch,
        )
    found = estimate(subject, ask)
    if len(found) != 1:
        names = ", ".join(e.scheme.name for e in found) or "none"
        raise BadInput(f"measure takes one scheme at a time, not {names}: say --quant")
    return found[0]


def measure(e: Estimate, readings: Sequence[Reading], driver: str, when: str) -> MeasureAnswer:
    """The runs of one estimate beside it; `readings` is not empty."""
    assert e.subject.model is not None
    last = _scaled(e, readings[-1], driver)
    whole = all(r.process is not None for r in readings)
    sizes = [r.process if whole else _counted(_scaled(e, r, driver).parts) for r in readings]
    runs = tuple(size for size in sizes if size is not None)
    row = Measured(
        model=e.subject.id,
        fingerprint=fingerprint(e.subject.model),
        engine=e.engine,
        scheme=e.scheme.name,
        workload=described(e.workload),
        reading=last,
        figure="process" if whole else "allocated",
        runs=runs,
        when=when,
    )
    return MeasureAnswer(
        estimate=e,
        row=row,
        lines=tuple(_lines(e.memory, last, whole)),
        total=_range(e.memory, whole),
        figure=None if last.ran_out or not runs else max(runs),
        notes=tuple(_notes(e, row)),
    )


def kept(answer: MeasureAnswer) -> Measured:
    """The row to keep. Raises BadInput for what later answers could not lean on."""
    if answer.row.reading.how == "log":
        raise BadInput("--save keeps what was measured here, and a log may be another machine's")
    if answer.figure is None:
        raise BadInput("--save keeps a figure, and memory ran out before there was one")
    return answer.row


def _scaled(e: Estimate, reading: Reading, driver: str) -> Reading:
    """The reading with the card's driver, and a cache of all tokens brought down to those asked."""
    machine = msgspec.structs.replace(reading.machine, driver=driver or reading.machine.driver)
    parts, tokens = reading.parts, e.workload.context * e.workload.batch
    if reading.tokens and parts.kv_cache is not None:
        held = Bytes(parts.kv_cache * tokens // reading.tokens)
        parts = msgspec.structs.replace(parts, kv_cache=held)
    return msgspec.structs.replace(reading, machine=machine, parts=parts)


def _counted(parts: Parts) -> Bytes | None:
    """All that the engine counts: as it says, or as its parts add up."""
    if parts.allocated is not None:
        return parts.allocated
    if parts.weights is None or parts.kv_cache is None or parts.activations is None:
        return None
    return Bytes(parts.weights + parts.kv_cache + parts.activations)


def _range(memory: Memory, whole: bool) -> Range:
    """The estimate's range; without what is beside the engine's own count unless that is in."""
    total = memory.total
    if whole:
        return total
    beside = memory.component("overhead")
    bare = Bytes(total.expected - beside)
    # Some engines' lower end allows for a process that counts for nothing already.
    low = total.low if total.low <= bare else Bytes(total.low - beside)
    return Range(low, bare, Bytes(max(bare, total.high - beside)))


def _lines(memory: Memory, reading: Reading, whole: bool) -> Iterator[Line]:
    parts = reading.parts
    yield _line("weights", "weights", memory.component("weights"), parts.weights)
    cache, state = memory.component("kv_cache"), memory.component("recurrent_state")
    if parts.recurrent_state is None:
        label = "KV cache and state" if state else "KV cache"
        yield _line("kv_cache", label, Bytes(cache + state), parts.kv_cache)
    else:
        yield _line("kv_cache", "KV cache", cache, parts.kv_cache)
        if state or parts.recurrent_state:
            yield _line("recurrent_state", "recurrent state", state, parts.recurrent_state)
    activations = memory.component("activations")
    yield _line("activations", "activations", activations, parts.activations)
    if whole:
        yield _line("overhead", "overhead", memory.component("overhead"), _beside(reading))
    if memory.component("host") and parts.host is not None:
        yield _line("host", "in RAM", memory.component("host"), parts.host)


def _line(name: str, label: str, estimated: Bytes, measured: Bytes | None) -> Line:
    return Line(name=name, label=label, estimated=estimated, measured=measured)


def _beside(reading: Reading) -> Bytes | None:
    """What the driver counts beside weights, cache and activations."""
    parts = reading.parts
    if reading.process is None or parts.weights is None or parts.activations is None:
        return None
    inside = parts.weights + (parts.kv_cache or 0) + (parts.recurrent_state or 0)
    return Bytes(reading.process - inside - parts.activations)


def _notes(e: Estimate, row: Measured) -> Iterator[str]:
    reading = row.reading
    if reading.ran_out:
        card = reading.machine.total
        of = f" of {gib(card)} GiB" if card is not None else ""
        taken = f" with {gib(row.size)} GiB{of} taken" if row.runs else ""
        yield f"memory ran out while {reading.ran_out}{taken}"
    if reading.context is not None and reading.context != e.workload.context:
        yield f"the log is of context {reading.context}, the estimate of {e.workload.context}"
    if reading.how == "loaded":
        yield "it was loaded and computed nothing: the server reserves fewer logits than llama-cli"
    if row.figure == "allocated" and not reading.ran_out:
        yield "the driver told of no process: this is the engine's own count, overhead left out"
    if reading.told:
        yield f"the process as counted by {reading.told}"
    parts = reading.parts
    if parts.reserved is not None and parts.allocated is not None:
        unused = (parts.reserved - parts.allocated) / (1 << 20)
        yield f"of what torch had from the driver {unused:.0f} MiB lay unused at the peak"
    yield from reading.notes
