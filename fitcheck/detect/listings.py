"""Lists of devices by other programs: lspci, and llama.cpp's --list-devices."""

import re
from typing import Final

from fitcheck.detect.reading import Reading, Seen, mebibytes, nothing
from fitcheck.units import Bytes

VENDORS: Final = {"10de": "nvidia", "1002": "amd", "8086": "intel"}
_LSPCI = re.compile(
    r"^(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.\d "
    r"(?:VGA compatible controller|3D controller|Display controller|Processing accelerators)"
    r"(?: \[[0-9a-f]{4}\])?: (.{1,400}?)(?: \[([0-9a-f]{4}):([0-9a-f]{4})\])?"
    r"(?: \(rev ([0-9a-f]{2})\))?(?: \(prog-if .*\))?\s*$"
)
_MAKERS: Final = {"NVIDIA": "10de", "Advanced Micro Devices": "1002", "Intel": "8086"}


def parse_lspci(text: str) -> Reading:
    """`lspci` or `lspci -nn`: display controllers of the three makers, without memory."""
    cards: list[Seen] = []
    for row in text.splitlines():
        match = _LSPCI.match(row)
        maker = match and (match[2] or next((v for k, v in _MAKERS.items() if k in match[1]), ""))
        if match and maker in VENDORS:
            pci = ":".join(part for part in (maker, match[3], match[4]) if part)
            name = match[1].removeprefix("NVIDIA Corporation ").removeprefix("Intel Corporation ")
            cards.append(
                Seen(
                    name=name, vendor=VENDORS[maker], index=len(cards), pci=pci if match[3] else ""
                )
            )
    if not cards:
        return nothing("lspci", "it lists no NVIDIA, AMD or Intel display controller")
    return Reading(asked="lspci", cards=tuple(cards))


_LLAMA = re.compile(
    r"^\s*(CUDA|ROCm|HIP|Vulkan|SYCL|MTL|Metal|CANN|MUSA|OpenCL)(\d{0,3}): (.{1,200}) "
    r"\((\d{1,9}) MiB, (\d{1,9}) MiB free\)\s*$"
)
_BACKENDS: Final = {"CUDA": "nvidia", "ROCm": "amd", "HIP": "amd", "MTL": "apple", "SYCL": "intel"}


def parse_llama(text: str) -> Reading:
    """`llama-server --list-devices`: what a program gets, so nothing is reserved beyond it."""
    rows = filter(None, map(_LLAMA.match, text.splitlines()))
    cards = tuple(
        Seen(
            name=row[3],
            vendor=_BACKENDS.get(row[1], ""),
            index=place,
            total=mebibytes(row[4]),
            free=mebibytes(row[5]),
            reserved=Bytes(0),
            may_exceed=row[1] == "Vulkan",
        )
        for place, row in enumerate(rows)
    )
    return Reading(asked="llama-server --list-devices", cards=cards)
