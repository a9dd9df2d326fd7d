"""llama.cpp's own programs, run on a file that somebody has or on one without weights."""

import json
import re
import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from fitcheck.errors import NoCard
from fitcheck.measure import gguf_writer, logs
from fitcheck.measure.gguf_writer import HollowTensor, Value
from fitcheck.measure.process import Command, Finished, Start, hollow_folder
from fitcheck.measure.records import How, LlamaCppJob, NoFigure, Parts, Reading

BENCH: Final = "llama-bench"
SERVER: Final = "llama-server"
# Of 2024 "server is listening on http://", of 2026 "listening on http://".
_READY: Final = "listening on http"
_OUT_OF_MEMORY: Final = re.compile(r"out of memory|failed to allocate|unable to allocate", re.I)
_PLACES: Final = (".", "bin", "build/bin", "build/bin/Release")


def find(name: str, folder: Path | None) -> str | None:
    """The program in that folder or where a build puts it below, else on PATH."""
    if folder is None:
        return shutil.which(name)
    found = (shutil.which(name, path=str(folder / place)) for place in _PLACES)
    return next((path for path in found if path is not None), None)


def program(job: LlamaCppJob, folder: Path | None) -> str:
    """llama-bench, which computes; llama-server where several slots are asked for.

    Raises NoFigure where it is not there.
    """
    name = BENCH if job.parallel == 1 else SERVER
    found = find(name, folder)
    if found is None:
        where = f"not in {folder}" if folder else "not on PATH: name its folder with --llama-cpp"
        raise NoFigure(f"measuring llama.cpp takes its {name}, which is {where}")
    return found


def run(job: LlamaCppJob, path: str, start: Start) -> Reading:
    """One run of that program. Raises NoFigure where it tells nothing."""
    bench = job.parallel == 1
    command = bench_command(job, path) if bench else server_command(job, path, _free_port())
    try:
        finished = start(command)
    except OSError as fault:
        raise NoFigure(f"cannot start {path}: {fault.strerror}") from None
    return reading(finished, "run" if bench else "loaded")


def run_hollow(
    job: LlamaCppJob,
    path: str,
    start: Start,
    metadata: Mapping[str, Value],
    tensors: Sequence[HollowTensor],
) -> Reading:
    """The same, on a file of those tensors that has a hole for their data."""
    with TemporaryDirectory(prefix="fitcheck-", dir=hollow_folder()) as folder:
        file = Path(folder) / "model.gguf"
        gguf_writer.write(file, metadata, tensors)
        return run(msgspec.structs.replace(job, file=str(file)), path, start)


def bench_command(job: LlamaCppJob, path: str) -> Command:
    """A prompt, and the tokens after it, in one context."""
    answer = job.context - job.prompt
    tokens = ("-p", "0", "-n", "0", "-pg", f"{job.prompt},{answer}")
    only_prompt = ("-p", str(job.prompt), "-n", "0")
    words = (path, "-m", job.file, *(tokens if answer else only_prompt), "-r", "1", "-v")
    return Command(words=(*words, "-o", "json", *_common(job)))


def server_command(job: LlamaCppJob, path: str, port: int) -> Command:
    """Several slots, each with the context; loaded, and ended when it is ready."""
    slots = ("-np", str(job.parallel), "-c", str(job.context * job.parallel))
    local = ("--host", "127.0.0.1", "--port", str(port), "-v")
    words = (path, "-m", job.file, *slots, *local, *_common(job))
    return Command(words=words, until=_READY)


def _common(job: LlamaCppJob) -> list[str]:
    words = ["-ngl", str(job.gpu_layers), "-ub", str(job.ubatch)]
    words += ["-ctk", job.kv_cache, "-ctv", job.kv_cache]
    flash = {"auto": [], "on": ["-fa", "1"], "off": ["-fa", "0"]}
    return words + flash[job.flash_attention]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def reading(finished: Finished, how: How) -> Reading:
    """What a program that ended so has told. Raises NoFigure, and NoCard where it used none."""
    if finished.code is None:
        raise NoFigure("it took too long: allow more with --timeout")
    found = logs.llama_cpp(finished.errors + "\n" + finished.output)
    ran_out = finished.code != 0 and _OUT_OF_MEMORY.search(finished.errors) is not None
    if ran_out:
        found = found or Reading(engine="llama.cpp", how=how, parts=Parts())
    if found is None or (finished.code != 0 and not ran_out):
        said = _complaint(finished.errors) or "it told of no buffers"
        raise NoFigure(f"llama.cpp ended with exit code {finished.code}: {said}")
    if found.parts.allocated == 0:
        raise NoCard("llama.cpp kept everything in RAM: this build has no use for the card")
    return msgspec.structs.replace(
        found,
        how=how,
        process=finished.process,
        told=finished.told,
        versions={**found.versions, **_bench_version(finished.output)},
        ran_out="allocating its buffers" if ran_out else "",
    )


def _complaint(errors: str) -> str:
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    faults = [line for line in lines if "error" in line.lower()]
    return (faults or lines or [""])[0]


def _bench_version(output: str) -> dict[str, str]:
    try:
        first = json.loads(output)[0]
        return {"llama.cpp": f"{first['build_number']} ({first['build_commit']})"}
    except (ValueError, LookupError, TypeError):
        return {}
