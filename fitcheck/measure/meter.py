"""A card's memory as its driver counts it, asked from outside of whoever uses it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

import msgspec

from fitcheck.units import Bytes

SECONDS: Final = 0.1


class Count(msgspec.Struct, frozen=True):
    """`used` by anyone on the card; `of` a process by its number, for those the driver tells."""

    used: Bytes
    of: dict[int, Bytes]


# None where the driver cannot be asked.
Meter = Callable[[], Count | None]


class Watched:
    """The most that was seen of a card while a process ran."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.before = meter()
        self.used = self.before.used if self.before else None
        self.process: Bytes | None = None

    def look(self, pid: int) -> None:
        """Ask once."""
        count = self.meter()
        if count is None:
            return
        self.used = Bytes(max(self.used or 0, count.used))
        if pid in count.of:
            self.process = Bytes(max(self.process or 0, count.of[pid]))

    @property
    def told(self) -> tuple[Bytes | None, str]:
        """What the process took, and how that is known."""
        if self.process is not None:
            return self.process, "the driver, for this process"
        if self.before is None or self.used is None:
            return None, ""
        taken = Bytes(self.used - self.before.used)
        return taken, "the driver, for the whole card, less what was in use before"

    @contextmanager
    def during(self, pid: int) -> Iterator[None]:
        """Ask again and again until it is over."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(SECONDS):
                self.look(pid)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


class Nvml(Protocol):
    """The part of pynvml that is asked; a test passes its own."""

    NVMLError: type[Exception]

    # ruff: noqa: D102 (NVML's names, which say it)
    def nvmlInit(self) -> None: ...
    def nvmlDeviceGetHandleByIndex(self, index: int, /) -> Any: ...  # noqa: ANN401
    def nvmlDeviceGetMemoryInfo(self, handle: Any, /) -> Any: ...  # noqa: ANN401
    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any, /) -> Any: ...  # noqa: ANN401


def nvml_meter(index: int, nvml: Nvml | None = None) -> Meter:
    """Of the card with that number in nvidia-smi; a meter that knows nothing where it fails."""
    nvml = nvml or _module()
    if nvml is None:
        return lambda: None
    try:
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
    except nvml.NVMLError:
        return lambda: None
    return lambda: _count(nvml, handle)


def _module() -> Nvml | None:
    try:
        import pynvml  # type: ignore[import-untyped]
    except ImportError:
        return None
    return pynvml  # type: ignore[no-any-return]


def _count(nvml: Nvml, handle: object) -> Count | None:
    try:
        used = nvml.nvmlDeviceGetMemoryInfo(handle).used
    except nvml.NVMLError:
        return None
    try:
        processes = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except nvml.NVMLError:
        processes = []
    # Windows' own drivers and some containers know the process and not its memory.
    known = {p.pid: Bytes(p.usedGpuMemory) for p in processes if p.usedGpuMemory}
    return Count(Bytes(used), known)
