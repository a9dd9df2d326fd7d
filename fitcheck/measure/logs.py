"""What llama.cpp, Ollama and vLLM write about their memory when they start."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fitcheck.errors import BadInput
from fitcheck.measure.records import Machine, Parts, Reading
from fitcheck.units import Bytes, parse_size

LARGEST: Final = 64 << 20
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*m")


def read(path: Path) -> Reading:
    """The newest start that a file tells of. Raises BadInput where it tells of none."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise BadInput(f"cannot read {path}: {reason}") from None
    if len(data) > LARGEST:
        raise BadInput(f"{path}: is too large to be an engine's log")
    found = parse(data.decode("utf-8", "replace"))
    if found is None:
        raise BadInput(f"{path}: no line of llama.cpp's, Ollama's or vLLM's tells of memory")
    return found


def parse(text: str) -> Reading | None:
    """The newest start in a log, None where no line tells of memory."""
    text = _ESCAPES.sub("", text)
    found = (reader(text) for reader in (llama_cpp, ollama, vllm))
    return next((reading for reading in found if reading is not None), None)


# llama.cpp 0c1e57098 (2026-10), src/llama-model.cpp (load_tensors), llama-kv-cache.cpp,
# llama-memory-recurrent.cpp, llama-context.cpp. Until 2024 `model` was not said.
_BUFFER: Final = re.compile(
    r"(?P<by>\w+):\s+(?P<device>[\w-]+)\s+(?:(?P<kind>model|KV|RS|compute|output) )?"
    r"buffer size =\s*(?P<mib>[\d.]+) MiB"
)
_NEW_MODEL: Final = re.compile(r"llama_model_loader: loaded meta data")
_OLD: Final = "llama_new_context_with_model"
_NEW_CONTEXT: Final = re.compile(rf"llama_context: constructing|{_OLD}: n_ctx ")
_STARTED_WITH: Final = re.compile(
    rf"(?:llama_context|{_OLD}): (n_\w+|flash_attn|kv_unified) += (\w+)\s*$"
)
_DEVICE: Final = re.compile(r"Device 0: (?P<card>[^,]+), compute capability (?P<of>[\d.]+)")
_USING: Final = re.compile(r"using device \w+ \((?P<card>[^)]+)\)")
_BUILD: Final = re.compile(r"\bbuild:? (\d+ \(\w+\))")

Buffers = dict[tuple[str, str], float]


def llama_cpp(text: str) -> Reading | None:
    """The buffers of the last model and context in a log, summed over cards."""
    held: Buffers = {}
    said: dict[str, str] = {}
    for line in text.splitlines():
        if _NEW_MODEL.search(line):
            held.clear()
        elif _NEW_CONTEXT.search(line):
            held = {key: size for key, size in held.items() if key[0] == "model"}
        said.update(_STARTED_WITH.findall(line))
        match = _BUFFER.search(line)
        if match:
            _take(held, match)
    if not held:
        return None
    card = {kind: _on_card(held, kind) for kind in ("model", "KV", "RS", "compute", "output")}
    scratch = _sum(card["compute"], card["output"])
    return Reading(
        engine="llama.cpp",
        how="log",
        parts=Parts(
            weights=card["model"],
            kv_cache=card["KV"],
            recurrent_state=card["RS"],
            activations=scratch,
            allocated=None if None in (card["model"], scratch) else _sum(*card.values()),
            host=_sum(*(_bytes(size) for (_, where), size in held.items() if is_host(where))),
        ),
        machine=_machine(text),
        versions=_version(text),
        started=said,
        notes=tuple(_cards_note({where for _, where in held if not is_host(where)})),
    )


def _cards_note(cards: set[str]) -> Iterator[str]:
    if len(cards) > 1:
        yield f"the log is of {len(cards)} cards, and these are their sums"


def _sum(*sizes: Bytes | None) -> Bytes | None:
    """Of what is known; None where nothing is."""
    known = [size for size in sizes if size is not None]
    return Bytes(sum(known)) if known else None


def _take(held: Buffers, match: re.Match[str]) -> None:
    """A model, and two caches (one of windows), may have several buffers on a device."""
    key = (match["kind"] or "model", match["device"])
    before = 0.0 if key[0] in ("compute", "output") else held.get(key, 0.0)
    held[key] = before + float(match["mib"])


def _bytes(mib: float) -> Bytes:
    return Bytes(round(mib * (1 << 20)))


def _on_card(held: Buffers, kind: str) -> Bytes | None:
    """Bytes of that kind on cards; None where no line tells of any, in RAM or out of it."""
    told = [where for k, where in held if k == kind]
    sizes = [_bytes(held[kind, where]) for where in told if not is_host(where)]
    return Bytes(sum(sizes)) if told else None


def is_host(device: str) -> bool:
    """Whether a buffer of that name is in RAM: CPU, CPU_Mapped, CPU_REPACK, AMX, CUDA_Host."""
    return device.startswith(("CPU", "AMX", "BLAS")) or device.endswith("_Host")


def _machine(text: str) -> Machine:
    device, using = _DEVICE.search(text), _USING.search(text)
    return Machine(
        card=device["card"] if device else using["card"] if using else "",
        architecture=device["of"] if device else "",
    )


def _version(text: str) -> dict[str, str]:
    build = _BUILD.search(text)
    return {"llama.cpp": build[1]} if build else {}


# Ollama 01dea0353 (2026), ml/device.go and llm/server.go.
_OLLAMA: Final = re.compile(
    r'msg="(?P<kind>model weights|kv cache|compute graph)" device=(?P<device>\S+) '
    r'size="(?P<size>[\d.]+ [KMG]iB)"'
)
_OLLAMA_TOTAL: Final = re.compile(r'msg="total memory" size="[\d.]+ [KMGT]?i?B"')


def ollama(text: str) -> Reading | None:
    """The sizes that Ollama's own engine printed last; they have two digits."""
    held: dict[tuple[str, str], Bytes] = {}
    whole: dict[tuple[str, str], Bytes] = {}
    for line in text.splitlines():
        match = _OLLAMA.search(line)
        if match:
            held[match["kind"], match["device"]] = parse_size(match["size"]) or Bytes(0)
        elif _OLLAMA_TOTAL.search(line):
            whole, held = held, {}
    held = held or whole
    if not held:
        return None
    card = {
        kind: _sum(*(s for (k, d), s in held.items() if k == kind and not is_host(d)))
        for kind in ("model weights", "kv cache", "compute graph")
    }
    whole_card = None if None in card.values() else _sum(*card.values())
    return Reading(
        engine="ollama",
        how="log",
        parts=Parts(
            weights=card["model weights"],
            kv_cache=card["kv cache"],
            activations=card["compute graph"],
            allocated=whole_card,
            host=_sum(*(size for (_, device), size in held.items() if is_host(device))),
        ),
        notes=("Ollama prints its sizes rounded",),
    )


# vLLM 0.6 to 0.33: worker/worker.py, v1/worker/gpu_worker.py, gpu_model_runner.py,
# v1/core/kv_cache_utils.py. V0 writes GiB right behind the number; V1 all in one line once its
# graphs are captured (0.10 on), and "consumed" in place of weights and the rest since 0.27.
_GIB: Final = r"\s*(-?[\d.]+) ?G(?:i)?B"
_VLLM: Final[dict[str, tuple[str, ...]]] = {
    "weights": (
        r"Model loading took" + _GIB,
        r"[Ll]oading model weights took" + _GIB,
        r"model weights take" + _GIB,
    ),
    "activations": (
        _GIB + " for peak activation",
        r"PyTorch activation peak memory(?: takes)?" + _GIB,
        r"torch peak memory increase:" + _GIB,
    ),
    "other": (_GIB + " for non-torch memory", r"non_torch_memory(?: takes)?" + _GIB),
    "consumed": (_GIB + r" for consumed memory",),
    "kv_cache": (
        r"Available KV cache memory:" + _GIB,
        r"available_kv_cache_memory" + _GIB,
        r"reserved for KV Cache is" + _GIB,
        r"Current kv cache memory in use is" + _GIB,
    ),
    "graphs": (
        r"Graph capturing finished in [\d.]+ secs, took" + _GIB,
        _GIB + " for CUDAGraph memory",
    ),
    "total": (r"total_gpu_memory \(?" + _GIB, r"Free memory on device \([\d.]+/" + _GIB),
}
# What it was started with: of the engine's configuration, and of the options that are not usual.
_STARTED_VLLM: Final = re.compile(
    r"\b(max_seq_len|max_num_batched_tokens|max_num_seqs|tensor_parallel_size"
    r"|pipeline_parallel_size|enforce_eager|kv_cache_dtype)'?[=:] ?'?(\w+)"
)
_TOKENS: Final = re.compile(r"GPU KV cache size: ([\d,]+) tokens")
_BLOCKS: Final = re.compile(r"# (?:GPU|cuda) blocks: (\d+)")
_BLOCK_TOKENS: Final = 16
_RANK: Final = re.compile(r"Worker_?TP(\d+)|Worker(?:Process)? pid=(\d+)")
_VLLM_VERSION: Final = re.compile(r"(?:vLLM (?:API server )?version|LLM engine \(v)\s*([\d.]+)")


def vllm(text: str) -> Reading | None:
    """What one worker says of its card."""
    told = {name: _last(text, patterns) for name, patterns in _VLLM.items()}
    weights, cache = told["weights"], told["kv_cache"]
    if weights is None and cache is None:
        return None
    other, consumed = told["other"], told["consumed"]
    if other is None and consumed is not None and weights is not None:
        other = Bytes(consumed - weights)
    beside = [size for size in (other, told["graphs"]) if size is not None]
    version = _VLLM_VERSION.search(text)
    workers = {a or b for a, b in _RANK.findall(text)}
    return Reading(
        engine="vllm",
        how="log",
        parts=Parts(weights=weights, kv_cache=cache, activations=told["activations"]),
        machine=Machine(total=told["total"]),
        versions={"vllm": version[1]} if version else {},
        tokens=_tokens(text),
        started=dict(_STARTED_VLLM.findall(text)),
        notes=tuple(_vllm_notes(len(workers), beside)),
    )


def _last(text: str, patterns: tuple[str, ...]) -> Bytes | None:
    for pattern in patterns:
        found = re.findall(pattern, text)
        if found:
            return Bytes(round(float(found[-1]) * (1 << 30)))
    return None


def _tokens(text: str) -> int | None:
    said = _TOKENS.findall(text)
    if said:
        return int(said[-1].replace(",", ""))
    blocks = _BLOCKS.findall(text)
    return int(blocks[-1]) * _BLOCK_TOKENS if blocks else None


def _vllm_notes(workers: int, beside: list[Bytes]) -> Iterator[str]:
    if workers > 1:
        yield f"the log is that of {workers} workers, and these are the figures of one"
    if beside:
        size = sum(beside) / (1 << 30)
        yield f"beside torch's count: {size:.2f} GiB for NCCL, CUDA graphs and the like"
