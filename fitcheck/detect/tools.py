"""Vendors' tools, run for what they print: cut off when they hang, and what came back kept."""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Final

import msgspec

# A tool that has not answered by then is not going to.
PATIENCE_S: Final = 10.0
# `nvidia-smi -q -x` of sixteen cards has half a MiB.
LARGEST_ANSWER: Final = 16 << 20

Run = Callable[[tuple[str, ...]], str | None]


class Answer(msgspec.Struct, frozen=True):
    """A tool that was run, what came back in words, and how long that took."""

    command: str
    came: str
    seconds: float


class Tools:
    """Runs tools that are on the PATH of `environment`, and remembers what came back."""

    def __init__(self, environment: Mapping[str, str], patience: float = PATIENCE_S) -> None:
        self.path = environment.get("PATH", "")
        self.patience = patience
        self.answers: list[Answer] = []

    def __call__(self, command: tuple[str, ...]) -> str | None:
        """What the tool prints; None if it is not there, fails, or does not answer in time."""
        from shutil import which

        # Asked with an explicit path: an empty PATH finds nothing, not what the system has.
        tool = which(command[0], path=self.path or "/nonexistent")
        started = perf_counter()
        said, came = (None, "is not installed") if tool is None else self._asked(tool, command)
        self.answers.append(Answer(" ".join(command), came, perf_counter() - started))
        return said

    def _asked(self, tool: str, command: tuple[str, ...]) -> tuple[str | None, str]:
        import subprocess

        try:
            process = subprocess.Popen(
                (tool, *command[1:]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as fault:
            return None, f"cannot be run: {fault.strerror or fault}"
        try:
            out, err = process.communicate(timeout=self.patience)
        except subprocess.TimeoutExpired:
            _end(process)
            return None, f"did not answer within {self.patience:g} s"
        return _told(process.returncode, out, err)

    def taken(self) -> tuple[Answer, ...]:
        """What came back since this was asked last."""
        found, self.answers = tuple(self.answers), []
        return found


def _told(code: int, out: bytes, err: bytes) -> tuple[str | None, str]:
    """What was printed, whatever the exit status: tools fail for one card and tell the others."""
    if len(out) > LARGEST_ANSWER:
        return None, "printed more than any such tool does"
    said = out.decode("utf-8", "replace").strip()
    first = err.decode("utf-8", "replace").strip().partition("\n")[0][:200]
    status = f"exit {code}" + (f", {first}" if first else "")
    if not said:
        return None, f"printed nothing ({status})"
    return said, f"{len(said)} characters" + (f" ({status})" if code else "")


def _end(process: "object") -> None:
    """Ends the tool and what it started, which may hold its output open."""
    import os
    import signal
    import subprocess

    assert isinstance(process, subprocess.Popen)
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.communicate(timeout=1)
    except (OSError, subprocess.TimeoutExpired):
        return
