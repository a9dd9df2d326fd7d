"""Apple silicon: what sysctl and system_profiler say. The GPU's share of memory is a default of
macOS (see catalog/gpus.csv) unless `iogpu.wired_limit_mb` sets it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from fitcheck.detect.reading import Reading, Seen, mebibytes, nothing, whole
from fitcheck.detect.tools import Run
from fitcheck.units import Bytes

ASKED: Final = "macOS (sysctl)"
KEYS: Final = (
    "hw.memsize", "machdep.cpu.brand_string", "iogpu.wired_limit_mb", "kern.osproductversion",
)  # fmt: skip


def probe(run: Run) -> Reading:
    """The one GPU of an Apple silicon machine."""
    return parse(run(("sysctl", *KEYS)) or "")


_LINE = re.compile(r"(?m)^([a-z][\w.]{0,60}): (.*)$")


def parse(text: str) -> Reading:
    """`sysctl hw.memsize machdep.cpu.brand_string iogpu.wired_limit_mb kern.osproductversion`."""
    values = {key: value.strip() for key, value in _LINE.findall(text)}
    name = values.get("machdep.cpu.brand_string", "")
    ram = mebibytes(values.get("hw.memsize"), "B")
    if not name.startswith("Apple") or not ram:
        return nothing(ASKED, f"{name or 'this Mac'} is not Apple silicon")
    limit = whole(values.get("iogpu.wired_limit_mb"))
    return Reading(
        asked=ASKED,
        cards=(_card(name, ram, limit),),
        ram_total=ram,
        system=values.get("kern.osproductversion"),
        notes=(f"iogpu.wired_limit_mb gives the GPU {limit} MiB",) if limit else (),
    )


def _card(name: str, ram: Bytes | None, limit_mib: int | None = None) -> Seen:
    limit = mebibytes(limit_mib) if limit_mib else None
    reserved = None if limit is None or ram is None else Bytes(max(ram - limit, 0))
    return Seen(name=name, vendor="apple", index=0, total=ram, unified=True, reserved=reserved)


def parse_profiler(data: Mapping[str, Any]) -> Reading:
    """`system_profiler SPDisplaysDataType [SPHardwareDataType] -json`: the chip, maybe the RAM."""
    displays, hardware = (data.get(f"SP{k}DataType") for k in ("Displays", "Hardware"))
    rows = [row for row in _rows(displays) if row.get("sppci_model") or row.get("_name")]
    sizes = (mebibytes(row.get("physical_memory")) for row in _rows(hardware))
    ram = next((size for size in sizes if size), None)
    names = [str(row.get("sppci_model") or row.get("_name")) for row in rows]
    cards = tuple(_card(name, ram) for name in names if name.startswith("Apple"))
    if not cards:
        return nothing("system_profiler", f"{', '.join(names) or 'no GPU'} is no Apple silicon")
    return Reading(asked="system_profiler", cards=cards, ram_total=ram)


_CHIP = re.compile(r"(?m)^\s*Chipset Model: (Apple [^\n]{1,60})$")
_HARDWARE = re.compile(r"(?m)^\s*Memory: (\d{1,4} GB)$")
_SYSTEM = re.compile(r"(?m)^\s*System Version: macOS (\d[\d.]*)")


def parse_profiler_text(text: str) -> Reading:
    """`system_profiler SPDisplaysDataType [SPHardwareDataType]` as people read it."""
    memory, system = _HARDWARE.search(text), _SYSTEM.search(text)
    ram = mebibytes(memory[1]) if memory else None
    cards = tuple(_card(name.strip(), ram) for name in _CHIP.findall(text))
    return Reading(
        asked="system_profiler", cards=cards, ram_total=ram, system=system[1] if system else None
    )


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
