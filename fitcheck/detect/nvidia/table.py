"""The table that nvidia-smi prints when asked nothing."""

import re
from collections.abc import Mapping

import msgspec

from fitcheck.detect.reading import Reading, Seen, mebibytes, total_only, uncut
from fitcheck.units import Bytes

_DRIVER = re.compile(r"(?:Driver Version|KMD Version):\s*(\S+)")
_NAME = re.compile(
    r"^\|\s+(\d{1,4})\s{1,5}(\S[^|\n]{0,60}?)\s{1,60}(?:On|Off|N/A|WDDM|TCC|MCDM)\s*\|\s*(?:[0-9A-Fa-f]{4,8}:|N/A)"
)
_USAGE = re.compile(r"\|\s*(\d{1,9})MiB\s*/\s*(\d{1,9})MiB\s*\|")
_NO_USAGE = re.compile(r"^\|\s*N/A .*\|\s*(?:Not Supported|N/A)\s*\|")
_INSTANCE = re.compile(
    r"^\|\s+(\d{1,4})\s+(\d{1,4})\s+\d{1,4}\s+\d{1,4}\s+\|\s*(\d{1,9})MiB\s*/\s*(\d{1,9})MiB"
)
_MIG_ON = re.compile(r"\|\s+Enabled \|\s*$")


def parse_table(text: str) -> Reading:
    """`nvidia-smi` alone: names (cut short), used and total; MIG instances where there are any."""
    found = _DRIVER.search(text)
    driver = found[1] if found else None
    body = text.partition("| Processes:")[0]
    whole_cards, _, instances = body.partition("| MIG devices:")
    cards = _table_cards(whole_cards.splitlines(), driver)
    slices = _table_slices(instances.splitlines(), {c.index: c for c in cards})
    cut = {c.index for c in slices}
    kept = [c for c in cards if not c.sliced and c.index not in cut]
    lost = [c for c in cards if c.sliced and c.index not in cut]
    return Reading(
        asked="nvidia-smi",
        cards=tuple(sorted((*kept, *slices), key=lambda c: c.index or 0)),
        driver=driver,
        unseen=tuple(uncut("nvidia-smi", c) for c in lost),
    )


def _table_cards(lines: list[str], driver: str | None) -> list[Seen]:
    cards: list[Seen] = []
    for line in lines:
        if name := _NAME.match(line):
            cards.append(Seen(name=name[2], vendor="nvidia", index=int(name[1])))
        elif not cards:
            continue
        elif (usage := _USAGE.search(line)) and cards[-1].total is None:
            cards[-1] = _with_usage(cards[-1], usage[1], usage[2], driver)
        elif cards[-1].total is None and _NO_USAGE.match(line):
            cards[-1] = msgspec.structs.replace(cards[-1], unified=True)
        elif _MIG_ON.search(line):
            cards[-1] = msgspec.structs.replace(cards[-1], sliced=True)
    return cards


def _with_usage(card: Seen, used: str, total: str, driver: str | None) -> Seen:
    size = mebibytes(total)
    return msgspec.structs.replace(
        card, used=mebibytes(used), total=size, reserved=total_only(size, driver)
    )


def _table_slices(lines: list[str], cards: Mapping[int | None, Seen]) -> list[Seen]:
    """One card for a GPU instance: compute instances on it share its memory."""
    found: dict[tuple[str, str], Seen] = {}
    for line in lines:
        row = _INSTANCE.match(line)
        parent = cards.get(int(row[1])) if row else None
        if row and parent:
            found.setdefault(
                (row[1], row[2]),
                Seen(
                    name=parent.name, vendor="nvidia", index=parent.index, slice="MIG",
                    used=mebibytes(row[3]), total=mebibytes(row[4]), reserved=Bytes(0),
                ),
            )  # fmt: skip
    return list(found.values())
