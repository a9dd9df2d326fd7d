"""Huawei Ascend: the table of `npu-smi info`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from fitcheck.detect.pci import of_vendor
from fitcheck.detect.reading import Reading, Seen, mebibytes, nothing, whole
from fitcheck.detect.tools import Run
from fitcheck.machine import Unseen
from fitcheck.units import Bytes

VENDOR: Final = "19e5"

_VERSION = re.compile(r"\| npu-smi (\S+)\s")
_NPU = re.compile(r"^\| (\d{1,3})\s+(\S+)\s+\| (?:OK|Warning|Alarm|Critical|UNKNOWN)\s")
_CHIP = re.compile(
    r"^\| \d{1,3}(?:\s+\d{1,3})?\s+\| \S{1,20}\s+\|.{1,80}\s(\d{1,7})\s*/\s*(\d{1,7})\s*\|"
)
ASKED: Final = "npu-smi info"


def parse(text: str) -> Reading:
    """Two lines a chip: its name, then used and total HBM; what an idle one holds is in use."""
    cards: list[Seen] = []
    name = ""
    for row in text.splitlines():
        if npu := _NPU.match(row):
            name = npu[2]
        elif name and (chip := _CHIP.match(row)):
            used, total = mebibytes(chip[1]), mebibytes(chip[2])
            cards.append(
                Seen(
                    name=name,
                    vendor="huawei",
                    index=len(cards),
                    total=total,
                    used=used,
                    reserved=Bytes(0),
                )
            )
            name = ""
    found = _VERSION.search(text)
    return Reading(asked=ASKED, cards=tuple(cards), driver=found[1] if found else None)


# The kernel's device of the first NPU (Huawei, "CANN Installation Guide", 2025).
_DEVICE: Final = "dev/davinci0"


def probe(environment: Mapping[str, str], root: Path, run: Run) -> Reading:
    """What `npu-smi info` shows, of that what ASCEND_RT_VISIBLE_DEVICES leaves."""
    if not (root / _DEVICE).exists() and not of_vendor(root / "sys", VENDOR):
        return nothing(ASKED, "no Ascend NPU is here")
    found = parse(run(("npu-smi", "info")) or "")
    if not found.cards:
        return nothing(ASKED, "npu-smi does not show the NPU that is here")
    wanted = environment.get("ASCEND_RT_VISIBLE_DEVICES")
    if wanted is None:
        return found
    indices = [whole(word) for word in wanted.split(",")]
    shown = tuple(card for card in found.cards if card.index in indices)
    hidden = f"ASCEND_RT_VISIBLE_DEVICES={wanted} hides {len(found.cards) - len(shown)} cards"
    unseen = () if len(shown) == len(found.cards) else (Unseen(ASKED, hidden),)
    return msgspec.structs.replace(found, cards=shown, unseen=unseen)
