"""A card's memory as NVML tells it, from a stand-in for NVML."""

# ruff: noqa: ANN401 (a stand-in for a module without types)

from typing import Any

from fitcheck.measure.meter import Count, Watched, nvml_meter
from fitcheck.units import Bytes


class Thing:
    """What NVML returns: a structure with fields."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class FakeNvml:
    """A card of which a test says what it holds."""

    NVMLError: type[Exception] = OSError

    def __init__(self, used: int, processes: list[Thing], *, absent: bool = False) -> None:
        self.used, self.processes, self.absent = used, processes, absent
        self.asked: list[int] = []

    def nvmlInit(self) -> None:
        if self.absent:
            raise self.NVMLError("no driver")

    def nvmlDeviceGetHandleByIndex(self, index: int, /) -> str:
        self.asked.append(index)
        return f"card {index}"

    def nvmlDeviceGetMemoryInfo(self, handle: Any, /) -> Thing:
        return Thing(used=self.used)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any, /) -> list[Thing]:
        return self.processes


def test_processes_are_told_apart() -> None:
    """What another program holds is not ours."""
    nvml = FakeNvml(900, [Thing(pid=7, usedGpuMemory=500), Thing(pid=8, usedGpuMemory=300)])
    found = nvml_meter(2, nvml)()

    assert found == Count(Bytes(900), {7: Bytes(500), 8: Bytes(300)})
    assert nvml.asked == [2]


def test_a_process_without_a_figure_is_left_out() -> None:
    """Windows' display driver knows that it is there, and not what it holds."""
    found = nvml_meter(0, FakeNvml(900, [Thing(pid=7, usedGpuMemory=None)]))()

    assert found == Count(Bytes(900), {})


def test_no_driver_is_no_figure() -> None:
    """And no exception: the engine's own count is still there."""
    assert nvml_meter(0, FakeNvml(0, [], absent=True))() is None


def test_the_most_of_a_process_is_kept() -> None:
    """Memory is given back before a program ends."""
    counts = [Count(Bytes(0), {}), *(Count(Bytes(n), {7: Bytes(n)}) for n in (5, 9, 2))]
    watched = Watched(lambda: counts.pop(0))
    for _ in range(3):
        watched.look(7)

    assert watched.told == (9, "the driver, for this process")


def test_a_driver_that_says_nothing_leaves_it_unknown() -> None:
    """Unknown is not zero."""
    watched = Watched(lambda: None)
    watched.look(7)

    assert watched.told == (None, "")
