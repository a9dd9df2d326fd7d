"""Intel: the cards on the bus by their ids, their memory from the kernel or from xpu-smi."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from fitcheck.detect.pci import displays, number
from fitcheck.detect.reading import Reading, Seen, mebibytes, nothing, whole
from fitcheck.detect.tools import Run
from fitcheck.machine import Unseen
from fitcheck.units import Bytes

ASKED: Final = "Intel driver (xpu-smi)"
VENDOR: Final = "8086"
COMMAND: Final = ("xpu-smi", "discovery", "-j")


def probe(environment: Mapping[str, str], root: Path, run: Run) -> Reading:
    """Cards on the bus by their PCI id, with the memory that the kernel or else xpu-smi tells.

    ONEAPI_DEVICE_SELECTOR and ZE_AFFINITY_MASK are told, not heeded.
    """
    sys = root / "sys"
    here = [(place, device) for place, maker, device in displays(sys) if maker == VENDOR]
    if not here:
        return nothing(ASKED, "no Intel display controller is on the bus")
    cards = [_on_bus(sys, place, device, n) for n, (place, device) in enumerate(here)]
    notes = tuple(
        f"{key}={environment[key]} may hide cards from a program"
        for key in ("ONEAPI_DEVICE_SELECTOR", "ZE_AFFINITY_MASK")
        if key in environment
    )
    if all(card.total is None for card in cards):
        answer = run(COMMAND)
        found = parse_text(answer, run) if answer is not None else None
        if found is not None and found.cards:
            return msgspec.structs.replace(found, notes=notes)
    return Reading(asked=ASKED, cards=tuple(cards), notes=notes, unseen=_untold(cards))


def _untold(cards: Sequence[Seen]) -> tuple[Unseen, ...]:
    if any(card.total is not None for card in cards):
        return ()
    why = "xpu-smi shows no card: they are known by their PCI id, what is in use is not"
    return (Unseen(ASKED, why),)


def _on_bus(sys: Path, place: str, device: str, index: int) -> Seen:
    """A card and the kernel's figure: xe tells each tile's memory (Linux xe_tile_sysfs.c), Intel's
    own build of i915 that of the card; others none.
    """
    folder = sys / "bus/pci/devices" / place
    tiles = [number(tile / "physical_vram_size_bytes") for tile in sorted(folder.glob("tile*"))]
    known = [size for size in tiles if size]
    drm = next(iter(sorted(folder.glob("drm/card*"))), folder)
    total = sum(known) if known else number(drm / "lmem_total_bytes")
    free = None if known else number(drm / "lmem_avail_bytes")
    return Seen(
        name=f"Intel device {device}",
        vendor="intel",
        index=index,
        pci=f"{VENDOR}:{device}",
        total=Bytes(total) if total else None,
        free=Bytes(min(free, total)) if free is not None and total else None,
    )


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
