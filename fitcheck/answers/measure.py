"""What an engine was measured to take, beside what was estimated for it."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from fitcheck.answers.asked import Ask
from fitcheck.answers.estimate import Estimate, estimate
from fitcheck.answers.measured import described, fingerprint
from fitcheck.engines import ENGINES
from fitcheck.engines.base import Memory, Range
from fitcheck.engines.vllm.settings import read as of_vllm
from fitcheck.errors import BadInput
from fitcheck.machine import Card
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
    def inside(self) -> bool | None:
        """Whether the range holds what was measured, or allows for what did not fit.

        None where the engine tells too little to say.
        """
        if self.figure is not None:
            return self.total.low <= self.figure <= self.total.high
        card = self.row.reading.machine.total
        if not self.row.reading.ran_out or card is None:
            return None
        return self.estimate.memory.total.high > card

    @property
    def exit_code(self) -> int:
        """0 inside the range or not to be told, 1 outside of it."""
        return 1 if self.inside is False else 0


def off(estimated: int, measured: int | None) -> float | None:
    """The difference as a share of what was measured, None where there is nothing to share."""
    return (estimated - measured) / measured if measured else None


def one(subject: Subject, ask: Ask, reading: Reading | None = None) -> Estimate:
    """The one estimate to be measured. Raises BadInput where several schemes are asked for.

    A log says itself what engine it is of and what it was started with, where nobody else does.
    """
    found = estimate(subject, ask if reading is None else _as_started(ask, reading))
    if len(found) != 1:
        names = ", ".join(e.scheme.name for e in found) or "none"
        raise BadInput(f"measure takes one scheme at a time, not {names}: say --quant")
    return found[0]


_FLASH: Final = {
    "auto": "auto",
    "enabled": "flash",
    "disabled": "eager",
    "1": "flash",
    "0": "eager",
}


def _as_started(ask: Ask, reading: Reading) -> Ask:
    """The question that a log answers: each of several slots has its share of the context."""
    slots = _number(reading, "n_seq_max") or 1
    shared = reading.started.get("kv_unified") == "true"
    batch = ask.batch if ask.batch > 1 or shared else slots
    context = _number(reading, "n_ctx")
    if reading.engine == "vllm":
        context, ask = _number(reading, "max_seq_len"), _as_vllm(ask, reading)
    return msgspec.structs.replace(
        ask,
        engine=ask.engine or reading.engine or None,
        context=ask.context or (context // (1 if shared else slots) if context else None),
        batch=batch,
        parallel=ask.parallel or (slots if slots > 1 else None),
        ubatch=ask.ubatch or _number(reading, "n_ubatch"),
        attention=ask.attention or _FLASH.get(reading.started.get("flash_attn", "")),
    )


_OF_VLLM: Final = (
    "max_num_batched_tokens",
    "max_num_seqs",
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "enforce_eager",
)


def _as_vllm(ask: Ask, reading: Reading) -> Ask:
    """With what vLLM says that it was started with, where nobody else does."""
    told = {name: reading.started[name] for name in _OF_VLLM if name in reading.started}
    kept = reading.started.get("kv_cache_dtype", "auto")
    return msgspec.structs.replace(
        ask,
        settings={**told, **ask.settings},
        kv_cache=ask.kv_cache or (None if kept == "auto" else kept),
    )


def _number(reading: Reading, name: str) -> int | None:
    text = reading.started.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else None


def measure(
    e: Estimate, readings: Sequence[Reading], when: str, card: Card | None = None, driver: str = ""
) -> MeasureAnswer:
    """The runs of one estimate beside it; `readings` is not empty.

    `card` and its `driver` are those of this machine, None and empty for a log.
    """
    e = _restated(e, readings[-1])
    assert e.subject.model is not None
    last = _whole(_scaled(e, readings[-1]), card, driver)
    whole = all(r.process is not None for r in readings)
    sizes = [r.process if whole else _counted(_scaled(e, r).parts) for r in readings]
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


def _restated(e: Estimate, reading: Reading) -> Estimate:
    """The estimate for the engine as it ran: its version, and what it made room for."""
    told = dict(_settings(e.engine, reading))
    if not told:
        return e
    assert e.subject.model is not None
    workload = msgspec.structs.replace(e.workload, settings={**e.workload.settings, **told})
    loaded = ENGINES[e.engine].load(e.subject.model, e.scheme, e.subject.checkpoint)
    memory = loaded.memory(workload)
    return msgspec.structs.replace(e, memory=memory)


def _settings(engine: str, reading: Reading) -> Iterator[tuple[str, str]]:
    """In the words of a workload's settings."""
    version = reading.versions.get("transformers", "").split(".")
    if engine == "transformers" and len(version) > 1 and "".join(version[:2]).isdecimal():
        yield "transformers", ".".join(version[:2])
    if engine == "llama.cpp" and (outputs := _number(reading, "n_outputs_max")):
        yield "outputs", str(outputs)
    if engine == "llama.cpp" and reading.started.get("kv_unified") == "true":
        yield "kv_unified", "on"


def _whole(reading: Reading, card: Card | None, driver: str) -> Reading:
    """The reading with what its engine did not say of the card."""
    if card is None:
        return reading
    told = reading.machine
    capability = f"{card.compute_capability:.1f}" if card.compute_capability else ""
    machine = msgspec.structs.replace(
        told,
        card=told.card or card.name,
        architecture=told.architecture or capability,
        driver=told.driver or driver,
        total=told.total or card.total,
    )
    return msgspec.structs.replace(reading, machine=machine)


def _scaled(e: Estimate, reading: Reading) -> Reading:
    """The reading with vLLM's cache brought down to the tokens asked, on all of its ranks.

    vLLM gives the cache all that is left, so where it does not say how many tokens that holds,
    nothing is known of it. A log has the figures of one worker.
    """
    if e.engine != "vllm":
        return reading
    parts, tokens = reading.parts, e.workload.context * e.workload.batch
    ranks = of_vllm(e.workload.settings).ranks if reading.how == "log" else 1
    cache = parts.kv_cache
    if cache is not None:
        cache = Bytes(cache * tokens // reading.tokens) if reading.tokens else None
    parts = msgspec.structs.replace(
        parts,
        weights=_of_all(parts.weights, ranks),
        kv_cache=_of_all(cache, ranks),
        activations=_of_all(parts.activations, ranks),
    )
    return msgspec.structs.replace(reading, parts=parts)


def _of_all(size: Bytes | None, ranks: int) -> Bytes | None:
    return None if size is None else Bytes(size * ranks)


def _counted(parts: Parts) -> Bytes | None:
    """All that the engine counts: as it says, or as its parts add up."""
    if parts.allocated is not None:
        return parts.allocated
    if parts.weights is None or parts.kv_cache is None or parts.activations is None:
        return None
    return Bytes(parts.weights + parts.kv_cache + parts.activations)


def _range(memory: Memory, whole: bool) -> Range:
    """The estimate's range; for an engine's own count the share of it that falls on that.

    An engine's lower end may leave the process out already; then it stays.
    """
    total = memory.total
    if whole or not total.expected:
        return total
    bare = total.expected - memory.component("overhead")
    share = bare / total.expected
    low = total.low if total.low <= bare else bare - int((total.expected - total.low) * share)
    high = bare + int((total.high - total.expected) * share)
    return Range(Bytes(low), Bytes(bare), Bytes(high))


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
    if memory.component("host") and parts.host is not None and parts.weights is not None:
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
    if reading.how == "loaded":
        yield "it was loaded and computed nothing, so that buffers made later are not in"
    if row.figure == "allocated" and row.runs and not reading.ran_out:
        yield "the driver told of no process: this is the engine's own count, overhead left out"
    if reading.told:
        yield f"the process as counted by {reading.told}"
    parts = reading.parts
    if parts.reserved is not None and parts.allocated is not None:
        unused = (parts.reserved - parts.allocated) / (1 << 20)
        yield f"of what torch had from the driver {unused:.0f} MiB lay unused at the peak"
    yield from reading.notes
