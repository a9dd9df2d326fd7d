"""The card and what it sits in, as records. Nothing here asks the machine."""

import msgspec

from fitcheck.units import Bytes


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU as its driver presents it.

    `total`, `reserved`, `used` and `free` are nvidia-smi's four columns: what the driver reports,
    what it keeps for itself, what programs hold and what is left; the last two are known only for
    a card that was asked. None is unknown, never zero. `compute_capability` is NVIDIA's (8.6);
    `bandwidth` in GB/s (10^9), as vendors print it; `fp16_tflops` the dense matrix rate.
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
    bandwidth: float | None = None
    fp16_tflops: float | None = None
    unified: bool = False
    architecture: str = ""
    nominal_gb: float | None = None
    detected: bool = False
    index: int | None = None
    source: str = ""

    @property
    def visible(self) -> Bytes:
        """What a program can allocate on an idle card: total less what the driver keeps."""
        return Bytes(self.total - (self.reserved or 0))

    @property
    def available(self) -> Bytes:
        """What can be allocated now: free where that was asked, else visible less used."""
        if self.free is not None:
            return self.free
        return Bytes(max(self.visible - (self.used or 0), 0))


class Unseen(msgspec.Struct, frozen=True):
    """Whom we asked for cards, and why nothing came."""

    asked: str
    why: str


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Cards that a question is about, and the memory beside them (None: not known)."""

    name: str
    cards: tuple[Card, ...]
    ram_total: Bytes | None = None
    ram_available: Bytes | None = None
    driver: str | None = None
    unseen: tuple[Unseen, ...] = ()
    notes: tuple[str, ...] = ()
