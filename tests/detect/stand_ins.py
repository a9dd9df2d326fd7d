"""Stand-ins for drivers, trees of /sys and tools, as tests lay them out."""

from pathlib import Path
from types import SimpleNamespace

from fitcheck.units import GIB


class NVMLError(Exception):
    """What every failing call raises."""


class LibraryNotFoundError(NVMLError):
    """No libnvidia-ml.so.1."""


class DriverNotLoadedError(NVMLError):
    """The kernel module is not there."""


class NoPermissionError(NVMLError):
    """/dev/nvidiactl is closed to us."""


class NotSupportedError(NVMLError):
    """This card has no such thing."""


class Driver:
    """As many of pynvml's functions as are asked; a card is a dict."""

    NVMLError = NVMLError
    NVMLError_LibraryNotFound = LibraryNotFoundError
    NVMLError_DriverNotLoaded = DriverNotLoadedError
    NVMLError_NoPermission = NoPermissionError
    NVMLError_NotSupported = NotSupportedError
    nvmlMemory_v2 = 2

    def __init__(self, *cards: dict, fault: Exception | None = None) -> None:  # type: ignore[type-arg]
        self.cards, self.fault, self.open = cards, fault, 0

    def nvmlInit(self) -> None:
        if self.fault:
            raise self.fault
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> bytes:
        return b"590.48.01"

    def nvmlDeviceGetCount(self) -> int:
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> object:
        return self.cards[index]

    def nvmlSystemGetProcessName(self, pid: int) -> bytes:
        return f"/home/ada/venv/bin/python{pid} --secret".encode()

    def __getattr__(self, name: str) -> object:
        """`nvmlDeviceGetName(handle)` is what the card has under `Name`."""
        key = name.removeprefix("nvmlDeviceGet")

        def ask(handle: dict, *where: int, **_: int) -> object:  # type: ignore[type-arg]
            if key not in handle:
                raise NotSupportedError
            found = handle[key][where[0]] if where else handle[key]
            if isinstance(found, Exception):
                raise found
            return found

        return ask


def memory(total: int, reserved: int, used: int, free: int) -> SimpleNamespace:
    return SimpleNamespace(total=total, reserved=reserved, used=used, free=free)


def h100(uuid: str = "GPU-11112222", used: int = 0) -> dict:  # type: ignore[type-arg]
    return {
        "Name": b"NVIDIA H100 80GB HBM3",
        "UUID": uuid,
        "CudaComputeCapability": (9, 0),
        "MigMode": (0, 0),
        "MemoryInfo": memory(85520809984, 502792192, used, 85018017792 - used),
        "ComputeRunningProcesses": [],
    }


def lay(root: Path, files: dict[str, object]) -> Path:
    """These files with these contents."""
    for name, value in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n", "utf-8")
    return root


def radeon(
    card: int, total: int, used: int, device: str = "0x744c", revision: str = "0xcc"
) -> dict[str, object]:
    base = f"sys/class/drm/card{card}/device"
    return {
        f"{base}/vendor": "0x1002",
        f"{base}/device": device,
        f"{base}/revision": revision,
        f"{base}/mem_info_vram_total": total,
        f"{base}/mem_info_vram_used": used,
        f"{base}/mem_info_gtt_total": 16 * GIB,
        f"{base}/mem_info_gtt_used": 0,
    }


def on_bus(place: str, vendor: str, device: str, kind: str = "0x030000") -> dict[str, object]:
    base = f"sys/bus/pci/devices/{place}"
    return {f"{base}/class": kind, f"{base}/vendor": vendor, f"{base}/device": device}


def tool(folder: Path, name: str, script: str) -> dict[str, str]:
    """A program of that name; the environment whose PATH has it."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)
    return {"PATH": str(folder)}
