"""What tools say of cards, held against the catalog: the reading counts, the name fills in."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

import msgspec

from fitcheck.cards import names
from fitcheck.catalog import mig
from fitcheck.catalog.gpu_memory import Offer, nearest_share, offer, reserve
from fitcheck.catalog.gpus import Gpu, load_gpus
from fitcheck.detect.reading import Reading, Seen
from fitcheck.machine import Card, Machine, Unseen
from fitcheck.units import Bytes, gib

# A reading this far from a product's is of another product: ECC takes a sixteenth of GDDR memory.
NEAR: Final = 0.07
LARGEST_READING: Final = 16 << 40


class Beside(msgspec.Struct, frozen=True):
    """The computer around the cards."""

    ram_total: Bytes | None
    ram_available: Bytes | None
    system: str | None


def machine(readings: Sequence[Reading], name: str, *, detected: bool = True) -> Machine:
    """One machine of all that its tools say; `name` is for one without cards."""
    beside = Beside(
        _first(r.ram_total for r in readings),
        _first(r.ram_available for r in readings),
        _first(r.system for r in readings),
    )
    cards: list[Card] = []
    unseen = [u for r in readings for u in r.unseen]
    notes = [note for r in readings for note in r.notes]
    for reading in readings:
        looked_up: list[str] = []
        for seen in reading.cards:
            found, said = _card(seen, reading.asked, beside)
            notes.extend(said)
            if isinstance(found, Unseen):
                unseen.append(found)
                continue
            cards.append(msgspec.structs.replace(found, detected=detected))
            if not (said or seen.total or seen.slice or (found.unified and beside.ram_total)):
                looked_up.append(found.id)
        if looked_up:
            which = ", ".join(dict.fromkeys(looked_up))
            notes.append(f"{reading.asked} shows no memory: it is the catalog's, of {which}")
    return Machine(
        name=name,
        cards=tuple(cards),
        ram_total=beside.ram_total,
        ram_available=beside.ram_available,
        driver=_first(r.driver for r in readings),
        unseen=tuple(unseen),
        notes=tuple(dict.fromkeys(notes)),
    )


T = TypeVar("T")


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _card(seen: Seen, asked: str, beside: Beside) -> tuple[Card | Unseen, list[str]]:
    """A card as it was read, the catalog's facts put in; Unseen if its memory cannot be known."""
    known = _known(seen, beside)
    gpu = known.gpu
    size = _size(seen, gpu, beside)
    if size is None:
        why = f"{seen.name} is shown without its memory, and the catalog does not know it"
        return Unseen(asked, why), []
    capability = seen.compute_capability or (gpu.compute_capability if gpu else None)
    card = Card(
        id=gpu.id if gpu else names.squash(names.plain(seen.name)),
        name=_named(seen, gpu),
        vendor=seen.vendor or (gpu.vendor if gpu else ""),
        total=size.total,
        reserved=size.reserved,
        used=seen.used,
        free=size.free,
        compute_capability=capability,
        unified=_is_shared(seen, gpu),
        index=seen.index,
        source=f"{asked}{'' if gpu is None else f', catalog: {gpu.id}'}",
    )
    return _with_facts(card, gpu, sliced=bool(seen.slice)), [*known.notes, *_said(seen, card)]


def _with_facts(card: Card, gpu: Gpu | None, *, sliced: bool) -> Card:
    """What only the catalog knows; of an instance no rates, which are shared out."""
    if gpu is None:
        return msgspec.structs.replace(card, **_abilities(card.compute_capability))
    return msgspec.structs.replace(
        card,
        fp8=gpu.fp8,
        bf16=gpu.bf16,
        fp4=gpu.fp4,
        int8=gpu.int8,
        bandwidth=None if sliced else gpu.bandwidth,
        fp16_tflops=None if sliced else gpu.fp16_tflops,
        int8_tops=None if sliced else gpu.int8_tops,
        architecture=gpu.architecture,
        nominal_gb=None if sliced else gpu.nominal_gb,
    )


def _abilities(capability: float | None) -> dict[str, bool]:
    """Formats of an NVIDIA card that the catalog does not have (CUDA C++ Programming Guide 13.0,
    "Compute Capabilities"): bf16 from 8.0, fp8 from 8.9, fp4 from 10.0, bytes from 7.2.
    """
    if capability is None:
        return {}
    since = {"bf16": 8.0, "fp8": 8.9, "fp4": 10.0, "int8": 7.2}
    return {name: capability >= least for name, least in since.items()}


def _named(seen: Seen, gpu: Gpu | None) -> str:
    """As printed; the driver's name for it where a tool shortens it or lists several models."""
    name = gpu.name if gpu and not names.is_printed(seen.name) else seen.name
    if not seen.slice:
        return name
    return f"{name} MIG" if seen.slice == "MIG" else f"{name} MIG {seen.slice}"


def _said(seen: Seen, card: Card) -> Iterator[str]:
    if seen.sliced:
        yield (
            f"{card.name}: MIG is on, and its instances are not shown: counted as the smallest, "
            f"{gib(card.available)} GiB; `nvidia-smi` alone or `nvidia-smi -q -x` shows them"
        )


# --- which row ---------------------------------------------------------------------------------


class Known(msgspec.Struct, frozen=True):
    """The row that a card is, None if there is none, and what is unsure about it."""

    gpu: Gpu | None
    notes: tuple[str, ...] = ()


def _known(seen: Seen, beside: Beside) -> Known:
    rows = _by_pci(seen.pci) or names.find_printed(seen.name)
    if not rows:
        return Known(None)
    host = beside.ram_total if rows[0].unified else None
    size = None if seen.slice else seen.total or host
    near = [g for g in rows if size is not None and _distance(g, size) <= NEAR]
    if near:
        return Known(min(near, key=lambda g: (_distance(g, size or 1), g.bandwidth or 0)))
    gpu, note = names.choose(rows[0].model if "[" in seen.name else seen.name, rows)
    if size is None:
        return Known(gpu, (note,) if note and not seen.slice else ())
    return Known(gpu, () if gpu.unified or gpu.nominal is None else (_differs(seen, gpu, size),))


def _differs(seen: Seen, gpu: Gpu, size: Bytes) -> str:
    return f"{seen.name} shows {gib(size)} GiB, not the {gpu.nominal_gb:g} of {gpu.id}"


def _distance(gpu: Gpu, size: int) -> float:
    """How far a reading is from a product's sticker, or from what was read of it."""
    read = (gpu.total, gpu.visible, gpu.nominal, gpu.metal_macos15, gpu.metal_macos26)
    known = [b for b in read if b]
    return min((abs(size / b - 1) for b in known), default=1.0)


def _by_pci(pci: str) -> list[Gpu]:
    """Rows of that vendor:device:revision, else of vendor:device where no revision is listed."""
    if not pci:
        return []
    device = ":".join(pci.split(":")[:2])
    exact = [g for g in load_gpus() if pci in g.pci]
    return exact or [g for g in load_gpus() if device in g.pci]


# --- how much ----------------------------------------------------------------------------------


class Size(msgspec.Struct, frozen=True):
    """Total, reserved, free (None: not asked)."""

    total: Bytes
    reserved: Bytes
    free: Bytes | None


def _size(seen: Seen, gpu: Gpu | None, beside: Beside) -> Size | None:
    """The memory of a card; readings first, then the catalog, the host's for one that shares it."""
    if seen.slice and gpu and seen.total is None:
        total = mig.instance(gpu.model, seen.slice)
        return None if total is None else Size(total, Bytes(0), None)
    if _is_shared(seen, gpu):
        return _shared(seen, gpu, beside)
    if seen.total is None or not 0 < seen.total <= LARGEST_READING:
        return _of_catalog(seen, gpu)
    return _read(seen, gpu)


def _is_shared(seen: Seen, gpu: Gpu | None) -> bool:
    """Whether its memory is the computer's: the catalog knows, else the tool."""
    return seen.unified if gpu is None else gpu.unified


def _of_catalog(seen: Seen, gpu: Gpu | None) -> Size | None:
    found = offer(gpu) if gpu else None
    return None if found is None else _left(found.total, found.reserved, seen)


def _left(total: Bytes, reserved: Bytes, seen: Seen) -> Size:
    """Free as it was read, else what is left of what was read; never more than there is."""
    kept = Bytes(min(reserved, total))
    free = seen.free
    if free is None and seen.used is not None:
        free = Bytes(max(total - kept - seen.used, 0))
    return Size(total, kept, None if free is None else Bytes(min(free, total)))


def _read(seen: Seen, gpu: Gpu | None) -> Size:
    """A card with memory of its own, of which at least the total was read."""
    total = seen.total or Bytes(0)
    found = offer(gpu) if gpu else None
    if seen.may_exceed and found is not None:
        total = Bytes(min(total, found.total))
    reserved = seen.reserved
    if reserved is None and seen.free is not None and seen.used is not None:
        reserved = Bytes(max(total - seen.used - seen.free, 0))
    if reserved is None:
        reserved = _kept(total, seen, gpu, found)
    size = _left(total, reserved, seen)
    if not seen.sliced:
        return size
    least = mig.smallest(gpu.model if gpu else "", total)
    return msgspec.structs.replace(size, free=Bytes(min(least, size.total - size.reserved)))


def _kept(total: Bytes, seen: Seen, gpu: Gpu | None, found: Offer | None) -> Bytes:
    """What the driver keeps, where only the total was read."""
    if gpu and found and gpu.total and _distance(gpu, total) <= NEAR:
        return found.reserved
    return reserve(total, seen.vendor, gpu.architecture if gpu else "")


def _shared(seen: Seen, gpu: Gpu | None, beside: Beside) -> Size | None:
    """A GPU that uses the computer's memory: what of it the GPU may take, and what is left."""
    total = seen.total or beside.ram_total
    if gpu and gpu.vendor == "apple":
        return _apple(seen, gpu, beside)
    if seen.reachable is not None and seen.total is not None:
        return _with_reachable(seen, beside)
    if total is None:
        return _of_catalog(seen, gpu)
    size = _left(total, seen.reserved or Bytes(0), seen)
    if size.free is None:
        size = msgspec.structs.replace(size, free=beside.ram_available)
    return size


def _with_reachable(seen: Seen, beside: Beside) -> Size:
    """A processor's GPU: its own part, and what it can map of the rest (VRAM + GTT)."""
    own, more = seen.total or Bytes(0), seen.reachable or Bytes(0)
    left = max(more - (seen.reachable_used or 0), 0)
    if beside.ram_available is not None:
        left = min(left, beside.ram_available)
    free = Bytes(max(own - (seen.used or 0), 0) + left)
    return Size(Bytes(own + more), Bytes(0), free)


MACOS_26: Final = 26


def _apple(seen: Seen, gpu: Gpu, beside: Beside) -> Size | None:
    """Metal's working set: as it was set, else macOS's default for that much memory."""
    ram = seen.total or beside.ram_total
    if ram is None:
        return _of_catalog(seen, gpu)
    reserved = seen.reserved
    if reserved is None:
        reserved = Bytes(ram - _working_set(ram, beside.system))
    visible = Bytes(max(ram - reserved, 0))
    free = seen.free if seen.free is not None else beside.ram_available
    return Size(ram, reserved, None if free is None else Bytes(min(free, visible)))


def _working_set(ram: Bytes, system: str | None) -> Bytes:
    """Read on a machine with that much memory, else the share of those nearest in size."""
    chips = [g for g in load_gpus() if g.vendor == "apple" and (g.metal_macos15 or g.metal_macos26)]
    major = re.match(r"\d{1,3}", system or "")
    new = major is not None and int(major[0]) >= MACOS_26
    for gpu in chips:
        if gpu.nominal == ram:
            known = [gpu.metal_macos26] if new else [gpu.metal_macos15, gpu.metal_macos26]
            sizes = [size for size in known if size is not None]
            if sizes:
                return min(sizes)
    return Bytes(int(ram * nearest_share(chips, ram / (1 << 30))))
