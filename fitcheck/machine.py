"""The card and what it sits in, as records. Nothing here asks the machine."""

from typing import Final

import msgspec

from fitcheck.units import GIB, Bytes

# Left to the system, of RAM that is only named: an allowance, not a measurement (a machine that was
# asked says itself what is available).
SYSTEM_RAM: Final = 2 * GIB


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU as its driver presents it.

    `total`, `reserved`, `used` and `free` are nvidia-smi's four columns: what the driver reports,
    what it keeps for itself, what programs hold and what is left; the last two are known only for
    a card that was asked. None is unknown, never zero. `compute_capability` is NVIDIA's (8.6);
    `bandwidth` in GB/s (10^9), as vendors print it; `fp16_tflops` and `int8_tops` are dense matrix
    rates, `int8` whether it has matrix units for them. `kept_free` is what others were promised.
    """

    id: str
    name: str
    vendor: str
    total: Bytes
    reserved: Bytes | None = None
    used: Bytes | None = None
    free: Bytes | None = None
    compute_capability: float | None = None
    fp8: bool | None = None
    bf16: bool | None = None
    fp4: bool | None = None
    int8: bool | None = None
    bandwidth: float | None = None
    fp16_tflops: float | None = None
    int8_tops: float | None = None
    unified: bool = False
    architecture: str = ""
    nominal_gb: float | None = None
    detected: bool = False
    index: int | None = None
    source: str = ""
    kept_free: Bytes = Bytes(0)

    @property
    def visible(self) -> Bytes:
        """What a program can allocate on an idle card: total less what the driver keeps."""
        return Bytes(self.total - (self.reserved or 0))

    @property
    def available(self) -> Bytes:
        """What can be allocated now: free where that was asked, else visible less used; without
        what is kept free.
        """
        free = self.visible - (self.used or 0) if self.free is None else self.free
        return Bytes(max(free - self.kept_free, 0))


class Unseen(msgspec.Struct, frozen=True):
    """Whom we asked for cards, and why nothing came."""

    asked: str
    why: str


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Cards that a question is about, and the memory beside them (None: not known).

    The cards are in so many `nodes`, alike and in order. `link` is how they are joined, where
    somebody said it. `assumed_empty`: what runs on the
    cards is left out of account. `kept_free` is what each card keeps for others.
    """

    name: str
    cards: tuple[Card, ...]
    nodes: int = 1
    ram_total: Bytes | None = None
    ram_available: Bytes | None = None
    driver: str | None = None
    unseen: tuple[Unseen, ...] = ()
    notes: tuple[str, ...] = ()
    link: str | None = None
    assumed_empty: bool = False
    kept_free: Bytes = Bytes(0)

    def on_nodes(self, count: int) -> "Machine":
        """So many of this machine, joined by a network."""
        if count == 1:
            return self
        return msgspec.structs.replace(
            self, name=f"{count} nodes of {self.name}", cards=self.cards * count, nodes=count
        )
