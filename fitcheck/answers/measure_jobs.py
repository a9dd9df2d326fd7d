"""An estimate as something that can be run: what a measuring process is told to build."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from fitcheck.answers.estimate import Estimate
from fitcheck.architecture import Attention, Model
from fitcheck.catalog import Catalog
from fitcheck.engines.llama_cpp import LLAMA_CPP
from fitcheck.engines.llama_cpp.gguf import GgufFile
from fitcheck.engines.llama_cpp.packing import Packed
from fitcheck.engines.llama_cpp.tensors import CALLED
from fitcheck.errors import BadInput
from fitcheck.measure import gguf_metadata, llama_cpp, transformers
from fitcheck.measure.gguf_writer import HollowTensor
from fitcheck.measure.process import Start
from fitcheck.measure.records import LlamaCppJob, Reading, TransformersJob
from fitcheck.resolve import HUB, Subject
from fitcheck.sources.json_text import read_mapping

Run = Callable[[Start], Reading]

_PLAIN: Final = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
# What is on in transformers' BitsAndBytesConfig; the computing type is the model's.
_BITSANDBYTES: Final[dict[str, dict[str, Any]]] = {
    "bnb-int8": {"load_in_8bit": True},
    **{
        f"bnb-{kind}{suffix}": {
            "load_in_4bit": True,
            "bnb_4bit_quant_type": kind,
            "bnb_4bit_use_double_quant": bool(suffix),
        }
        for kind in ("nf4", "fp4")
        for suffix in ("", "-dq")
    },
}
_ATTENTION: Final = {"flash": "flash_attention_2", "sdpa": "sdpa", "eager": "eager"}
_FLASH: Final[dict[str, Literal["auto", "on", "off"]]] = {
    "auto": "auto", "flash": "on", "eager": "off",
}  # fmt: skip


def run(e: Estimate, word: str, catalog: Catalog, python: str, folder: Path | None) -> Run:
    """What measures this estimate. Raises BadInput for what cannot be built, NoFigure for an
    engine that is not there.

    `word` is what the model was named by, `python` the interpreter that has transformers, `folder`
    where llama.cpp's programs are.
    """
    match e.engine:
        case "transformers":
            job = transformers_job(e, config(e.subject, word, catalog))
            return lambda start: transformers.run(job, python, start)
        case "llama.cpp":
            return _llama_cpp(e, folder)
        case engine:
            raise BadInput(f"measure runs transformers and llama.cpp; for {engine} give its --log")


def config(subject: Subject, word: str, catalog: Catalog) -> Mapping[str, Any]:
    """config.json's words for the model. Raises BadInput where nobody has them."""
    if subject.entry is not None:
        return catalog.config(subject.entry) or {}
    if word.startswith(HUB):
        raise BadInput("measure fetches nothing: name the model's config.json or its folder")
    path = Path(word).expanduser()
    file = path / "config.json" if path.is_dir() else path
    if file.suffix != ".json":
        file = file.parent / "config.json"
    return read_mapping(file)


def transformers_job(e: Estimate, words: Mapping[str, Any]) -> TransformersJob:
    """A model of random numbers, and a run that ends with the whole context in its cache.

    Raises BadInput for a scheme that is not made here.
    """
    model, w = e.subject.model, e.workload
    assert model is not None
    name = e.scheme.name
    if name not in _PLAIN and name not in _BITSANDBYTES:
        known = ", ".join((*_PLAIN, *_BITSANDBYTES))
        raise BadInput(f"measure makes no {name} out of random numbers; it makes {known}")
    return TransformersJob(
        config=words,
        dtype=_dtype(name, model),
        prompt=w.prompt,
        # The last token is not fed back, so one more than the cache is to hold.
        new_tokens=w.context - w.prompt + 1,
        batch=w.batch,
        attention=_ATTENTION.get(w.attention or ""),
        bitsandbytes=_BITSANDBYTES.get(name),
        encoder=_encoder(model),
    )


def _dtype(name: str, model: Model) -> str:
    """fp16 is whichever 16 bit type the model is published in."""
    if name == "fp16" or name not in _PLAIN:
        return model.dtype if model.dtype in ("float16", "bfloat16") else "float16"
    return _PLAIN[name]


def _encoder(model: Model) -> bool:
    mixers = [mixer for layer, _ in model.kinds for mixer in layer.mixers]
    return bool(mixers) and all(isinstance(m, Attention) and m.bidirectional for m in mixers)


def _llama_cpp(e: Estimate, folder: Path | None) -> Run:
    model = e.subject.model
    assert model is not None
    if e.subject.stored_as:
        if e.subject.path.startswith(HUB):
            raise BadInput("measure fetches nothing: name the .gguf file on this machine")
        job = llama_cpp_job(e, str(Path(e.subject.path).expanduser().absolute()))
        program = llama_cpp.program(job, folder)
        return lambda start: llama_cpp.run(job, program, start)
    weights = LLAMA_CPP.load(model, e.scheme).weights
    metadata = gguf_metadata.metadata(weights.file.arch, model, weights.file.block_count)
    tensors = hollow_tensors(weights.file, weights.packed)
    hollow = llama_cpp_job(e, "")
    program = llama_cpp.program(hollow, folder)
    return lambda start: llama_cpp.run_hollow(hollow, program, start, metadata, tensors)


def llama_cpp_job(e: Estimate, file: str) -> LlamaCppJob:
    """The workload in llama.cpp's words."""
    w = e.workload
    return LlamaCppJob(
        file=file,
        context=w.context,
        prompt=w.prompt,
        parallel=max(w.parallel or 1, w.batch),
        ubatch=w.ubatch or 512,
        kv_cache={"fp16": "f16", "fp32": "f32"}.get(w.kv_cache or "f16", w.kv_cache or "f16"),
        flash_attention=_FLASH.get(w.attention or "auto", "auto"),
    )


# In a GGUF file without `.weight` at the end of their names.
_BARE: Final = frozenset(("ssm_a", "ssm_d"))
# Mamba 2 has a number for each head where Mamba has a row.
_BY_HEAD: Final = frozenset(("granitehybrid",))


def hollow_tensors(file: GgufFile, packed: tuple[Packed, ...]) -> list[HollowTensor]:
    """Every tensor of the file, one by one, under the name that llama.cpp looks for."""
    return [t for p in packed for t in _each(file.arch, p)]


def _each(arch: str, p: Packed) -> Iterator[HollowTensor]:
    role = CALLED.get((arch, p.tensor.role), p.tensor.role)
    whole = role.endswith((".bias", ".scale")) or role in _BARE
    name = role if whole else f"{role}.weight"
    ne = (1, *p.tensor.ne) if role in _BARE and arch in _BY_HEAD else p.tensor.ne
    for prefix in [f"blk.{n}." for n in p.layers] or [""]:
        yield HollowTensor(prefix + name, ne, p.block_type.name)
