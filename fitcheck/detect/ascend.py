"""Huawei Ascend: the table of `npu-smi info`."""

import re
from typing import Final

from fitcheck.detect.reading import Reading, Seen, mebibytes
from fitcheck.units import Bytes

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
