"""Rows that were measured on this machine, a line of JSON each, in a file that only grows."""

import os
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from fitcheck.errors import BadInput, printable
from fitcheck.measure.records import SCHEMA, Measured

# Some 2 KiB a row: ten thousand of them.
LARGEST: Final = 32 << 20


def read(path: Path) -> tuple[tuple[Measured, ...], str]:
    """The rows of a file, and one line about what in it is no row. No file is no rows."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return (), ""
    except OSError as fault:
        return (), printable(f"cannot read {path}: {fault.strerror}; nothing measured is used")
    if len(data) > LARGEST:
        return (), printable(f"{path}: is too large to be what measure keeps; it is not used")
    lines = [(n, line) for n, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    found = [(n, _row(line)) for n, line in lines]
    strange = [n for n, row in found if row is None]
    return tuple(row for _, row in found if row is not None), _warning(path, strange)


def _row(line: bytes) -> Measured | None:
    """None for what another program, or another version, wrote."""
    try:
        row = msgspec.json.decode(line, type=Measured)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    sound = row.schema == SCHEMA and row.runs and min(row.runs) > 0
    return row if sound else None


def _warning(path: Path, strange: list[int]) -> str:
    if not strange:
        return ""
    first = f"line {strange[0]}"
    which = first if len(strange) == 1 else f"{len(strange)} lines, the first of them {first},"
    verb = "is" if len(strange) == 1 else "are"
    return printable(f"{path}: {which} {verb} no measured row and {verb} left as found")


def append(path: Path, row: Measured) -> None:
    """Add a row; what stands there stays as it is. Raises BadInput where it cannot be written."""
    text = msgspec.json.encode(row) + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            file.write(_apart(file) + text)
    except OSError as fault:
        raise BadInput(f"cannot write {path}: {fault.strerror}") from None


def _apart(file: BinaryIO) -> bytes:
    """A line break where the last line has none."""
    if not file.tell():
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"
