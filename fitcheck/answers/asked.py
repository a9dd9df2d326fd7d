"""What the options of a question mean: which engine, which schemes, how much context."""

from typing import Final

import msgspec

from fitcheck import quantization
from fitcheck.engines import ENGINES
from fitcheck.engines.base import Engine, Workload
from fitcheck.errors import BadInput, UnknownName
from fitcheck.quantization import Precision, Scheme
from fitcheck.resolve import Subject

DEFAULT_CONTEXT: Final = 4096
DEFAULT_ENGINE: Final = "transformers"
COLUMNS: Final[tuple[Precision, ...]] = ("fp16", "int8", "int4")


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """The options that commands share; None where nothing was said."""

    engine: str | None = None
    precisions: tuple[Precision, ...] = ()
    quants: tuple[str, ...] = ()
    context: int | None = None
    prompt: int | None = None
    batch: int = 1
    kv_cache: str | None = None
    attention: str | None = None
    ubatch: int | None = None
    parallel: int | None = None
    gpu_memory_utilization: float | None = None
    strict: bool = False
    allow_offload: bool = False


class Job(msgspec.Struct, frozen=True):
    """A model under a scheme in an engine. `column` is the precision that it stands under."""

    engine: Engine
    scheme: Scheme
    column: Precision


def engine_named(name: str) -> Engine:
    """Raises UnknownName with the nearest."""
    found = ENGINES.get(name.lower())
    if found is None:
        raise UnknownName("engine", name, ENGINES, f"; there are {', '.join(ENGINES)}")
    return found


def jobs(subject: Subject, ask: Ask, columns: tuple[Precision, ...] = COLUMNS) -> list[Job]:
    """What is to be estimated: the schemes asked for, else what stands in these columns."""
    if ask.quants:
        return [_named(subject, ask, name) for name in ask.quants]
    engine = engine_named(ask.engine or DEFAULT_ENGINE)
    found = (_column(subject, engine, p) for p in ask.precisions or columns)
    return [job for job in found if job is not None]


def _named(subject: Subject, ask: Ask, name: str) -> Job:
    scheme = quantization.scheme(name)
    if ask.engine is not None:
        return Job(engine_named(ask.engine), scheme, scheme.precision)
    runs = [e for e in ENGINES if e in scheme.engines]
    if not runs:
        raise BadInput(f"no engine here runs {scheme.name}")
    return Job(ENGINES[runs[0]], scheme, scheme.precision)


def _column(subject: Subject, engine: Engine, precision: Precision) -> Job | None:
    published = [
        scheme
        for q in (subject.entry.quantizations if subject.entry else ())
        if (scheme := quantization.scheme(q.scheme)).precision == precision
        and engine.name in scheme.engines
    ]
    if published:
        return Job(engine, published[0], precision)
    usual = engine.default_scheme(subject.model, precision) if subject.model else None
    return None if usual is None else Job(engine, usual, precision)


def workload(subject: Subject, ask: Ask) -> Workload:
    """What is asked of the model at once; the contract's defaults put in."""
    limit = subject.model.context_length if subject.model else None
    context = ask.context or min(DEFAULT_CONTEXT, limit or DEFAULT_CONTEXT)
    prompt = min(ask.prompt or context, context)
    return Workload(
        context=context,
        prompt=prompt,
        batch=ask.batch,
        kv_cache=ask.kv_cache,
        attention=ask.attention,
        ubatch=ask.ubatch,
        parallel=ask.parallel,
        gpu_memory_utilization=ask.gpu_memory_utilization,
    )
