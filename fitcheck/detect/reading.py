"""What a tool says about a machine, before the catalog is asked what its names mean."""

import re
from typing import Final

import msgspec

from fitcheck.detect.tools import Answer
from fitcheck.machine import Unseen
from fitcheck.units import MIB, Bytes

# Before driver R510 the total that NVIDIA's tools print leaves out what the driver keeps: an
# A100-40GB shows 40536 MiB instead of 40960 (notes of catalog/gpus.csv; NVML 510 release notes).
TOTAL_HOLDS_RESERVE: Final = 510


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One card as a tool shows it; None is what it does not show.

    `name` is as printed and may be cut short (`NVIDIA GeForce RTX 2080 ...`) or list several
    models; `pci` is vendor:device:revision. `slice` is a MIG profile (`3g.40gb`), whose card is
    `name`; `sliced` a card cut into instances that the tool does not list. `reachable` is memory of
    the host that a card without much of its own can use as well. `may_exceed`: a total that can be
    more than the card has (Vulkan adds the BAR heap).
    """

    name: str
    vendor: str = ""
    total: Bytes | None = None
    reserved: Bytes | None = None
    used: Bytes | None = None
    free: Bytes | None = None
    index: int | None = None
    uuid: str = ""
    pci: str = ""
    compute_capability: float | None = None
    unified: bool = False
    reachable: Bytes | None = None
    reachable_used: Bytes | None = None
    slice: str = ""
    sliced: bool = False
    may_exceed: bool = False


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """All that one tool says: cards, what is beside them, and what it could not say.

    `system` is macOS's version (its share for the GPU changed with 26). `answers` are the tools
    that were run for it, `seconds` how long all of it took.
    """

    asked: str
    cards: tuple[Seen, ...] = ()
    driver: str | None = None
    system: str | None = None
    ram_total: Bytes | None = None
    ram_available: Bytes | None = None
    unseen: tuple[Unseen, ...] = ()
    notes: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    seconds: float | None = None


def nothing(asked: str, why: str) -> Reading:
    """A tool that showed no card."""
    return Reading(asked=asked, unseen=(Unseen(asked, why),))


def uncut(asked: str, card: Seen) -> Unseen:
    """A card in MIG mode of which no instance was made: no program gets anything of it."""
    return Unseen(asked, f"card {card.index}, {card.name}: MIG is on and it has no instance")


_MIB: Final = re.compile(r"\s*(\d{1,12})(?:\.(\d{1,9}))?\s*(KiB|MiB|GiB|TiB|kB|MB|GB|B)?\s*")
# amd-smi's and rocm-smi's "MB" are MiB: an MI210 shows 65520.
_UNIT: Final = {
    "B": 1, "kB": 1 << 10, "KiB": 1 << 10, "MB": MIB, "MiB": MIB, "GB": 1 << 30, "GiB": 1 << 30,
    "TiB": 1 << 40,
}  # fmt: skip


def mebibytes(text: object, unit: str = "MiB") -> Bytes | None:
    """Bytes for `24576 MiB`, `81559`, `65520 MB`; None for `[N/A]` and all else."""
    match = _MIB.fullmatch(str(text))
    if match is None:
        return None
    value = float(f"{match[1]}.{match[2] or 0}")
    return Bytes(int(value * _UNIT[match[3] or unit]))


def whole(text: object) -> int | None:
    """A whole number as tools print it; None for anything else."""
    match = re.fullmatch(r"\s*(\d{1,18})\s*", str(text), re.ASCII)
    return int(match[1]) if match else None


def decimal(text: object) -> float | None:
    """`8.6`; None for anything else."""
    match = re.fullmatch(r"\s*(\d{1,3}\.\d{1,2})\s*", str(text), re.ASCII)
    return float(match[1]) if match else None


def reserve_is_out(driver: str | None) -> bool:
    """Whether a driver is so old that its totals leave out what it keeps."""
    major = whole((driver or "").partition(".")[0])
    return major is not None and major < TOTAL_HOLDS_RESERVE


def total_only(total: Bytes | None, driver: str | None) -> Bytes | None:
    """What is known of the reserve where only a total is printed: nothing, or 0 before R510."""
    return Bytes(0) if total is not None and reserve_is_out(driver) else None
