"""What the options of a question mean: which engine, which schemes, how much context."""

from collections.abc import Mapping
from typing import Final

import msgspec

from fitcheck import quantization
from fitcheck.answers import heeded
from fitcheck.architecture import Model
from fitcheck.engines import ENGINES
from fitcheck.engines.base import Engine, Loaded, LooksAtCards, Workload
from fitcheck.engines.published import packed_groups
from fitcheck.errors import BadInput, UnknownName
from fitcheck.fit import Question
from fitcheck.machine import SYSTEM_RAM, Machine
from fitcheck.quantization import Precision, Scheme
from fitcheck.quantization.published import Published, published
from fitcheck.resolve import Subject
from fitcheck.units import Bytes

DEFAULT_CONTEXT: Final = 4096
DEFAULT_ENGINE: Final = "transformers"
GGUF_ENGINES: Final = ("llama.cpp", "ollama", "lmstudio")
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
    settings: Mapping[str, str] = msgspec.field(default_factory=dict)
    imatrix: bool = False
    strict: bool = False
    allow_offload: bool = False
    ram: Bytes | None = None
    nodes: int = 1

    def __post_init__(self) -> None:
        """Raises BadInput where the prompt is longer than the context."""
        if self.context is not None and self.prompt is not None and self.prompt > self.context:
            raise BadInput(
                f"a prompt of {self.prompt} does not go into a context of {self.context}:"
                " --context counts prompt and answer together"
            )

    @property
    def engines_own(self) -> tuple[str, ...]:
        """The names of the engines' own options that something was said about."""
        fields = ("kv_cache", "attention", "ubatch", "parallel", "gpu_memory_utilization")
        said = [name for name in fields if getattr(self, name) is not None]
        said += [name.replace("-", "_") for name in self.settings]
        return (*said, "imatrix") if self.imatrix else tuple(said)


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
    """What is to be estimated: the schemes asked for, else what stands in these columns.

    Weights that are published packed are estimated as they are: never sold as 16 bits, never
    quantized again. Raises BadInput where that is asked for, WrongOption where an engine has no
    such option.
    """
    found = _jobs(subject, ask, columns)
    for engine in {job.engine.name: job.engine for job in found}.values():
        heeded.refuse(engine, ask.engines_own, workload(subject, ask))
    return found


def _jobs(subject: Subject, ask: Ask, columns: tuple[Precision, ...]) -> list[Job]:
    if subject.stored_as:
        return [_of_file(subject, ask)]
    if ask.quants:
        return [_named(subject, ask, name) for name in ask.quants]
    engine = engine_named(ask.engine or DEFAULT_ENGINE)
    own = _published(subject, engine)
    if own and not ask.precisions:
        return [Job(engine, own[0], own[0].precision)]
    found = [_column(subject, engine, p, own) for p in ask.precisions or columns]
    jobs = [job for job in found if job is not None]
    if not jobs and ask.precisions:
        why = f"is published in {_names(own)}" if own else f"has nothing there in {engine.name}"
        raise BadInput(f"{subject.id} {why}: --precision {ask.precisions[0]} cannot be had")
    return jobs


def _of_file(subject: Subject, ask: Ask) -> Job:
    """A GGUF file is one file type, and runs in llama.cpp and what stands on it."""
    engine = engine_named(ask.engine or "llama.cpp")
    scheme = quantization.scheme(subject.stored_as)
    if engine.name not in GGUF_ENGINES:
        raise BadInput(f"{subject.id} is a GGUF file, which {engine.name} does not run")
    asked = [quantization.scheme(name).name for name in ask.quants] or [scheme.name]
    if asked != [scheme.name]:
        raise BadInput(f"{subject.id} is {scheme.name} already; it is not quantized again")
    return Job(engine, scheme, scheme.precision)


def _named(subject: Subject, ask: Ask, name: str) -> Job:
    stored = _published(subject, engine_named(ask.engine or DEFAULT_ENGINE))
    same = _same(stored, name)
    scheme = same or quantization.scheme(name)
    if ask.imatrix:
        scheme = msgspec.structs.replace(scheme, imatrix=True)
    engine = engine_named(ask.engine) if ask.engine else _runner(subject, scheme)
    own = _published(subject, engine)
    if own and same is None:
        names = _names(own)
        raise BadInput(f"{subject.id} is published in {names}; {scheme.name} cannot be made of it")
    return Job(engine, scheme, scheme.precision)


def _same(own: tuple[Scheme, ...], name: str) -> Scheme | None:
    """The scheme of a checkpoint that goes by that name, or is packed just so."""
    word = name.strip().lower()
    called = next((s for s in own if s.is_called(word)), None)
    if called is not None or not own:
        return called
    layout = quantization.scheme(name).layout
    return next((s for s in own if layout is not None and s.layout == layout), None)


def _names(schemes: tuple[Scheme, ...]) -> str:
    """As people call them, each once."""
    return " and ".join(dict.fromkeys(s.word for s in schemes))


def _runner(subject: Subject, scheme: Scheme) -> Engine:
    """The first engine that runs the scheme, or that runs it for this checkpoint."""
    for name in ENGINES:
        if name in scheme.engines:
            return ENGINES[name]
    if scheme.name in {s.name for s in _published(subject, ENGINES[DEFAULT_ENGINE])}:
        return ENGINES[DEFAULT_ENGINE]
    raise BadInput(f"no engine here runs {scheme.name}")


def _published(subject: Subject, engine: Engine) -> tuple[Scheme, ...]:
    """The schemes that the weights are published in, the one of most weights first.

    Empty for 16 bits, and for what llama.cpp's converter unpacks: FP8, and MXFP4 as it is. Raises
    BadInput for a method that is not known, and for 4-bit weights in llama.cpp.
    """
    model = subject.model
    section = model.quantization_config if model else None
    if model is None or section is None:
        return ()
    found = published(section)
    if found.unknown:
        raise BadInput(f"{subject.id} is published by {found.method}: {found.unknown}")
    if engine.name not in GGUF_ENGINES:
        return _most_first(model, found)
    if all(s.precision == "int8" or s.name == "mxfp4" for s in found.schemes):
        return ()
    names = _names(found.schemes)
    raise BadInput(f"{subject.id} is published in {names}: GGUF files are made of 16-bit weights")


def _most_first(model: Model, found: Published) -> tuple[Scheme, ...]:
    if len(found.schemes) < 2:
        return found.schemes
    weights = dict.fromkeys((s.name for s in found.schemes), 0)
    for group, scheme in packed_groups(model, found):
        if scheme is not None:
            weights[scheme.name] += group.count * group.tensor.numel
    return tuple(sorted(found.schemes, key=lambda s: -weights[s.name]))


def _column(
    subject: Subject, engine: Engine, precision: Precision, own: tuple[Scheme, ...]
) -> Job | None:
    if own:
        fitting = [s for s in own if s.precision == precision]
        return Job(engine, fitting[0], precision) if fitting else None
    released = [
        scheme
        for q in (subject.entry.quantizations if subject.entry else ())
        if (scheme := quantization.scheme(q.scheme)).precision == precision
        and engine.name in scheme.engines
    ]
    if released:
        return Job(engine, released[0], precision)
    usual = engine.default_scheme(subject.model, precision) if subject.model else None
    return None if usual is None else Job(engine, usual, precision)


def workload(subject: Subject, ask: Ask) -> Workload:
    """What is asked of the model at once; the contract's defaults put in.

    A prompt longer than the usual context makes the context as long.
    """
    limit = subject.model.context_length if subject.model else None
    usual = min(DEFAULT_CONTEXT, limit or DEFAULT_CONTEXT)
    context = ask.context or max(usual, ask.prompt or 0)
    prompt = ask.prompt or context
    return Workload(
        context=context,
        prompt=prompt,
        batch=ask.batch,
        kv_cache=ask.kv_cache,
        attention=ask.attention,
        ubatch=ask.ubatch,
        parallel=ask.parallel,
        gpu_memory_utilization=ask.gpu_memory_utilization,
        settings=ask.settings,
    )


def beside(machine: Machine, ask: Ask) -> Machine:
    """As many such machines as were asked for, with the RAM named, less what its system keeps.

    Raises BadInput where nodes are named twice.
    """
    if ask.nodes > 1:
        if machine.nodes > 1:
            raise BadInput(f"{machine.name} is {machine.nodes} nodes already: leave out --nodes")
        machine = machine.on_nodes(ask.nodes)
    if ask.ram is None:
        return machine
    left = Bytes(max(0, ask.ram - SYSTEM_RAM))
    return msgspec.structs.replace(machine, ram_total=ask.ram, ram_available=left)


def question(subject: Subject, job: Job, loaded: Loaded, machine: Machine, ask: Ask) -> Question:
    """What is asked of the model on the machine; every default put in. Raises BadInput."""
    settled = loaded.settle(workload(subject, ask))
    if isinstance(job.engine, LooksAtCards):
        settled = job.engine.on_card(settled, machine.cards[0])
    if machine.nodes > 1:
        settled = _on_nodes(settled, job.engine, machine)
    return Question(
        engine=job.engine,
        loaded=loaded,
        workload=settled,
        machine=machine,
        context_asked=ask.context is not None,
        strict=ask.strict,
        offload=ask.allow_offload or ask.ram is not None,
    )


def _on_nodes(settled: Workload, engine: Engine, machine: Machine) -> Workload:
    """What an engine that spans nodes must know of them. Raises BadInput where it is none."""
    if "cards_per_node" not in {option.name for option in engine.options}:
        raise BadInput(f"{engine.name} is counted on one machine; --engine vllm spans nodes")
    told = {"cards_per_node": str(len(machine.cards) // machine.nodes)}
    return msgspec.structs.replace(settled, settings={**settled.settings, **told})


def on_card(subject: Subject, job: Job, machine: Machine, ask: Ask) -> Job:
    """The job as the engine's own default has it on those cards; a scheme that is named stays."""
    if ask.quants or subject.model is None or not isinstance(job.engine, LooksAtCards):
        return job
    scheme = job.engine.scheme_on(subject.model, job.scheme, machine.cards[0])
    return Job(job.engine, scheme, job.column)
