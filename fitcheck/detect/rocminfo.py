"""rocminfo: what AMD's runtime lists, also under WSL, where /sys shows no card."""

import re
from collections.abc import Iterator
from typing import Final

from fitcheck.detect.reading import Reading, Seen, mebibytes

ASKED: Final = "rocminfo"
_AGENT: Final = re.compile(r"(?m)^\*{3,}\s*\n\s*Agent \d{1,3}\s*\n\*{3,}\s*$")
_FIELD: Final = re.compile(r"(?m)^ {2}(Marketing Name|Device Type|Uuid|Chip ID): {1,60}(\S[^\n]*)$")
_POOL: Final = re.compile(
    r"Segment: {1,60}GLOBAL[^\n]*\n +Size: {1,60}(\d{1,12})\(0x[0-9a-f]+\) KB"
)


def parse(text: str) -> Reading:
    """Each agent that is a GPU; its pools of device memory are one memory told by flags."""
    return Reading(asked=ASKED, cards=tuple(_cards(text)))


def _cards(text: str) -> Iterator[Seen]:
    index = 0
    for agent in _AGENT.split(text)[1:]:
        fields = dict(_FIELD.findall(agent))
        if fields.get("Device Type", "").strip() != "GPU":
            continue
        largest = max(map(int, _POOL.findall(agent)), default=0)
        chip = re.match(r"\d+\(0x([0-9a-f]{4})\)", fields.get("Chip ID", ""))
        yield Seen(
            name=fields.get("Marketing Name", "AMD card").strip(),
            vendor="amd",
            index=index,
            uuid=fields.get("Uuid", "").strip(),
            pci=f"1002:{chip[1]}" if chip else "",
            total=mebibytes(f"{largest} kB") if largest else None,
        )
        index += 1
