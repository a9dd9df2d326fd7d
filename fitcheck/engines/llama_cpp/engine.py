"""llama.cpp, and the programs that start it for you."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from fitcheck.architecture import Model
from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.engines.base import COMPONENTS, Memory, Offload, Range, Term, Workload
from fitcheck.engines.capabilities import Rule
from fitcheck.engines.llama_cpp import (
    cache,
    command_line,
    offload,
    options,
    projector,
    rebalance,
    recurrent,
)
from fitcheck.engines.llama_cpp.buffers import Buffers
from fitcheck.engines.llama_cpp.capabilities import BUILT_ON, RULES
from fitcheck.engines.llama_cpp.gguf import GgufFile
from fitcheck.engines.llama_cpp.graph.plan import Subject
from fitcheck.engines.llama_cpp.graph.tensors import HOST
from fitcheck.engines.llama_cpp.options import UBATCH
from fitcheck.engines.llama_cpp.placement import Held, Split
from fitcheck.engines.llama_cpp.weights import Weights, as_stored
from fitcheck.engines.llama_cpp.weights import terms as weight_terms
from fitcheck.engines.option import Option
from fitcheck.engines.published import publisher
from fitcheck.errors import BadInput
from fitcheck.machine import Card, Machine
from fitcheck.quantization import SCHEMES, Precision, Scheme
from fitcheck.quantization.ggml import FILE_TYPES, FileType
from fitcheck.units import MIB, Bytes, gib

NAME: Final = "llama.cpp"
_DEFAULTS: Final[dict[Precision, str]] = {
    "fp32": "fp32",
    "fp16": "fp16",
    "int8": "q8_0",
    "int6": "q6_k",
    "int5": "q5_k_m",
    "int4": "q4_k_m",
    "int3": "q3_k_m",
    "int2": "q2_k",
    "int1": "iq1_m",
}
# What a process holds on a card before anything of a model: the driver's context and ggml-cuda's
# kernels. llama.cpp's own "total less free" on idle cards: RTX 4090 392 MiB, RTX 5090 521, H100 527
# (logs of llama-server --list-devices, 2025 and 2026); their mean. Bare contexts on older cards:
# 306 (K80), 320 (Titan V). Above the largest: 28 MiB more for cuBLAS on Hopper, and what the pool
# takes beside products. Below all of them is HIP, of which a process took 80 to 150 MiB of an APU's
# memory while it generated, pool and all (lhl/strix-halo-testing, llama-bench 5863 to 6097).
CONTEXT: Final = Bytes(480 * MIB)
CONTEXT_HIGH: Final = Bytes(650 * MIB)


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """How a program that runs on llama.cpp differs from llama.cpp started by hand.

    `parallel` slots by default, each with a cache of its own unless `kv_unified`; `spared` is what
    it leaves of each card beside what is counted; `offloading` what it calls the options for that;
    `options` all that it can be told; `rules` what it asks of a card.
    """

    name: str
    title: str
    defaults: str
    parallel: int = 1
    kv_unified: bool = False
    spared: Bytes = Bytes(0)
    offloading: offload.Options = offload.Options("-ngl {}", "--n-cpu-moe {}", "-ts")
    options: tuple[Option, ...] = command_line.OPTIONS
    rules: tuple[Rule, ...] = BUILT_ON


class LlamaCppModel:
    """A model's file in llama.cpp."""

    def __init__(self, program: Program, model: Model, scheme: Scheme, weights: Weights) -> None:
        self.program = program
        self.model = model
        self.scheme = scheme
        self.weights = weights
        self.subject = Subject(model=model, file=self.weights.file, packed=self.weights.packed)
        self.buffers = Buffers(self.subject)
        self._held: dict[Split, tuple[Held, ...]] = {}

    @property
    def file(self) -> GgufFile:
        """The file's tensors."""
        return self.weights.file

    @property
    def file_bytes(self) -> Bytes:
        """The language model's file; a projector for images or sound is a second one."""
        return self.weights.file_bytes

    def settle(self, workload: Workload) -> Workload:
        """The defaults of llama-server. Raises BadInput on what llama.cpp refuses."""
        slots = workload.parallel or max(workload.batch, self.program.parallel)
        unified = {"kv_unified": "on"} if self.program.kv_unified else {}
        settled = msgspec.structs.replace(
            workload,
            kv_cache=workload.kv_cache or "f16",
            attention=workload.attention or "auto",
            ubatch=workload.ubatch or UBATCH,
            parallel=slots,
            settings=unified | dict(workload.settings),
        )
        options.split(settled, self.file, [1])
        cache.check(self.subject, options.settings(settled))
        return settled

    def memory(self, workload: Workload, cards: int = 1) -> Memory:
        """Weights, caches, buffers and each card's context, over so many equal cards."""
        where = options.split(workload, self.file, [1] * cards)
        terms = (
            *weight_terms(self._hold(where)),
            *self._second(workload),
            *(t for k in (*range(cards), HOST) for t in self._runtime(workload, where, cards, k)),
            context(cards),
        )
        total = self._range(terms, cards)
        return Memory(terms=terms, total=total, notes=self.notes(workload))

    def totals(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Range, ...]:
        """The totals of `shares`."""
        return tuple(share.total for share in self.shares(workload, usable))

    def shares(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Memory, ...]:
        """Layers in order, as many to each card as its share of the memory.

        What is in host memory is told with the first card.
        """
        where = options.split(workload, self.file, _free(usable))
        return tuple(self._share(workload, where, len(usable), k) for k in range(len(usable)))

    def offloaded(self, workload: Workload, usable: Sequence[Bytes]) -> Offload | None:
        """Most on cards of these sizes, the rest in host memory; None if not one layer goes in."""
        return offload.offloaded(self, workload, usable, self.program.offloading)

    def rebalanced(
        self, workload: Workload, usable: Sequence[Bytes]
    ) -> tuple[Workload, str] | None:
        """Cards filled in turn, by proportions that are numbers of layers."""
        word = self.program.offloading.split
        found = rebalance.rebalanced(self, workload, usable) if word else None
        return None if found is None else (found, f"{word} {found.settings[rebalance.SPLIT]}")

    def held(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Held, ...]:
        """The weights at their places on cards of these sizes."""
        return self._hold(options.split(workload, self.file, _free(usable)))

    def _share(self, workload: Workload, where: Split, cards: int, card: int) -> Memory:
        devices = (card,) if card else (card, HOST)
        terms = (
            *weight_terms(h for h in self._hold(where) if h.card in devices),
            *(() if card else self._second(workload)),
            *(t for k in devices for t in self._runtime(workload, where, cards, k)),
            context(1),
        )
        notes = () if card else self.notes(workload)
        return Memory(terms=terms, total=self._range(terms, 1), notes=notes)

    def _hold(self, where: Split) -> tuple[Held, ...]:
        if where not in self._held:
            self._held[where] = self.weights.hold(where)
        return self._held[where]

    def _runtime(self, workload: Workload, where: Split, cards: int, device: int) -> Iterator[Term]:
        """What a device holds beside weights, named by the card where there are several."""
        asked = options.settings(workload)
        for term in (
            *cache.terms(self.subject, asked, where, device),
            *recurrent.terms(self.subject, asked, where, device),
            *self.buffers.terms(asked, where, cards, device),
        ):
            if cards == 1 or device == HOST:
                yield term
            else:
                yield msgspec.structs.replace(term, name=f"{term.name}, card {device + 1}")

    def _second(self, workload: Workload) -> tuple[Term, ...]:
        return projector.terms(self.model) if workload.settings.get("mmproj") == "on" else ()

    def _range(self, terms: Sequence[Term], cards: int) -> Range:
        """Buffers are exact unless they are sketched; what the process takes differs by card.

        The least is the sum of llama.cpp's own log, whose lines are rounded. At most a matrix more
        is turned to f16: by kernels that do not take packed ones in batches.
        """
        sizes = {name: sum(t.size for t in terms if t.component == name) for name in COMPONENTS}
        expected = sum(sizes.values()) - sizes["host"]
        sketched = sizes["activations"] if self.buffers.rough else 0
        most = CONTEXT_HIGH - CONTEXT + self.weights.largest_unpacked
        return Range(
            Bytes(max(0, expected - sizes["overhead"] - sketched // 2 - MIB)),
            Bytes(expected),
            Bytes(expected + cards * most + sketched),
        )

    def notes(self, workload: Workload) -> tuple[str, ...]:
        """What is not in the terms unless asked for."""
        found = []
        if self.model.towers and not self._second(workload):
            size = sum(t.size for t in projector.terms(self.model))
            found.append(f"images or sound take a second file (mmproj) of {gib(size)} GiB more")
        if self.model.mtp_layers and not self.file.nextn:
            found.append("the file is counted without layers for multi-token prediction")
        if self.buffers.rough:
            found.append(f"compute buffers of {self.file.arch} are sketched: half to double")
        return tuple(found)


class LlamaCpp:
    """The engine, and the programs on top of it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.rules = program.rules
        self.name = program.name
        self.title = program.title
        self.defaults = program.defaults
        self.options = program.options
        self.instead = command_line.INSTEAD

    def accepts(self, workload: Workload) -> None:
        """Raises BadInput and UnknownName on values that llama.cpp does not know."""
        options.settings(workload)
        for name in ("n_gpu_layers", "n_cpu_moe"):
            options.number(workload, name)
        options.flag(workload, "mmproj")
        options.one_card(workload)
        options.number(workload, "main_gpu")
        options.proportions(workload)

    def choices(self, machine: Machine, workload: Workload) -> Sequence[tuple[Card, ...]]:
        """The sets of cards that split mode, proportions and main card allow."""
        return options.choices(machine.cards, workload)

    def default_scheme(self, model: Model, precision: Precision) -> Scheme | None:
        """The mixtures that most published files have; MXFP4 as it is where it is the model's own.

        Such experts are copied block by block, and have no 16 bits to be made of.
        """
        if publisher(model, SCHEMES["mxfp4"]) is not None:
            return SCHEMES["mxfp4_moe"] if precision == "int4" else None
        name = _DEFAULTS.get(precision)
        return None if name is None else SCHEMES[name]

    def load(self, model: Model, scheme: Scheme, stored: Checkpoint | None = None) -> LlamaCppModel:
        """A file of that type, or the very file that is `stored`.

        Raises BadInput for a scheme that is no file type, and for a model that llama.cpp does not
        run.
        """
        if stored is not None and stored.format == "gguf":
            return LlamaCppModel(self.program, model, scheme, as_stored(model, stored))
        file_type = _file_type(model, scheme)
        if file_type is None:
            runners = ", ".join(scheme.engines)
            raise BadInput(f"{scheme.name} is not run by {self.name}, but by {runners}")
        made = Weights.made(model, file_type, scheme.imatrix)
        return LlamaCppModel(self.program, model, scheme, made)

    def usable(self, card: Card, workload: Workload) -> Bytes:
        """All that is free, less what the program spares."""
        return Bytes(max(card.available - self.program.spared, 0))


def _free(usable: Sequence[Bytes]) -> list[int]:
    """What llama.cpp sees as free of each card when it divides: its own context is there by then.

    Source: llama.cpp 0c1e57098, src/llama-model.cpp, load_tensors (ggml_backend_dev_memory).
    """
    return [max(u - CONTEXT, 1) for u in usable]


def _file_type(model: Model, scheme: Scheme) -> FileType | None:
    """The scheme's file type; a model published in MXFP4 keeps it if asked for by that name."""
    if scheme.file_type is not None:
        return FILE_TYPES[scheme.file_type]
    published = (model.quantization_config or {}).get("quant_method")
    return FILE_TYPES["copy"] if scheme.name == published == "mxfp4" else None


def context(cards: int) -> Term:
    """What each card's driver context takes."""
    return Term(
        component="overhead",
        name="CUDA context and kernels",
        size=Bytes(cards * CONTEXT),
        formula="cards * context",
        values={"cards": cards, "context": CONTEXT},
        source="llama-server --list-devices on idle cards, 392 to 527 MiB (2025 and 2026)",
    )


LLAMA_CPP: Final = LlamaCpp(
    Program(
        name=NAME,
        title="GGUF files, on cards and beside them",
        defaults="all layers on the card, f16 cache, ubatch 512, one slot, flash attention",
        rules=RULES,
    )
)
# Ollama: what it leaves of each card is MinimumMemory in ml/device.go (ollama 01dea0353, 2026);
# OLLAMA_NUM_PARALLEL is 1.
OLLAMA: Final = LlamaCpp(
    Program(
        name="ollama",
        title="llama.cpp, models by name",
        defaults="457 MiB of each card left free, f16 cache, one request at a time",
        spared=Bytes(457 * MIB),
        offloading=offload.Options("num_gpu {}"),
        options=command_line.OLLAMA,
    )
)
# LM Studio: Max Concurrent Predictions is 4 (lmstudio.ai/docs/app/advanced/parallel-requests),
# on a unified cache (release notes of 0.4.0, January 2026).
LM_STUDIO: Final = LlamaCpp(
    Program(
        name="lmstudio",
        title="llama.cpp with windows and buttons",
        defaults="four slots that share one f16 cache",
        parallel=4,
        kv_unified=True,
        offloading=offload.Options("GPU offload {}"),
        options=command_line.LM_STUDIO,
    )
)
