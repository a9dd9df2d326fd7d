"""What nvidia-smi prints when asked: --query-gpu and --query-compute-apps as CSV, -q as text."""

import csv
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from fitcheck.detect.reading import Reading, Seen, decimal, mebibytes, total_only, whole
from fitcheck.units import Bytes

# What is printed for memory that belongs to the host (Orin, GB10, Thor).
UNAVAILABLE: Final = ("N/A", "[N/A]", "Not Supported", "[Not Supported]")


def parse_csv(text: str) -> Reading:
    """`nvidia-smi --query-gpu=... --format=csv`, with its header or (name first) without."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(_lines(text)) if row]
    heads = [n for n, row in enumerate(rows) if HEADINGS & set(map(_heading, row))]
    rows = rows[heads[0] :] if heads else rows
    header = [_heading(cell) for cell in rows[0]] if rows else []
    if "used_gpu_memory" in header or "pid" in header:
        return _programs([dict(zip(header, row, strict=False)) for row in rows[1:]])
    if heads:
        named = [dict(zip(header, row, strict=False)) for row in rows[1:]]
    else:
        named = [_headless(row) for row in rows]
    cards = tuple(_csv_card(row, place) for place, row in enumerate(named))
    driver = next((row["driver_version"] for row in named if row.get("driver_version")), None)
    return Reading(asked="nvidia-smi --query-gpu", cards=cards, driver=driver)


# What a first line is known by; a prompt that was copied with it has more before them.
HEADINGS: Final = frozenset(("name", "gpu_name", "memory.total", "memory.free", "used_gpu_memory"))


def _heading(cell: str) -> str:
    return cell.partition(" [")[0]


def _lines(text: str) -> Iterator[str]:
    return (line.replace("\0", "") for line in text.splitlines() if line.strip())


_IS_NAME = re.compile(r"(?!GPU-|MIG-|0x|[0-9A-Fa-f]{4,8}:)[A-Za-z]")
_QUERY_DRIVER = re.compile(r"\d{3}\.\d{2,3}(?:\.\d{2})?")


def _headless(row: list[str]) -> dict[str, str]:
    """A row without header: what is no number is the name, the first size behind it the total, and
    a version the driver's.
    """
    at = next((n for n, cell in enumerate(row) if _IS_NAME.match(cell)), 0)
    cells: dict[str, str] = {"name": row[at]}
    if at and whole(row[0]) is not None:
        cells["index"] = row[0]
    for cell in row[at + 1 :]:
        if _QUERY_DRIVER.fullmatch(cell) and "." in cell:
            cells.setdefault("driver_version", cell)
        elif mebibytes(cell) is not None or cell in UNAVAILABLE:
            cells.setdefault("memory.total", cell)
    return cells


def _csv_card(row: Mapping[str, str], place: int) -> Seen:
    total = mebibytes(row.get("memory.total", ""))
    reserved = mebibytes(row.get("memory.reserved", ""))
    if reserved is None:
        reserved = total_only(total, row.get("driver_version"))
    index = whole(row.get("index", ""))
    return Seen(
        name=row.get("name") or row.get("gpu_name") or "NVIDIA card",
        vendor="nvidia",
        total=total,
        reserved=reserved,
        used=mebibytes(row.get("memory.used", "")),
        free=mebibytes(row.get("memory.free", "")),
        index=place if index is None else index,
        uuid=row.get("uuid") or row.get("gpu_uuid") or "",
        compute_capability=decimal(row.get("compute_cap", "")),
        unified=row.get("memory.total", "") in UNAVAILABLE,
        sliced=row.get("mig.mode.current") == "Enabled",
    )


def _programs(rows: list[dict[str, str]]) -> Reading:
    """`--query-compute-apps`: programs, and by them the cards that they run on."""
    cards: dict[str, Seen] = {}
    for row in rows:
        name = row.get("gpu_name") or row.get("name") or ""
        uuid = row.get("gpu_uuid") or row.get("gpu_bus_id") or name
        if name and uuid not in cards:
            cards[uuid] = Seen(name=name, vendor="nvidia", uuid=uuid, index=len(cards))
        held = mebibytes(row.get("used_gpu_memory", ""))
        if name and held is not None:
            before = cards[uuid].used or 0
            cards[uuid] = msgspec.structs.replace(cards[uuid], used=Bytes(before + held))
    told = any(card.used is not None for card in cards.values())
    note = f"{len(rows)} programs run on it{'' if told else ', what they hold is not shown'}"
    return Reading(
        asked="nvidia-smi --query-compute-apps",
        cards=tuple(cards.values()),
        notes=(note,) if cards else (),
    )


def parse_query(text: str) -> Reading:
    """`nvidia-smi -q`: the same as text, a section for each GPU."""
    head, *sections = re.split(r"(?m)^GPU [0-9A-Fa-f]{4,8}:", text)
    found = re.search(r"(?m)^(?:Driver|KMD) Version\s*:\s*(\S+)", head)
    driver = found[1] if found else None
    cards = tuple(_query_card(s, place, driver) for place, s in enumerate(sections))
    return Reading(asked="nvidia-smi -q", cards=cards, driver=driver)


def _query_card(section: str, place: int, driver: str | None) -> Seen:
    fields = _sections(section)
    memory = fields.get("FB Memory Usage", {})
    top = fields.get("", {})
    total, reserved = mebibytes(memory.get("Total")), mebibytes(memory.get("Reserved"))
    return Seen(
        name=top.get("Product Name", ""),
        vendor="nvidia",
        total=total,
        reserved=total_only(total, driver) if reserved is None else reserved,
        used=mebibytes(memory.get("Used")),
        free=mebibytes(memory.get("Free")),
        index=place,
        uuid=top.get("GPU UUID", ""),
        unified=memory.get("Total") in UNAVAILABLE,
        sliced=fields.get("MIG Mode", {}).get("Current") == "Enabled",
    )


def _sections(text: str) -> dict[str, dict[str, str]]:
    """`key : value` lines by the heading above them; the first of equal headings counts."""
    fields: dict[str, dict[str, str]] = {}
    heading = ""
    for line in text.splitlines():
        key, colon, value = line.partition(" : ")
        if colon:
            heading = heading if key.startswith(" " * 5) else ""
            fields.setdefault(heading, {}).setdefault(key.strip(), value.strip())
        elif line.strip():
            heading = line.strip()
    return fields
