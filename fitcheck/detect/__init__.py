"""The machine, asked: every vendor's driver; and machines that a file describes.

What comes back is what the tools say. `fitcheck.cards` holds it against the catalog.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from fitcheck.detect.reading import Reading, Seen, nothing
from fitcheck.detect.tools import PATIENCE_S, Answer, Tools

__all__ = ["Answer", "Reading", "Seen", "probe", "read_capture"]

# A vendor may ask three tools, one behind the other.
_TOOLS_OF_ONE: Final = 3


def probe(
    environment: Mapping[str, str] | None = None,
    root: Path = Path("/"),
    platform: str = "",
    patience: float = PATIENCE_S,
) -> tuple[Reading, ...]:
    """What every vendor's driver says here, cards or why not; the last one is the computer's RAM.

    All are asked at once. A driver that fails or hangs hides no other's cards: what has not
    answered within `patience` seconds is not going to.
    """
    import os
    import sys

    from fitcheck.detect import host

    here = os.environ if environment is None else environment
    asked = [
        _Asked(name, ask, Tools(here, patience))
        for name, ask in _vendors(here, root, platform or sys.platform).items()
    ]
    ram = host.memory(root)
    beside = Reading(asked="RAM", ram_total=ram.total, ram_available=ram.available)
    return (*(one.reading(_TOOLS_OF_ONE * patience + 1) for one in asked), beside)


_Ask = Callable[[Tools], Reading]


def _vendors(environment: Mapping[str, str], root: Path, platform: str) -> dict[str, _Ask]:
    """Whom to ask on this system, and how."""
    from fitcheck.detect import amd, apple, ascend, intel, nvidia, windows

    if platform == "darwin":
        return {apple.ASKED: apple.probe}
    cuda: dict[str, _Ask] = {
        nvidia.ASKED: lambda tools: nvidia.probe(environment, root, tools),
    }
    if platform == "win32":
        return cuda | {windows.ASKED: lambda _: windows.probe()}
    return cuda | {
        amd.ASKED: lambda tools: amd.probe(environment, root, tools),
        intel.ASKED: lambda tools: intel.probe(environment, root, tools),
        ascend.ASKED: lambda tools: ascend.probe(environment, root, tools),
    }


class _Asked:
    """One vendor, asked in a thread of its own: a driver that hangs cannot be ended."""

    def __init__(self, name: str, ask: _Ask, tools: Tools) -> None:
        from threading import Thread

        self.name, self.ask, self.tools = name, ask, tools
        self.found = nothing(name, "")
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        from time import perf_counter

        started = perf_counter()
        try:
            found = self.ask(self.tools)
        except Exception as fault:
            found = nothing(self.name, f"asking failed: {type(fault).__name__}: {fault}")
        self.found = msgspec.structs.replace(
            found, answers=self.tools.taken(), seconds=perf_counter() - started
        )

    def reading(self, patience: float) -> Reading:
        """What it said, as long as it says it in time."""
        self.thread.join(patience)
        if self.thread.is_alive():
            return nothing(self.name, f"the driver did not answer within {patience:g} s")
        return self.found


def read_capture(text: str, name: str = "the file") -> Reading:
    """What a tool printed on some machine. Raises BadInput if no tool prints such a thing."""
    from fitcheck.detect import capture

    return capture.read(text, name)
