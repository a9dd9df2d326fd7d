"""What a card offers, also where nobody has read it off a real one: never more than it has.

Two figures make a card: the total that its driver reports and what the driver keeps of it. Where
the table has both, they are taken. Where it lacks one, it follows from the cards like it:

- *What the driver keeps* grows with a card's memory, and differs by architecture (3070: 373 MiB,
  3090: 450, H200: 614). So it is the most that was measured on cards of the architecture up to the
  next larger one that was measured; beyond the largest, on cards of the vendor; beyond all of
  them, in proportion to the largest.
- *The total* may be less than the sticker (ECC takes a sixteenth of GDDR memory; a "288 GB" B300
  has 268.6 GiB). So a card nobody has read offers the least share of its sticker that cards of its
  vendor, kind and architecture do; of these the nearest in size.
"""

from collections.abc import Callable, Iterable
from functools import cache

import msgspec

from fitcheck.catalog.gpus import Gpu, load_gpus
from fitcheck.units import GIB, Bytes, ceil_div


class Offer(msgspec.Struct, frozen=True):
    """What a driver reports, what it keeps, and on what these rest; `known`: of real cards."""

    total: Bytes
    reserved: Bytes
    basis: str
    known: bool = True

    @property
    def usable(self) -> Bytes:
        """What a program gets of an idle card."""
        return Bytes(self.total - self.reserved)


@cache
def offer(gpu: Gpu) -> Offer | None:
    """What a card of the table offers; None if it shares a memory of unknown size."""
    usable = _least_seen(gpu)
    if gpu.nominal is None:
        return None
    if usable is not None:
        total = gpu.total or gpu.nominal
        return Offer(total, Bytes(total - usable), "read from a real one")
    if gpu.total is not None:
        kept = reserve(gpu.total, gpu.vendor, gpu.architecture)
        return Offer(gpu.total, kept, "total read, the driver's share as on cards like it")
    usable = Bytes(int(gpu.nominal * sticker_share(gpu)))
    return Offer(gpu.nominal, Bytes(gpu.nominal - usable), "never read: as the least of its kind")


def _least_seen(gpu: Gpu) -> Bytes | None:
    """The least that a program was seen to get."""
    seen = [b for b in (gpu.visible, gpu.metal_macos15, gpu.metal_macos26) if b is not None]
    return min(seen, default=None)


def reserve(total: int, vendor: str, architecture: str = "") -> Bytes:
    """What the driver keeps of a card of that size, at most; 0 for a vendor never measured."""
    of_vendor = [m for m in _measured() if m.vendor == vendor]
    for pool in ([m for m in of_vendor if m.architecture == architecture], of_vendor):
        larger = [m.total for m in pool if m.total >= total]
        if larger:
            return Bytes(max(m.kept for m in pool if m.total <= min(larger)))
    if not of_vendor:
        return Bytes(0)
    largest = max(of_vendor, key=lambda m: m.total)
    return Bytes(ceil_div(total * largest.kept, largest.total))


class _Measured(msgspec.Struct, frozen=True):
    vendor: str
    architecture: str
    total: int
    kept: int


@cache
def _measured() -> tuple[_Measured, ...]:
    """Cards of which both figures were read."""
    return tuple(
        _Measured(g.vendor, g.architecture, g.total, g.total - g.visible)
        for g in load_gpus()
        if g.total is not None and g.visible is not None
    )


def sticker_share(gpu: Gpu) -> float:
    """The least share of the sticker that a program gets on cards like this one."""
    read = [g for g in load_gpus() if _was_read(g) and not g.custom]
    keys: tuple[Callable[[Gpu], object], ...] = (
        lambda g: (g.vendor, g.kind, g.architecture),
        lambda g: (g.vendor, g.kind),
        lambda g: g.kind,
    )
    kin = next(kin for key in keys if (kin := [g for g in read if key(g) == key(gpu)]))
    return nearest_share(kin, gpu.nominal_gb)


def _was_read(gpu: Gpu) -> bool:
    return gpu.nominal is not None and bool(gpu.total or _least_seen(gpu))


def nearest_share(kin: Iterable[Gpu], nominal_gb: float | None) -> float:
    """The least share of the sticker among those nearest in size, below and above; among all of
    them if no size is given.
    """
    shares = [(g.nominal_gb or 0, _share(g)) for g in kin]
    sizes = {size for size, _ in shares}
    if nominal_gb is not None:
        below = max((size for size in sizes if size <= nominal_gb), default=0)
        above = min((size for size in sizes if size >= nominal_gb), default=0)
        sizes = {below, above}
    return min(share for size, share in shares if size in sizes)


@cache
def _share(gpu: Gpu) -> float:
    """The part of its sticker that a card offers, in the worse of its ECC states."""
    found = offer(gpu)
    assert found is not None and gpu.nominal is not None
    ecc = max(found.total - gpu.total_other_ecc, 0) if gpu.total_other_ecc else 0
    return (found.usable - ecc) / gpu.nominal


def sized(total: Bytes) -> Offer:
    """A card of which only the size is known: the least that any card with that sticker offers.

    Only cards that were read count. Of sizes that nobody sells, the least share that the next
    smaller and the next larger have.
    """
    nominal_gb = round(total / GIB) or total / GIB
    cards = [g for g in load_gpus() if g.discrete and _was_read(g)]
    same = [g for g in cards if g.nominal_gb == nominal_gb]
    if not same:
        usable = int(total * nearest_share(cards, nominal_gb))
        basis = "the share that cards nearest in size offer"
        return Offer(total, Bytes(total - usable), basis, known=False)
    least = min(same, key=_share)
    usable = int(total * _share(least))
    basis = f"the least that a card of {nominal_gb:g} GB offers ({least.id})"
    return Offer(total, Bytes(total - usable), basis)
