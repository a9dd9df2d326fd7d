"""Names of clouds' instances, as people type them -> the machine that is rented under that name."""

import re
from functools import cache
from typing import Final

from msgspec import structs

from fitcheck.cards import names, typed
from fitcheck.catalog.cloud import Instance, load_instances
from fitcheck.catalog.gpu_memory import offer, reserve
from fitcheck.catalog.gpus import Gpu, load_gpus
from fitcheck.errors import BadInput, UnknownName
from fitcheck.machine import SYSTEM_RAM, Card, Machine
from fitcheck.units import Bytes

_LIST: Final = "; `fitcheck gpus --cloud` lists them"
_ALSO: Final = {
    "amazon": "aws", "ec2": "aws", "google": "gcp", "gce": "gcp", "microsoft": "azure",
    "lambdalabs": "lambda",
}  # fmt: skip
# What only names of instances look like: g5.12xlarge, Standard_ND96isr_H100_v5, a2-highgpu-1g.
_SHAPE: Final = re.compile(
    r"\w{1,9}(?:-\w{1,9})?\.(?:\w{0,9}large?|metal)\w{0,3}"
    r"|standard_\w{1,60}|n[cdv]\d{1,3}\w{0,60}_v\d|[a-z]\d-\w{3,12}-\d{1,3}g?|gpu_\d{1,2}x_\w{1,30}",
    re.IGNORECASE,
)


def machine(word: str) -> Machine | None:
    """The machine of `aws:g5.12xlarge`, or of `g5.12xlarge` alone; None if that is no such name.

    Raises UnknownName with the nearest for what can only be an instance, and BadInput where
    several clouds have one of that name.
    """
    provider, colon, rest = word.strip().partition(":")
    provider = _ALSO.get(provider.lower().strip(), provider.lower().strip())
    known = _by_provider().get(provider) if colon else None
    if known is not None:
        found = known.get(_plain(rest))
        if found is None:
            ids = [i.id.lower() for i in known.values()]
            raise UnknownName("cloud instance", _shown(f"{provider}:{rest.lower()}"), ids, _LIST)
        return _machine(found)
    rows = [of[_plain(word)] for of in _by_provider().values() if _plain(word) in of]
    if len(rows) > 1:
        raise BadInput(f"'{word}' may be {' or '.join(row.id for row in rows)}: say which")
    return _machine(rows[0]) if rows else None


def refuse(word: str) -> None:
    """Raises UnknownName, with the nearest instances, for what looks like one and is none, and
    BadInput for one among other words.
    """
    for part in re.split(r"[,;]", word):
        name = re.sub(r"^\s*\d{1,4}\s*[x*]\s*", "", part)
        if name != word and machine(name) is not None:
            raise BadInput(f"'{name.strip()}' is a whole machine: name it alone")
    cloud, colon, _ = word.partition(":")
    if colon and cloud.strip().isalpha():
        there = f"; there are {', '.join(_by_provider())}"
        raise UnknownName("cloud", _shown(cloud), _by_provider(), there)
    if _SHAPE.fullmatch(word.strip()):
        rented = [name for of in _by_provider().values() for name in of]
        raise UnknownName("cloud instance", _shown(_plain(word)), rented, _LIST)


def _shown(word: str) -> str:
    """Of a name that is none, as much as goes in a line."""
    return " ".join(word.split())[:80]


@cache
def _by_provider() -> dict[str, dict[str, Instance]]:
    """Provider -> name as compared -> its row."""
    found: dict[str, dict[str, Instance]] = {}
    for row in load_instances():
        found.setdefault(row.provider, {})[_plain(row.instance)] = row
    return found


def _plain(name: str) -> str:
    """Lower case, and without Azure's prefix."""
    return name.strip().lower().removeprefix("standard_")


def _machine(row: Instance) -> Machine:
    count = row.count or 1
    gpu = next((g for g in load_gpus() if g.id == row.gpu), None)
    card = _card(row, gpu)
    notes = [f"{row.id}: {row.notes}"] if row.notes else []
    if row.count is None:
        notes.append(f"{row.id} is taken to have one GPU: how many it has is not known")
    return Machine(
        name=f"{row.id} ({count}x {card.name})" if count > 1 else f"{row.id} ({card.name})",
        cards=(card,) * count,
        ram_total=row.ram,
        ram_available=None if row.ram is None else Bytes(row.ram - SYSTEM_RAM),
        notes=tuple(notes),
    )


def _card(row: Instance, gpu: Gpu | None) -> Card:
    """A whole card of the table, a slice of one, or one that the table lacks."""
    if gpu is None:
        total = row.memory or Bytes(0)
        return Card(
            id=names.squash(row.card.lower()), name=row.card, vendor="amd", total=total,
            reserved=reserve(total, "amd"), source=f"the size that {row.provider} names",
        )  # fmt: skip
    found = offer(gpu)
    assert found is not None
    whole = typed.card(gpu, found)
    if row.memory is None:
        return whole
    return structs.replace(
        whole,
        name=f"{whole.name} slice",
        total=row.memory,
        reserved=reserve(row.memory, gpu.vendor, gpu.architecture),
        bandwidth=None,
        fp16_tflops=None,
        int8_tops=None,
        nominal_gb=None,
        source=f"the size that {row.provider} names; catalog: a slice of {gpu.id}",
    )
