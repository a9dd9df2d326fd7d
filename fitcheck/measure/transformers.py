"""transformers, run in a process of its own on weights that are random numbers."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from fitcheck.errors import NoCard, printable
from fitcheck.measure.process import Command, Finished, Start, hollow_folder
from fitcheck.measure.records import Machine, NoFigure, Parts, Reading, TransformersJob
from fitcheck.units import Bytes

PROGRAM: Final = Path(__file__).parent / "programs" / "run_transformers.py"
# Nothing is fetched, whatever a library would like to look up.
OFFLINE: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_INSTALL: Final = "install torch, transformers and accelerate there, or name another with --python"


def run(job: TransformersJob, python: str, start: Start) -> Reading:
    """One run under that Python. Raises NoFigure, and NoCard where torch has none to use.

    Running out of memory is a reading too: `ran_out` says where.
    """
    with TemporaryDirectory(prefix="fitcheck-", dir=hollow_folder()) as folder:
        path = Path(folder) / "job.json"
        path.write_bytes(msgspec.json.encode(job))
        command = Command(words=(python, "-u", str(PROGRAM), str(path)), environment=OFFLINE)
        try:
            finished = start(command)
        except OSError as fault:
            raise NoFigure(f"cannot start {python}: {fault.strerror}") from None
        result = _read(Path(folder) / "result.json")
    return reading(result, finished)


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def reading(result: Mapping[str, Any] | None, finished: Finished) -> Reading:
    """What a process that ended so told. Raises NoFigure and NoCard."""
    if result is None:
        raise NoFigure(_unfinished(finished))
    match result.get("failure"):
        case None | "out of memory":
            return _told(result, finished)
        case "no card":
            raise NoCard(printable(str(result["message"])))
        case "missing":
            raise NoFigure(printable(f"{result['message']}; {_INSTALL}"))
        case _:
            raise NoFigure(printable(str(result["message"])))


def _unfinished(finished: Finished) -> str:
    if finished.code is None:
        return "it took too long: allow more with --timeout"
    if finished.code < 0:
        return f"it was ended by signal {-finished.code}: did the computer run out of RAM?"
    said = finished.errors.strip().splitlines() or ["it said nothing"]
    return printable(f"it ended with exit code {finished.code}: {said[-1]}")


def _told(result: Mapping[str, Any], finished: Finished) -> Reading:
    weights, cache = _bytes(result, "weights"), _bytes(result, "kv_cache")
    allocated = _bytes(result, "allocated")
    activations = None
    if weights is not None and allocated is not None:
        # Workspaces that stay are the process's, not the model's.
        stays = int(result.get("kept") or 0)
        activations = Bytes(allocated - weights - (cache or 0) - max(0, stays))
    return Reading(
        engine="transformers",
        how="run",
        parts=Parts(
            weights=weights,
            kv_cache=cache,
            activations=activations,
            allocated=allocated,
            reserved=_bytes(result, "reserved"),
        ),
        machine=Machine(
            card=str(result.get("card", "")),
            architecture=str(result.get("capability", "")),
            total=_bytes(result, "total"),
        ),
        process=finished.process,
        told=finished.told,
        versions={str(k): str(v) for k, v in (result.get("versions") or {}).items()},
        ran_out=str(result["message"]) if result.get("failure") else "",
    )


def _bytes(result: Mapping[str, Any], key: str) -> Bytes | None:
    found = result.get(key)
    return Bytes(found) if isinstance(found, int) else None
