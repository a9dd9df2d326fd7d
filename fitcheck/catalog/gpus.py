"""The GPUs that fitcheck knows, as gpus.csv has them."""

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from fitcheck.units import GIB, MIB, Bytes

GPUS_PATH: Final = Path(__file__).with_name("gpus.csv")


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """One product with one size of memory, as written; None where no source was found.

    `total` is what its driver's tool prints and `visible` what a program gets of it when nothing
    else runs; `metal_macos15` and `metal_macos26` are Metal's default working sets. `nominal_gb`
    is the sticker, in GiB of chips on most cards. Of rows with one `model` and equal memory the
    first is the one meant. A `custom` board is no product of its maker's: modded, or built for one
    customer. All figures are of one device; `devices_per_board` says how many a board carries.
    `int8` is whether it has matrix units for bytes; without them `int8_tops` is of vector units.
    """

    id: str
    model: str
    form: str
    kind: str
    name: str
    vendor: str
    aliases: tuple[str, ...]
    pci: tuple[str, ...]
    architecture: str
    compute_capability: float | None
    nominal_gb: float | None
    devices_per_board: int
    total: Bytes | None
    total_other_ecc: Bytes | None
    ecc: str
    visible: Bytes | None
    metal_macos15: Bytes | None
    metal_macos26: Bytes | None
    bandwidth: float | None
    fp16_tflops: float | None
    int8_tops: float | None
    fp32_tflops: float | None
    int8: bool | None
    fp8: bool | None
    bf16: bool | None
    fp4: bool | None
    unified: bool
    custom: bool
    pcie_gen: float | None
    pcie_lanes: float | None
    nvlink_gb_s: float | None
    tdp_w: float | None
    release: str
    notes: str
    source: str

    @property
    def nominal(self) -> Bytes | None:
        """The sticker, read as GiB."""
        return None if self.nominal_gb is None else Bytes(round(self.nominal_gb * GIB))

    @property
    def discrete(self) -> bool:
        """A card with memory of its own, and one that can be bought."""
        return self.kind != "integrated" and not self.custom


@cache
def load_gpus(path: Path = GPUS_PATH) -> tuple[Gpu, ...]:
    """Every row of the table, in its order; lines that begin with # are its explanation."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(line for line in file if not line.startswith("#"))
        columns = tuple(_COLUMNS[name] for name in next(rows))
        return tuple(_gpu(columns, row) for row in rows)


def _gpu(columns: tuple["_Column", ...], row: list[str]) -> Gpu:
    return Gpu(**{name: read(cell) for (name, read), cell in zip(columns, row, strict=True)})


def _bytes(cell: str) -> Bytes | None:
    return Bytes(int(cell) * MIB) if cell else None


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _names(cell: str) -> tuple[str, ...]:
    return tuple(cell.split("|")) if cell else ()


_Column = tuple[str, Callable[[str], Any]]
_YES_NO: Final[dict[str, bool | None]] = {"yes": True, "no": False, "": None}
_READ: Final[dict[Callable[[str], Any], str]] = {
    str: "id model form kind name vendor architecture ecc release notes source",
    int: "devices_per_board",
    _names: "aliases pci",
    _number: "compute_capability nominal_gb fp16_tflops int8_tops fp32_tflops pcie_gen pcie_lanes "
    "nvlink_gb_s tdp_w",
    _YES_NO.__getitem__: "int8 fp8 bf16 fp4 unified custom",
}
# Column as the file has it, with its unit -> field, and how a cell is read.
_COLUMNS: Final[dict[str, _Column]] = {
    **{name: (name, read) for read, names in _READ.items() for name in names.split()},
    **{
        f"{name}_mib": (name, _bytes)
        for name in ("total", "total_other_ecc", "visible", "metal_macos15", "metal_macos26")
    },
    "bandwidth_gb_s": ("bandwidth", _number),
}
