"""Runs a model of random weights in transformers and says what memory that took.

`python run_transformers.py FOLDER/job.json` writes FOLDER/result.json. It imports nothing of
fitcheck, so any Python (3.9 or later) that has torch and transformers can run it. The weights come
from a checkpoint that is one hole in a file: the library's own loader places and quantizes them as
it would a real model's, and nothing is downloaded or written to the disk.
"""

# ruff: noqa: ANN401 (torch and transformers are whatever is installed)
from __future__ import annotations

import gc
import importlib
import json
import random
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

CHECKPOINT = "model.safetensors"
# Safetensors' names of torch's types: huggingface/safetensors 0.8.0, bindings/python/torch.py.
DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64",
    "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "complex64": "C64",
}  # fmt: skip
# Where the class of a model is looked for that names none: first by what it is, then anywhere.
ENCODERS = ("AutoModelForMaskedLM",)
PAIRS = ("AutoModelForSeq2SeqLM", "AutoModelForSpeechSeq2Seq")
WITH_TOWERS = ("AutoModelForImageTextToText", "AutoModelForMultimodalLM", "AutoModelForVision2Seq")
ANY = ("AutoModelForCausalLM", *WITH_TOWERS, *PAIRS, *ENCODERS, "AutoModel")
# Of a config.json what would fetch code, or describe weights that are not random.
UNWANTED = frozenset(
    ("auto_map", "quantization_config", "model_type", "transformers_version", "_name_or_path")
)
# Long enough for whoever watches the card from outside to see the end.
LINGER_SECONDS = 1.0


class Failure(Exception):
    """Why there is no figure. `kind` is for programs, the text for people."""

    def __init__(self, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.more = more


class Tensor(NamedTuple):
    """A tensor of the checkpoint; `dtype` by its safetensors name."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int


class Libraries(NamedTuple):
    """What is imported; a test passes its own."""

    torch: Any
    transformers: Any


class CudaMeter:
    """What torch says of its own memory on a card, and what the driver says of all of it."""

    def __init__(self, torch: Any, device: str) -> None:
        self.torch = torch
        self.device = device

    def settle(self) -> None:
        """Give back what is cached, and count peaks from here on."""
        gc.collect()
        self.torch.cuda.synchronize(self.device)
        self.torch.cuda.empty_cache()
        self.torch.cuda.reset_peak_memory_stats(self.device)

    def now(self) -> int:
        """Bytes of tensors that live."""
        return int(self.torch.cuda.memory_allocated(self.device))

    def peaks(self) -> dict[str, int]:
        """The most since `settle`: `allocated` of live tensors, `reserved` from the driver."""
        self.torch.cuda.synchronize(self.device)
        return {
            "allocated": int(self.torch.cuda.max_memory_allocated(self.device)),
            "reserved": int(self.torch.cuda.max_memory_reserved(self.device)),
        }

    def card(self) -> dict[str, Any]:
        """The card by name, its compute capability, and its memory in use by anyone."""
        free, total = self.torch.cuda.mem_get_info(self.device)
        major, minor = self.torch.cuda.get_device_capability(self.device)
        return {
            "card": self.torch.cuda.get_device_name(self.device),
            "capability": f"{major}.{minor}",
            "total": total,
            "used": total - free,
        }


def libraries() -> Libraries:
    """Raises Failure where one is not installed here."""
    found = []
    for name in ("torch", "transformers"):
        try:
            found.append(importlib.import_module(name))
        except ImportError as fault:
            raise Failure("missing", f"{sys.executable} cannot import {name} ({fault})") from None
    return Libraries(*found)


def cuda_meter(torch: Any, device: str) -> CudaMeter:
    """Raises Failure where this torch sees no card."""
    if not torch.cuda.is_available():
        built = getattr(torch.version, "cuda", None) or getattr(torch.version, "hip", None)
        why = "it sees no card" if built else "it is built for the CPU alone"
        raise Failure("no card", f"torch {torch.__version__} cannot use a card: {why}")
    torch.cuda.init()
    return CudaMeter(torch, device)


def configuration(values: dict[str, Any], transformers: Any) -> Any:
    """config.json's words as the library's own object. Raises Failure for an unknown model."""
    model_type = values.get("model_type")
    kept = {k: v for k, v in values.items() if k not in UNWANTED}
    try:
        return transformers.AutoConfig.for_model(model_type, **kept)
    except (ValueError, KeyError):
        raise Failure(
            "unknown model",
            f"transformers {transformers.__version__} has no {model_type} models; "
            "code from elsewhere is not run",
        ) from None


def model_class(config: Any, transformers: Any, encoder: bool = False) -> Any:
    """The class that the configuration names, else the first that the library has for it."""
    for name in getattr(config, "architectures", None) or ():
        found = getattr(transformers, name, None)
        if found is not None:
            return found
    for auto in (*_likely(config, encoder), *ANY):
        mapping = getattr(getattr(transformers, auto, None), "_model_mapping", {})
        try:
            found = mapping[type(config)]
        except KeyError:
            continue
        return found[0] if isinstance(found, (list, tuple)) else found
    raise Failure("unknown model", f"transformers has no class for {type(config).__name__}")


def _likely(config: Any, encoder: bool) -> tuple[str, ...]:
    if encoder:
        return ENCODERS
    if getattr(config, "is_encoder_decoder", False):
        return PAIRS
    towers = ("vision_config", "audio_config", "thinker_config")
    return WITH_TOWERS if any(getattr(config, name, None) for name in towers) else ()


def outline(model: Any) -> list[Tensor]:
    """Every tensor of a model that a checkpoint holds; tied ones once."""
    found: dict[int, Tensor] = {}
    for name, value in model.state_dict(keep_vars=True).items():
        if not hasattr(value, "dtype"):
            continue
        kind = DTYPES[str(value.dtype).rpartition(".")[2]]
        size = value.numel() * value.element_size()
        found.setdefault(id(value), Tensor(name, kind, tuple(value.shape), size))
    return list(found.values())


def write_hollow(path: Path, tensors: list[Tensor]) -> None:
    """A safetensors file with a header and a hole. Raises Failure where the disk keeps no holes."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for t in tensors:
        header[t.name] = {"dtype": t.dtype, "shape": t.shape, "data_offsets": [end, end + t.size]}
        end += t.size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    blocks = getattr(path.stat(), "st_blocks", None)
    if blocks is not None and blocks * 512 > len(text) + (1 << 20):
        raise Failure("no holes", f"the disk under {path.parent} cannot keep a file with holes")


def loading_options(job: dict[str, Any], libs: Libraries) -> dict[str, Any]:
    """What from_pretrained is asked for, in the words of the version that is installed."""
    torch, transformers = libs
    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    options: dict[str, Any] = {
        # transformers 4.56 renamed torch_dtype.
        "dtype" if version >= (4, 56) else "torch_dtype": getattr(torch, job["dtype"]),
        "device_map": {"": job["device"]},
        "use_safetensors": True,
    }
    if job.get("attention"):
        options["attn_implementation"] = job["attention"]
    if job.get("bitsandbytes"):
        options["quantization_config"] = _bitsandbytes(job, libs)
    return options


def _bitsandbytes(job: dict[str, Any], libs: Libraries) -> Any:
    try:
        importlib.import_module("bitsandbytes")
    except ImportError as fault:
        raise Failure("missing", f"{sys.executable} cannot import bitsandbytes ({fault})") from None
    options = dict(job["bitsandbytes"])
    if options.get("load_in_4bit"):
        options["bnb_4bit_compute_dtype"] = getattr(libs.torch, job["dtype"])
    return libs.transformers.BitsAndBytesConfig(**options)


def load(job: dict[str, Any], folder: Path, libs: Libraries) -> Any:
    """The model on the card, loaded from a hole and filled with random numbers."""
    torch, transformers = libs
    config = configuration(job["config"], transformers)
    cls = model_class(config, transformers, bool(job.get("encoder")))
    with torch.device("meta"):
        hollow = cls(config)
    hollow = hollow.to(getattr(torch, job["dtype"]))
    if hasattr(hollow, "tie_weights"):
        hollow.tie_weights()
    write_hollow(folder / CHECKPOINT, outline(hollow))
    del hollow
    config.save_pretrained(folder)
    try:
        model = cls.from_pretrained(str(folder), config=config, **loading_options(job, libs))
    finally:
        (folder / CHECKPOINT).unlink()
    model.eval()
    with torch.no_grad():
        randomise(model)
    return model


def randomise(model: Any) -> None:
    """Numbers such that no router sends all tokens to the same experts; memory stays as it is."""
    for name, value in model.named_parameters():
        quantized = getattr(value, "quant_state", None)
        if quantized is not None:
            value.data.random_(0, 256)
            _scale(quantized)
        elif getattr(value, "CB", None) is not None:
            value.CB.random_(-127, 128)
            value.SCB.fill_(2.0)
        elif value.is_floating_point() and value.element_size() > 1:
            if value.dim() > 1:
                value.normal_(0.0, 0.02)
            else:
                value.fill_(0.0 if "bias" in name else 1.0)


def _scale(state: Any) -> None:
    """A block's scale, plain or itself quantized."""
    if getattr(state, "state2", None) is None:
        state.absmax.fill_(0.05)
    else:
        state.absmax.random_(0, 256)
        state.state2.absmax.fill_(0.02)


def prompt(job: dict[str, Any], model: Any, torch: Any) -> dict[str, Any]:
    """Random tokens, below those that stand for images and the like."""
    rows = model.get_input_embeddings().weight.shape[0]
    low, high = min(10, rows - 1), min(1000, rows)
    draw = random.Random(0)
    ids = [[draw.randrange(low, high) for _ in range(job["prompt"])] for _ in range(job["batch"])]
    found = torch.tensor(ids, device=job["device"])
    return {"input_ids": found, "attention_mask": torch.ones_like(found)}


def generate(job: dict[str, Any], model: Any, torch: Any) -> Any:
    """One run: a prompt and so many tokens, or one pass where a model does not generate."""
    inputs = prompt(job, model, torch)
    with torch.no_grad():
        if job.get("encoder") or not model.can_generate():
            return model(**inputs)
        return model.generate(
            **inputs,
            max_new_tokens=job["new_tokens"],
            min_new_tokens=job["new_tokens"],
            do_sample=False,
            use_cache=True,
            pad_token_id=0,
            return_dict_in_generate=True,
        )


def tensors_in(value: Any, depth: int = 6, seen: set[int] | None = None) -> Iterator[Any]:
    """Every tensor inside of lists, mappings and objects."""
    seen = set() if seen is None else seen
    if value is None or id(value) in seen or depth < 0:
        return
    seen.add(id(value))
    if hasattr(value, "untyped_storage"):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item, depth - 1, seen)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item, depth - 1, seen)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        yield from tensors_in(vars(value), depth - 1, seen)


def cache_bytes(output: Any) -> int | None:
    """What a cache keeps alive, views counted with all that they are a part of. None: no cache."""
    for name in ("past_key_values", "cache_params"):
        cache = getattr(output, name, None)
        if cache is not None:
            stores = [t.untyped_storage() for t in tensors_in(cache)]
            sizes: dict[int, int] = {s.data_ptr(): s.nbytes() for s in stores if s.nbytes()}
            return sum(sizes.values())
    return None


def measured(job: dict[str, Any], folder: Path, libs: Libraries, meter: Any) -> dict[str, Any]:
    """Loads and runs the model. Raises Failure; running out of memory is one that has figures."""
    place = "loading the weights"
    try:
        model = load(job, folder, libs)
        meter.settle()
        weights = meter.now()
        place = "generating" if job["new_tokens"] > 1 else "reading the prompt"
        output = generate(job, model, libs.torch)
        peaks = meter.peaks()
        cache = cache_bytes(output)
        del output
        gc.collect()
        kept = meter.now() - weights
    except Exception as fault:
        if "out of memory" not in str(fault).lower():
            raise
        raise Failure("out of memory", place, **meter.card(), **meter.peaks()) from None
    return {"weights": weights, "kv_cache": cache, "kept": kept, **peaks, **meter.card()}


def versions(libs: Libraries) -> dict[str, str]:
    """Of everything that memory depends on."""
    found = {"torch": libs.torch.__version__, "transformers": libs.transformers.__version__}
    for name in ("bitsandbytes", "accelerate"):
        if name in sys.modules:
            found[name] = getattr(sys.modules[name], "__version__", "?")
    cuda = getattr(libs.torch.version, "cuda", None)
    return {**found, **({"cuda": cuda} if cuda else {})}


def answer(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The result, or the failure, as plain values."""
    try:
        libs = libraries()
        meter = cuda_meter(libs.torch, job["device"])
        return {**measured(job, folder, libs, meter), "versions": versions(libs)}
    except Failure as fault:
        return {"failure": fault.kind, "message": str(fault), **fault.more}
    except Exception as fault:  # whatever a library raises is its answer
        lines = str(fault).strip().splitlines() or [""]
        return {"failure": "refused", "message": f"{type(fault).__name__}: {lines[0]}"}


def main(argv: list[str]) -> None:
    """Writes the result whole, then waits a moment so that the card can be looked at."""
    path = Path(argv[0])
    result = answer(json.loads(path.read_text()), path.parent)
    part = path.parent / "result.part"
    part.write_text(json.dumps(result))
    part.replace(path.parent / "result.json")
    time.sleep(LINGER_SECONDS if "failure" not in result else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
