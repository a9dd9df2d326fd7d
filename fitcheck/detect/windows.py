"""Windows' own list of display adapters, for cards whose makers bring no library to ask."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from fitcheck.detect.reading import Reading, Seen, nothing
from fitcheck.units import Bytes

ASKED: Final = "Windows (display adapters)"
# The class of display adapters, and the value that drivers write there since Windows 10: WMI's
# AdapterRAM ends at 4 GiB (Microsoft, "Registering Hardware Information", 2021).
CLASS: Final = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
MEMORY: Final = "HardwareInformation.qwMemorySize"
_VENDORS: Final = {"1002": "amd", "8086": "intel"}
_ID: Final = re.compile(r"PCI\\VEN_([0-9A-F]{4})&DEV_([0-9A-F]{4})(?:.*&REV_([0-9A-F]{2}))?", re.I)

Adapters = Callable[[], Sequence[Mapping[str, Any]]]


def probe(adapters: Adapters | None = None, ram: int | None = None) -> Reading:
    """AMD's and Intel's adapters; NVIDIA's are asked through its library, which knows more."""
    rows = (adapters or _registry)()
    cards = tuple(card for n, row in enumerate(rows) if (card := _card(row, n, _half(ram))))
    if not cards:
        return nothing(ASKED, "no display adapter of AMD or Intel is registered")
    versions = (str(row["DriverVersion"]) for row in rows if row.get("DriverVersion"))
    return Reading(asked=ASKED, cards=cards, driver=next(versions, None))


def _half(ram: int | None) -> Bytes | None:
    """What a GPU may take of the computer's memory: half of it (Microsoft, "Graphics memory
    reporting through WDDM", 2021).
    """
    if ram is None:
        from fitcheck.detect import host

        ram = host.memory().total
    return None if ram is None else Bytes(ram // 2)


def _card(row: Mapping[str, Any], place: int, reachable: Bytes | None) -> Seen | None:
    match = _ID.match(str(row.get("MatchingDeviceId") or ""))
    vendor = _VENDORS.get(match[1].lower()) if match else None
    if match is None or vendor is None:
        return None
    size = row.get(MEMORY)
    total = int.from_bytes(size, "little") if isinstance(size, bytes) else size
    pci = ":".join(part.lower() for part in match.groups() if part)
    return Seen(
        name=str(row.get("DriverDesc") or f"{vendor} device {match[2]}"),
        vendor=vendor,
        index=place,
        pci=pci,
        total=Bytes(total) if isinstance(total, int) and total > 0 else None,
        reachable=reachable,
    )


def _registry() -> Sequence[Mapping[str, Any]]:
    """The values of every adapter, in the order of their keys."""
    import winreg

    # Typed loosely: the module is there on Windows alone.
    registry: Any = winreg
    found: list[Mapping[str, Any]] = []
    with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, CLASS) as adapters:
        for n in range(64):
            try:
                with registry.OpenKey(adapters, f"{n:04}") as key:
                    found.append(_values(registry, key))
            except OSError:
                continue
    return found


def _values(registry: Any, key: Any) -> Mapping[str, Any]:  # noqa: ANN401 (winreg's own types)
    found: dict[str, Any] = {}
    for name in ("DriverDesc", "DriverVersion", "MatchingDeviceId", MEMORY):
        try:
            found[name] = registry.QueryValueEx(key, name)[0]
        except OSError:
            continue
    return found
