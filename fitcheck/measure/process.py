"""A program started, watched on its card, and ended when it is done or takes too long."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from msgspec import structs

from fitcheck.measure.meter import Meter, Watched
from fitcheck.units import Bytes

_LOOK_SECONDS: Final = 0.2
# Time for whoever watches the card, once a server says that it is ready.
_READY_SECONDS: Final = 1.0


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What is started: its words, what is added to the environment, and when it is over.

    `until`: it is ended once it has printed this, as a server never ends by itself.
    """

    words: Sequence[str]
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)
    until: str = ""


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended: `code` is negative where a signal did, None where its time was over."""

    code: int | None
    output: str
    errors: str
    process: Bytes | None = None
    told: str = ""


# A test passes its own.
Start = Callable[[Command], Finished]


def starter(meter: Meter, seconds: float, environment: Mapping[str, str] | None = None) -> Start:
    """Programs that may take so long, on the card that the meter asks about."""
    return lambda command: start(
        structs.replace(command, environment={**command.environment, **(environment or {})}),
        meter,
        seconds,
    )


def start(command: Command, meter: Meter, seconds: float) -> Finished:
    """Run it to its end. Raises OSError where there is no such program."""
    watched = Watched(meter)
    with TemporaryDirectory(prefix="fitcheck-") as folder:
        output, errors = Path(folder) / "out", Path(folder) / "err"
        with output.open("wb") as out, errors.open("wb") as err:
            child = subprocess.Popen(
                [_absolute(command.words[0]), *command.words[1:]],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                env={**os.environ, **command.environment},
            )
        try:
            with watched.during(child.pid):
                code = _end(child, command.until, (output, errors), seconds)
        finally:
            child.kill()
            child.wait()
        process, told = watched.told
        return Finished(
            code=code, output=_text(output), errors=_text(errors), process=process, told=told
        )


def _absolute(program: str) -> str:
    """A path as it is meant where fitcheck was called; the program starts elsewhere."""
    return str(Path(program).absolute()) if Path(program).name != program else program


def _end(
    child: subprocess.Popen[bytes], until: str, printed: Sequence[Path], seconds: float
) -> int | None:
    """The exit code; 0 where it printed what was waited for."""
    last = time.monotonic() + seconds
    while time.monotonic() < last:
        try:
            return child.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if until and any(until in _text(path) for path in printed):
                time.sleep(_READY_SECONDS)
                return 0
    return None


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def hollow_folder() -> str | None:
    """Where files with holes go: a disk, since holes in memory (tmpfs) are filled when read."""
    lasting = Path("/var/tmp")
    return str(lasting) if os.access(lasting, os.W_OK) else None
