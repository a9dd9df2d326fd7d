"""What was asked and what came back: for the curious, and to be pasted into a report of a fault."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from fitcheck.detect.reading import Reading, Seen
from fitcheck.errors import printable
from fitcheck.machine import Card, Machine
from fitcheck.units import mib


def asked(readings: Sequence[Reading]) -> tuple[str, ...]:
    """A line for each maker that was asked, then its tools, cards and what it could not say."""
    return tuple(line for reading in readings for line in _reading(reading))


def _reading(r: Reading) -> Iterator[str]:
    took = "" if r.seconds is None else f", {1000 * r.seconds:.0f} ms"
    driver = f", driver {r.driver}" if r.driver else ""
    yield f"asked {r.asked}: {len(r.cards)} card{'' if len(r.cards) == 1 else 's'}{driver}{took}"
    for answer in r.answers:
        yield f"  ran `{answer.command}`: {answer.came}, {1000 * answer.seconds:.0f} ms"
    yield from (f"  {_seen(card)}" for card in r.cards)
    if r.ram_total is not None:
        yield f"  RAM {mib(r.ram_total)} MiB, available {_mib(r.ram_available)}"
    yield from (f"  not seen: {u.why}" for u in r.unseen)
    yield from (f"  {note}" for note in r.notes)


def _seen(c: Seen) -> str:
    """As the tool showed it: nothing of the catalog, no UUID."""
    sizes = {"total": c.total, "reserved": c.reserved, "used": c.used, "free": c.free}
    sizes |= {"reachable": c.reachable} if c.reachable is not None else {}
    said = [f"card {'?' if c.index is None else c.index}: '{c.name}'"]
    said += [f"{key} {_mib(size)}" for key, size in sizes.items()]
    said += [f"compute {c.compute_capability:.1f}"] if c.compute_capability else []
    said += [f"pci {c.pci}"] if c.pci else []
    said += [f"slice {c.slice}"] if c.slice else []
    said += [word for word, is_so in (("unified", c.unified), ("MIG is on", c.sliced)) if is_so]
    return ", ".join(said)


def _mib(size: int | None) -> str:
    return "?" if size is None else f"{mib(size)} MiB"


def report(
    machine: Machine, readings: Sequence[Reading], around: Sequence[str], private: Sequence[str]
) -> str:
    """The whole in a block that can be pasted. `around` are lines about the system; `private` words
    (names of the user, the computer, the home folder) are taken out, and so are UUIDs, serial
    numbers, and names of programs.
    """
    lines = [*around, *asked(readings), "taken as:"]
    lines += [f"  {_card(card)}" for card in machine.cards] or ["  no card"]
    lines += [f"  {note}" for note in machine.notes]
    return clean("```\n" + "\n".join(map(printable, lines)) + "\n```\n", private)


def _card(c: Card) -> str:
    sizes = f"total {_mib(c.total)}, reserved {_mib(c.reserved)}, usable {_mib(c.available)}"
    return f"{c.id}: '{c.name}', {sizes} ({c.source})"


_UUID: Final = re.compile(
    r"\b(?:GPU-|MIG-)*[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b(?:/\d{1,3}){0,2}", re.I
)
_SHORT_UUID: Final = re.compile(r"\b(GPU-|MIG-)[0-9a-f][0-9a-f-]+", re.I)
_SERIAL: Final = re.compile(r"\b(?:0x)?(?=[0-9a-f]*[a-f])[0-9a-f]{12,}\b|\b\d{15,}\b", re.I)
_PROGRAM: Final = re.compile(r"process \d+(?: \([^)\n]*\))?")
_HOME: Final = re.compile(r"(?:/home|/Users|[A-Za-z]:\\Users)[/\\][^\s/\\'\"`,;:)]+|/root\b")


def clean(text: str, private: Sequence[str] = ()) -> str:
    """The text without what says whose computer it is."""
    text = _HOME.sub("~", text)
    for word in sorted((w for w in private if len(w) > 1), key=len, reverse=True):
        text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", "…", text, flags=re.I)
    text = _PROGRAM.sub("a program", text)
    text = _SHORT_UUID.sub(r"\1…", _UUID.sub("…", text))
    return _SERIAL.sub("…", text)
