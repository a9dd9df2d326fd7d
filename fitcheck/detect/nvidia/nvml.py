"""NVIDIA's driver asked through NVML (nvidia-ml-py): exact bytes, what is in use, MIG."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

import msgspec

from fitcheck.detect.nvidia.visible import order_is_unsure, visible
from fitcheck.detect.pci import of_vendor
from fitcheck.detect.reading import Reading, Seen, nothing, uncut
from fitcheck.machine import Unseen
from fitcheck.units import Bytes, gib

ASKED: Final = "NVIDIA driver (NVML)"
T = TypeVar("T")
Handle = object


class _Memory(Protocol):
    total: int
    used: int
    free: int


class _Process(Protocol):
    pid: int
    usedGpuMemory: int | None


class Nvml(Protocol):
    """The part of pynvml that is asked; a test passes its own."""

    NVMLError: type[Exception]
    NVMLError_LibraryNotFound: type[Exception]
    NVMLError_DriverNotLoaded: type[Exception]
    NVMLError_NoPermission: type[Exception]
    NVMLError_NotSupported: type[Exception]

    # ruff: noqa: D102 (NVML's names, which say it)
    def nvmlInit(self) -> None: ...
    def nvmlShutdown(self) -> None: ...
    def nvmlSystemGetDriverVersion(self) -> str | bytes: ...
    def nvmlDeviceGetCount(self) -> int: ...
    def nvmlDeviceGetHandleByIndex(self, index: int, /) -> Handle: ...
    def nvmlDeviceGetName(self, handle: Handle, /) -> str | bytes: ...
    def nvmlDeviceGetUUID(self, handle: Handle, /) -> str | bytes: ...
    def nvmlDeviceGetMemoryInfo(self, handle: Handle, /, version: int = ...) -> _Memory: ...
    def nvmlDeviceGetCudaComputeCapability(self, handle: Handle, /) -> Sequence[int]: ...
    def nvmlDeviceGetMigMode(self, handle: Handle, /) -> Sequence[int]: ...
    def nvmlDeviceGetMaxMigDeviceCount(self, handle: Handle, /) -> int: ...
    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: Handle, index: int, /) -> Handle: ...
    def nvmlDeviceGetGpuInstanceId(self, handle: Handle, /) -> int: ...
    def nvmlDeviceGetComputeRunningProcesses(self, handle: Handle, /) -> Sequence[_Process]: ...
    def nvmlSystemGetProcessName(self, pid: int, /) -> str | bytes: ...


def probe(environment: Mapping[str, str], sys: Path, nvml: Nvml | None = None) -> Reading:
    """Every card that a CUDA program may use here, or why there is none."""
    nvml = nvml or _module()
    if nvml is None:
        return nothing(ASKED, "the Python module pynvml (nvidia-ml-py) is not installed")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as fault:
        return nothing(ASKED, _why(nvml, fault, sys))
    try:
        return _read(nvml, environment)
    except nvml.NVMLError as fault:
        return nothing(ASKED, f"the driver answers: {fault}")
    finally:
        _or_none(nvml, nvml.nvmlShutdown)


def _module() -> Nvml | None:
    try:
        import pynvml  # type: ignore[import-untyped]
    except ImportError:
        return None
    return pynvml  # type: ignore[no-any-return]


def _why(nvml: Nvml, fault: Exception, sys: Path) -> str:
    """Why the driver is not there, in words, and whether a card is."""
    reasons = {
        nvml.NVMLError_LibraryNotFound: "no NVIDIA driver is installed",
        nvml.NVMLError_DriverNotLoaded: "the NVIDIA driver is not loaded",
        nvml.NVMLError_NoPermission: "no permission to ask the NVIDIA driver",
    }
    why = reasons.get(type(fault), f"the driver answers: {fault}")
    places = of_vendor(sys, "10de")
    if not places:
        return why
    return f"{why}, though an NVIDIA card sits at {places[0]} (in a container: was it given it?)"


def _read(nvml: Nvml, environment: Mapping[str, str]) -> Reading:
    cards: list[Seen] = []
    notes: list[str] = []
    unseen: list[Unseen] = []
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            card = _card(nvml, handle, index)
            pieces = _slices(nvml, handle, card) if card.sliced else (card,)
        except nvml.NVMLError as fault:
            unseen.append(Unseen(ASKED, f"card {index} answers: {fault}"))
            continue
        cards.extend(pieces)
        unseen.extend([] if pieces else [uncut(ASKED, card)])
        notes.extend(_programs(nvml, handle, index))
    wanted, order = (environment.get(f"CUDA_{k}") for k in ("VISIBLE_DEVICES", "DEVICE_ORDER"))
    shown = visible(cards, wanted)
    if len(shown) < len(cards):
        unseen.append(Unseen(ASKED, _hidden(len(cards), len(shown), wanted)))
    elif not cards and not unseen:
        unseen.append(Unseen(ASKED, "the driver runs and counts no card"))
    if order_is_unsure(cards, wanted, order):
        notes.append("CUDA counts the fastest card first: set CUDA_DEVICE_ORDER=PCI_BUS_ID")
    driver = _text(_or_none(nvml, nvml.nvmlSystemGetDriverVersion))
    return Reading(
        asked=ASKED, cards=shown, driver=driver, notes=tuple(notes), unseen=tuple(unseen)
    )


def _hidden(cards: int, shown: int, wanted: str | None) -> str:
    return f"CUDA_VISIBLE_DEVICES={wanted!r} hides {cards - shown} of {cards} cards"


def _card(nvml: Nvml, handle: Handle, index: int) -> Seen:
    mode = _or_none(nvml, lambda: nvml.nvmlDeviceGetMigMode(handle)[0])
    capability = _or_none(nvml, lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle))
    card = Seen(
        name=_text(nvml.nvmlDeviceGetName(handle)) or "",
        vendor="nvidia",
        index=index,
        compute_capability=None if capability is None else capability[0] + capability[1] / 10,
        sliced=mode == 1,
    )
    return _with_memory(nvml, handle, card)


def _with_memory(nvml: Nvml, handle: Handle, card: Seen) -> Seen:
    """With the device's UUID and memory; one without any of its own answers NOT_SUPPORTED."""
    uuid = _text(_or_none(nvml, lambda: nvml.nvmlDeviceGetUUID(handle))) or ""
    memory = _memory(nvml, handle)
    if memory is None:
        return msgspec.structs.replace(card, uuid=uuid, unified=True)
    kept = getattr(memory, "reserved", memory.total - memory.used - memory.free)
    return msgspec.structs.replace(
        card,
        uuid=uuid,
        total=Bytes(memory.total),
        reserved=Bytes(kept),
        used=Bytes(memory.used),
        free=Bytes(memory.free),
    )


def _memory(nvml: Nvml, handle: Handle) -> _Memory | None:
    """total, used, free and, from R510 on, reserved (which is part of `used` before)."""
    second = getattr(nvml, "nvmlMemory_v2", None)
    if second is not None:
        found = _or_none(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle, version=second))
        if found is not None:
            return found
    try:
        return nvml.nvmlDeviceGetMemoryInfo(handle)
    except nvml.NVMLError_NotSupported:
        return None


def _slices(nvml: Nvml, handle: Handle, card: Seen) -> tuple[Seen, ...]:
    """The MIG instances of a card; compute instances on one GPU instance share its memory."""
    most = _or_none(nvml, lambda: nvml.nvmlDeviceGetMaxMigDeviceCount(handle)) or 0
    found: dict[int, Seen] = {}
    for place in range(most):
        instance = _instance(nvml, handle, place)
        if instance is not None:
            number, device = instance
            piece = msgspec.structs.replace(card, slice="MIG", sliced=False)
            found.setdefault(number, _with_memory(nvml, device, piece))
    return tuple(found.values())


def _instance(nvml: Nvml, handle: Handle, place: int) -> tuple[int, Handle] | None:
    """The MIG device at that place, after the number of the GPU instance that it is on."""
    device = _or_none(nvml, lambda: nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, place))
    if device is None:
        return None
    number = _or_none(nvml, lambda: nvml.nvmlDeviceGetGpuInstanceId(device))
    return (-1 - place if number is None else number), device


def _programs(nvml: Nvml, handle: Handle, index: int) -> Iterator[str]:
    """What programs hold of a card, the largest told by its process id."""
    running = _or_none(nvml, lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle)) or []
    held = [(p.usedGpuMemory, p.pid) for p in running if p.usedGpuMemory]
    if held:
        most, pid = max(held)
        path = _text(_or_none(nvml, lambda: nvml.nvmlSystemGetProcessName(pid))) or ""
        name = re.split(r"[/\\]", path.partition(" ")[0])[-1][:40]
        yield (
            f"card {index}: {len(held)} program{'s hold' if len(held) > 1 else ' holds'} "
            f"{gib(sum(h for h, _ in held))} GiB, process {pid}{f' ({name})' if name else ''} "
            f"{gib(most)} of them"
        )


def _or_none(nvml: Nvml, ask: Callable[[], T]) -> T | None:
    """The answer, None where this card or driver has none."""
    try:
        return ask()
    except nvml.NVMLError:
        return None


def _text(answer: str | bytes | None) -> str | None:
    """NVML's words: bytes in old bindings."""
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer
