"""The cards on the PCI bus, which Linux shows also where no driver is loaded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

# Class codes: 0x03 is a display controller, 0x12 a processing accelerator (PCI Code and ID
# Assignment Specification 1.11).
_DISPLAY: Final = ("0x03", "0x12")


def displays(sys: Path) -> Iterator[tuple[str, str, str]]:
    """Address, vendor and device (four hexadecimal digits) of every display controller."""
    devices = sys / "bus/pci/devices"
    try:
        places = sorted(devices.iterdir())
    except OSError:
        return
    for place in places:
        if line(place / "class").startswith(_DISPLAY):
            yield place.name, line(place / "vendor")[2:], line(place / "device")[2:]


def of_vendor(sys: Path, vendor: str) -> list[str]:
    """Where the display controllers of a vendor sit."""
    return [place for place, maker, _ in displays(sys) if maker == vendor]


def line(path: Path) -> str:
    """The first line of a small file that a kernel serves; empty if it cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline(4096).strip()
    except OSError:
        return ""


def number(path: Path) -> int | None:
    """The whole number that such a file holds."""
    text = line(path)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
