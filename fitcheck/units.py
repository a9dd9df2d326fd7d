"""Bytes and the ways people write them."""

import re
from typing import Final, NewType

Bytes = NewType("Bytes", int)

KIB: Final = 1 << 10
MIB: Final = 1 << 20
GIB: Final = 1 << 30

# A size that a person types: "6GB" on a card's box means six GiB of memory chips, as the vendors
# use it, so decimal and binary spellings are read alike.
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?\s*", re.IGNORECASE)
_FACTOR: Final = {"": 1, "k": KIB, "m": MIB, "g": GIB, "t": 1 << 40}


def ceil_div(number: int, by: int) -> int:
    """The least whole number of `by` that holds `number`."""
    return -(-number // by)


def round_up(number: int, to: int) -> int:
    """The next multiple of `to`."""
    return ceil_div(number, to) * to


def parse_size(text: str) -> Bytes | None:
    """Bytes for `6GB`, `8g`, `24GiB`, `24576MiB`; None if it is no size with a unit."""
    match = _SIZE.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        return None
    return Bytes(round(float(match[1]) * _FACTOR[match[2].lower()]))


def gib(size: int) -> str:
    """`11.2`: GiB with one decimal, as every table prints it."""
    return f"{size / GIB:.1f}"


def mib(size: int) -> str:
    """`512`: whole MiB."""
    return f"{size / MIB:.0f}"
