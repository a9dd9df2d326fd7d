"""Intel: xpu-smi where it is installed, else the cards on the bus by their ids."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fitcheck.detect.pci import displays
from fitcheck.detect.reading import Reading, Seen, mebibytes, nothing, whole
from fitcheck.machine import Unseen

ASKED: Final = "Intel driver (xpu-smi)"
VENDOR: Final = "8086"
COMMAND: Final = ("xpu-smi", "discovery", "-j")

Run = Callable[[tuple[str, ...]], str | None]


def probe(run: Run, sys: Path) -> Reading:
    """What xpu-smi says; without it names by PCI id, and no memory (the kernel tells none)."""
    answer = run(COMMAND)
    if answer is not None:
        found = parse_text(answer, run)
        if found.cards:
            return found
    cards = tuple(
        Seen(name=f"Intel device {device}", vendor="intel", index=n, pci=f"{VENDOR}:{device}")
        for n, device in enumerate(d for _, maker, d in displays(sys) if maker == VENDOR)
    )
    if not cards:
        return nothing(ASKED, "no Intel display controller is on the bus")
    why = "xpu-smi is not installed: cards are known by their PCI id, what is in use is not"
    return Reading(asked=ASKED, cards=cards, unseen=(Unseen(ASKED, why),))


def parse_text(text: str, run: Run | None = None) -> Reading:
    """`xpu-smi discovery -j`; with `run` each card's memory is asked for with -d."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return nothing(ASKED, "xpu-smi's answer is not JSON")
    return parse(_detailed(data, run) if run else data)


def _detailed(data: Any, run: Run) -> Any:  # noqa: ANN401 (JSON of any shape)
    """The list with each device replaced by what `-d ID` says of it."""
    devices = data.get("device_list") if isinstance(data, Mapping) else None
    found: list[Any] = []
    for device in devices if isinstance(devices, list) else []:
        number = device.get("device_id") if isinstance(device, Mapping) else None
        answer = run((*COMMAND[:2], "-d", str(number), "-j")) if whole(number) is not None else None
        try:
            more = json.loads(answer or "{}")
        except (ValueError, RecursionError):
            more = {}
        found.append({**device, **more} if isinstance(more, Mapping) else device)
    return {"device_list": found}


def parse(data: Any) -> Reading:  # noqa: ANN401 (JSON of any shape)
    """`xpu-smi discovery -j`: a list without memory, or with -d one device and its memory."""
    listed = data.get("device_list", [data]) if isinstance(data, Mapping) else None
    rows = [
        row
        for row in (listed if isinstance(listed, list) else [])
        if isinstance(row, Mapping) and "device_name" in row
    ]
    if not rows:
        return nothing(ASKED, "xpu-smi lists no device")
    drivers = (str(row["driver_version"]) for row in rows if row.get("driver_version"))
    return Reading(asked="xpu-smi", cards=tuple(map(_card, rows)), driver=next(drivers, None))


def _card(row: Mapping[str, Any]) -> Seen:
    """One device; of its two figures for memory, which differ by 2 MiB, the smaller."""
    sizes = (
        mebibytes(row.get("memory_physical_size")),
        mebibytes(row.get("memory_physical_size_byte"), "B"),
    )
    known = [size for size in sizes if size]
    device = re.fullmatch(r"0x([0-9a-fA-F]{4})", str(row.get("pci_device_id")))
    return Seen(
        name=str(row["device_name"]),
        vendor="intel",
        index=whole(row.get("device_id")),
        uuid=str(row.get("uuid") or ""),
        pci=f"{VENDOR}:{device[1]}".lower() if device else "",
        total=min(known, default=None),
    )
