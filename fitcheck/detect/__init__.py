"""The machine, asked: every vendor's driver in turn; and machines that a file describes.

What comes back is what the tools say. `fitcheck.cards` holds it against the catalog.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from fitcheck.detect.reading import Reading, Seen

__all__ = ["Reading", "Seen", "probe", "read_capture"]

# A tool that has not answered by then is not going to.
_PATIENCE_S = 10


def probe(
    environment: Mapping[str, str] | None = None, root: Path = Path("/"), platform: str = ""
) -> tuple[Reading, ...]:
    """What every vendor's driver says here, cards or why not; the last one is the computer's RAM.

    A driver that fails hides no other's cards.
    """
    import os
    import sys

    from fitcheck.detect import host

    here = os.environ if environment is None else environment
    ram = host.memory(root)
    beside = Reading(asked="RAM", ram_total=ram.total, ram_available=ram.available)
    return (*_vendors(here, root / "sys", platform or sys.platform), beside)


def _vendors(environment: Mapping[str, str], sys: Path, platform: str) -> Iterator[Reading]:
    from fitcheck.detect import amd, apple, intel, nvidia
    from fitcheck.detect.reading import nothing

    on_mac: dict[str, Callable[[], Reading]] = {apple.ASKED: lambda: apple.probe(_run)}
    elsewhere: dict[str, Callable[[], Reading]] = {
        nvidia.ASKED: lambda: nvidia.probe(environment, sys),
        amd.ASKED: lambda: amd.probe(environment, sys),
        intel.ASKED: lambda: intel.probe(_run, sys),
    }
    for asked, ask in (on_mac if platform == "darwin" else elsewhere).items():
        try:
            yield ask()
        except Exception as fault:
            yield nothing(asked, f"asking failed: {type(fault).__name__}: {fault}")


def _run(command: tuple[str, ...]) -> str | None:
    """What a tool prints; None if it is not there or does not answer."""
    import subprocess

    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_PATIENCE_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") or None


def read_capture(text: str, name: str = "the file") -> Reading:
    """What a tool printed on some machine. Raises BadInput if no tool prints such a thing."""
    from fitcheck.detect import capture

    return capture.read(text, name)
