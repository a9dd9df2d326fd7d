"""A place in a header, moving forward through a file that is read in pieces."""

import struct
from collections.abc import Callable
from typing import Final, Literal

from fitcheck.errors import BadInput
from fitcheck.sources.files import Reader
from fitcheck.units import KIB, MIB

ByteOrder = Literal["<", ">"]

# The largest header published (Llama 4's: 200k tokens with their merges) is about 12 MiB.
MOST_HEADER: Final = 256 * MIB
# Tokens and merges of the largest vocabularies are under a million strings together.
MOST_STRINGS: Final = 2_000_000
# Chat templates, the longest strings in use, are under 100 KB.
MOST_KEPT: Final = 1 << 16


class Cursor:
    """Reads a header's numbers and strings one after the other.

    Pieces double in size, so that a header on a server takes few requests. Raises BadInput where
    the file ends too soon, or the header goes on for longer than any real one.
    """

    def __init__(self, file: Reader, order: ByteOrder = "<", piece: int = 64 * KIB) -> None:
        self.file = file
        self.order = order
        self._piece = piece
        self._buffer = b""
        self._start = 0  # where in the file the buffer begins
        self._at = 0  # where in the buffer we are
        self._strings = 0

    @property
    def offset(self) -> int:
        """Where in the file we are."""
        return self._start + self._at

    @property
    def left(self) -> int:
        """Bytes from here to the end of the file."""
        return self.file.size - self.offset

    def take(self, length: int) -> bytes:
        """The next bytes."""
        self._need(length)
        self._at += length
        return self._buffer[self._at - length : self._at]

    def number(self, code: str) -> int | float | bool:
        """The next number, of a type of the struct module."""
        fmt = self.order + code
        found: int | float | bool = struct.unpack(fmt, self.take(struct.calcsize(fmt)))[0]
        return found

    def whole(self, code: Literal["I", "Q"] = "Q") -> int:
        """The next unsigned number of 32 or 64 bits."""
        return int(self.number(code))

    def numbers(self, code: str, count: int) -> tuple[int | float | bool, ...]:
        """The next numbers of one type."""
        fmt = f"{self.order}{count}{code}"
        return struct.unpack(fmt, self.take(struct.calcsize(fmt)))

    def text(self, most: int = MOST_KEPT) -> str:
        """The next string, shortened to `most` bytes."""
        length = self.whole()
        found = self.take(min(length, most)).decode("utf-8", "replace")
        self.skip(length - min(length, most))
        return found

    def skip(self, length: int) -> None:
        """Go on by so many bytes without reading them."""
        if length > self.left:
            raise self._short()
        self._at += length

    def skip_strings(self, count: int) -> None:
        """Go past so many strings; only their lengths are looked at.

        Raises BadInput for more of them than any file has.
        """
        self._strings += count
        if self._strings > MOST_STRINGS:
            raise BadInput(
                f"{self.file.name}: its header lists {self._strings:,} strings, which none does"
            )
        unpack = struct.Struct(self.order + "Q").unpack_from
        while count:
            self._need(8)
            count = self._skip_in_buffer(count, unpack)

    def _skip_in_buffer(self, count: int, unpack: Callable[[bytes, int], tuple[int]]) -> int:
        """Strings that remain after those whose length is in the buffer."""
        buffer, at = self._buffer, self._at
        last = len(buffer) - 8
        while count and at <= last:
            at += 8 + unpack(buffer, at)[0]
            count -= 1
        self.skip(at - self._at)
        return count

    def _need(self, length: int) -> None:
        """Have so many bytes in the buffer from here on."""
        if self._at + length <= len(self._buffer):
            return
        if length > self.left:
            raise self._short()
        if self.offset + length > MOST_HEADER:
            raise BadInput(
                f"{self.file.name}: its header goes on past {MOST_HEADER:,} bytes, which none does"
            )
        kept = self._buffer[self._at :]
        start = self.offset
        wanted = max(length - len(kept), self._piece)
        self._buffer = kept + self.file.read(start + len(kept), wanted)
        self._start, self._at = start, 0
        self._piece = min(2 * self._piece, 16 * MIB)
        if len(self._buffer) < length:
            raise self._short()

    def _short(self) -> BadInput:
        return BadInput(f"{self.file.name}: is cut short: its header goes on past its end")
