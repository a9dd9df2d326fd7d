"""A machine as `fitcheck detect --json` told it: the same cards, to the byte."""

import json
from typing import Any, Final

import msgspec

from fitcheck.errors import BadInput
from fitcheck.machine import Card, Machine
from fitcheck.units import Bytes

SCHEMA: Final = "fitcheck.machine/1"
_LARGEST: Final = 16 << 40


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A card of the answer, by the answer's own keys; keys of later versions are passed over."""

    id: str
    name: str
    vendor: str
    total: int
    reserved: int | None = None
    used: int | None = None
    free: int | None = None
    compute_capability: float | None = None
    fp8: bool | None = None
    bf16: bool | None = None
    fp4: bool | None = None
    int8: bool | None = None
    bandwidth_gb_s: float | None = None
    fp16_tflops: float | None = None
    int8_tops: float | None = None
    unified: bool = False
    architecture: str | None = None
    nominal_gb: float | None = None
    index: int | None = None
    source: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The machine of the answer."""

    name: str
    cards: tuple[Told, ...]
    ram_total: int | None = None
    ram_available: int | None = None
    driver: str | None = None
    link: str | None = None
    notes: tuple[str, ...] = ()


def is_one(content: str) -> bool:
    """Whether that is an answer of fitcheck's about a machine."""
    start = content.lstrip("\ufeff \r\n\t")[:200]
    return start.startswith("{") and '"fitcheck.' in start


def read(content: str, file: str) -> Machine:
    """The machine of an answer. Raises BadInput where it is damaged or of another command."""
    try:
        value: Any = json.loads(content.lstrip("\ufeff"))
        schema = value.get("schema")
        told = msgspec.convert(value.get("machine") if "machine" in value else value, Answer)
    except msgspec.ValidationError as fault:
        raise BadInput(f"{file} is no answer of `fitcheck detect --json`: {fault}") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{file} is not valid JSON") from None
    if schema != SCHEMA and "machine" not in value:
        raise BadInput(f"{file} is {schema}, not what `fitcheck detect --json` prints")
    return Machine(
        name=told.name,
        cards=tuple(_card(card, file) for card in told.cards),
        ram_total=_size(told.ram_total),
        ram_available=_size(told.ram_available),
        driver=told.driver,
        notes=told.notes,
        link=told.link,
    )


def _card(told: Told, file: str) -> Card:
    sizes = (told.total, told.reserved or 0, told.used or 0, told.free or 0)
    if not 0 < told.total <= _LARGEST or min(sizes) < 0 or max(sizes) > told.total:
        raise BadInput(f"{file}: the memory of {told.name} cannot be what it says")
    return Card(
        id=told.id,
        name=told.name,
        vendor=told.vendor,
        total=Bytes(told.total),
        reserved=_size(told.reserved),
        used=_size(told.used),
        free=_size(told.free),
        compute_capability=told.compute_capability,
        fp8=told.fp8,
        bf16=told.bf16,
        fp4=told.fp4,
        int8=told.int8,
        bandwidth=told.bandwidth_gb_s,
        fp16_tflops=told.fp16_tflops,
        int8_tops=told.int8_tops,
        unified=told.unified,
        architecture=told.architecture or "",
        nominal_gb=told.nominal_gb,
        index=told.index,
        source=told.source or "",
    )


def _size(value: int | None) -> Bytes | None:
    return None if value is None else Bytes(value)
