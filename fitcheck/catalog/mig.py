"""Instances that a card can be cut into (MIG), and what a program gets of one."""

import csv
import re
from functools import cache
from pathlib import Path
from typing import Final

from fitcheck.units import GIB, MIB, Bytes

MIG_PATH: Final = Path(__file__).with_name("mig.csv")
_PROFILE = re.compile(r"(\d)g\.(\d{1,3})gb(?:\+.*)?")


@cache
def _read() -> dict[tuple[str, str], int]:
    """(model, profile) -> MiB."""
    with MIG_PATH.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {(row["model"], row["profile"]): int(row["total_mib"]) for row in rows}


def instance(model: str, profile: str) -> Bytes | None:
    """Memory of an instance: as it was read, else the least share of its name's GiB that any has.

    None if that is no profile.
    """
    name = profile.partition("+")[0]
    known = _read().get((model, name))
    if known is not None:
        return Bytes(known * MIB)
    match = _PROFILE.fullmatch(name)
    if match is None or not int(match[2]):
        return None
    return Bytes(int(int(match[2]) * GIB * _least_share()))


def smallest(model: str, total: Bytes) -> Bytes:
    """The least that one instance of a card may have, where nobody says how it is cut."""
    known = [mib for (of, _), mib in _read().items() if of == model]
    return Bytes(min(known) * MIB) if known else Bytes(total // INSTANCES)


# No card is cut into more: NVIDIA MIG User Guide 580, "Supported MIG Profiles", 2025: up to 7
# instances of at least one of 8 slices of the memory.
INSTANCES: Final = 8


@cache
def _least_share() -> float:
    return min(
        mib * MIB / (int(match[2]) * GIB)
        for (_, profile), mib in _read().items()
        if (match := _PROFILE.fullmatch(profile))
    )
