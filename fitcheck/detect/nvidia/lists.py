"""What nvidia-smi prints without a card's memory: -L, the MIG profiles, --version."""

import re

import msgspec

from fitcheck.detect.reading import Reading, Seen, nothing

_LISTED = re.compile(r"^GPU (\d{1,4}): (.+?) \(UUID: (\S+)\)\s*$")
_LISTED_SLICE = re.compile(r"^\s+MIG (\d{1,2}[gc]\.\S+)\s+Device\s+(\d{1,4}): \(UUID: (\S+)\)")


def parse_list(text: str) -> Reading:
    """`nvidia-smi -L`: names and UUIDs, MIG instances by their profile; no memory."""
    cards: list[Seen] = []
    parent = None
    for line in text.splitlines():
        if card := _LISTED.match(line):
            parent = Seen(name=card[2], vendor="nvidia", index=int(card[1]), uuid=card[3])
            cards.append(parent)
        elif (piece := _LISTED_SLICE.match(line)) and parent is not None:
            if cards[-1] is parent:
                cards.pop()
            cards.append(msgspec.structs.replace(parent, slice=piece[1], uuid=piece[3]))
    return Reading(asked="nvidia-smi -L", cards=tuple(cards))


_PROFILE = re.compile(
    r"^\|\s+(\d{1,4})\s+MIG (\S+)\s+\d{1,3}\s+(\d{1,2})/(\d{1,2})\s+(\d{1,3}\.\d{1,2}) "
)


class Profile(msgspec.Struct, frozen=True):
    """A way to cut a card: how many such instances are free and possible, and their GiB."""

    gpu: int
    name: str
    free: int
    most: int
    gib: float


def profiles(text: str) -> tuple[Profile, ...]:
    """`nvidia-smi mig -lgip`: the instances that a card can be cut into."""
    rows = filter(None, map(_PROFILE.match, text.splitlines()))
    return tuple(Profile(int(r[1]), r[2], int(r[3]), int(r[4]), float(r[5])) for r in rows)


def parse_profiles(text: str) -> Reading:
    """The MIG profiles: they name no card."""
    cuts = ", ".join(f"{p.name} of {p.gib:g} GiB" for p in profiles(text))
    asked = "nvidia-smi mig -lgip"
    seen = nothing(asked, "it lists the MIG profiles of a card, not the card: give `nvidia-smi`")
    return msgspec.structs.replace(seen, notes=(f"the card can be cut into {cuts}",))


_VERSION = re.compile(r"(?mi)^(?:DRIVER|KMD) version\s*:\s*(\d\S*)")


def parse_version(text: str) -> Reading:
    """`nvidia-smi --version`: the driver, and no card."""
    found = _VERSION.search(text)
    asked = "nvidia-smi --version"
    seen = nothing(asked, "it names no card: give what `nvidia-smi` prints")
    return msgspec.structs.replace(seen, driver=found[1] if found else None)
