"""The instances with GPUs that clouds rent out, as cloud.csv has them."""

import csv
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from fitcheck.units import GIB, MIB, Bytes

CLOUD_PATH: Final = Path(__file__).with_name("cloud.csv")


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """One type of instance, as written; None where its maker does not say.

    `gpu` is an id of gpus.csv, or empty where `card` names what that table lacks. `memory` is of
    each device: of a slice, or of such a card. Prices are US dollars an hour, on demand.
    """

    provider: str
    instance: str
    gpu: str
    count: int | None
    memory: Bytes | None
    card: str
    vcpus: int | None
    ram: Bytes | None
    price: float | None
    price_region: str
    price_date: str
    notes: str
    source: str

    @property
    def id(self) -> str:
        """`aws:g5.12xlarge`, as it is typed."""
        return f"{self.provider}:{self.instance}"


@cache
def load_instances(path: Path = CLOUD_PATH) -> tuple[Instance, ...]:
    """Every row of the table, in its order; lines that begin with # are its explanation."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return tuple(map(_instance, rows))


def _instance(row: dict[str, str]) -> Instance:
    return Instance(
        provider=row["provider"],
        instance=row["instance"],
        gpu=row["gpu"],
        count=int(row["count"]) if row["count"] else None,
        memory=Bytes(int(row["memory_mib"]) * MIB) if row["memory_mib"] else None,
        card=row["card"],
        vcpus=int(row["vcpus"]) if row["vcpus"] else None,
        ram=Bytes(int(row["ram_gib"]) * GIB) if row["ram_gib"] else None,
        price=float(row["price_usd_hour"]) if row["price_usd_hour"] else None,
        price_region=row["price_region"],
        price_date=row["price_date"],
        notes=row["notes"],
        source=row["source"],
    )
