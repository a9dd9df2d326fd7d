"""Files that a run keeps for the next one, so that work is not done twice.

A kept file says what it was made from: our version, our code, and the files that it depends on.
When any of these has changed, or the file cannot be read, what it held is worked out anew.
"""

import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import msgspec

from fitcheck import __version__

T = TypeVar("T")


def home() -> Path:
    """The user's home; where there is none, a place in which nothing is and nothing can be kept.

    A container's user may have neither HOME nor a line in /etc/passwd.
    """
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.devnull)


class _Envelope(msgspec.Struct, frozen=True):
    key: str
    content: msgspec.Raw


def key(files: Iterable[Path]) -> str:
    """A digest of everything that kept results depend on: these files, our version, our code."""
    seen = blake2b(__version__.encode(), digest_size=16)
    for path in files:
        status = path.stat()
        seen.update(f"{path}\0{status.st_mtime_ns}\0{status.st_size}\0".encode())
    for line in sorted(_code(Path(__file__).parent)):
        seen.update(line.encode())
    return seen.hexdigest()


def _code(folder: Path) -> Iterable[str]:
    """Each module and table of ours with its time and size."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _code(Path(entry.path))
            else:
                status = entry.stat()
                yield f"{entry.path}\0{status.st_mtime_ns}\0{status.st_size}\0"


def read(path: Path, wanted: str, kind: type[T]) -> T | None:
    """What was kept there under this key; None if nothing was, or nothing that can be used."""
    try:
        found = msgspec.msgpack.decode(path.read_bytes(), type=_Envelope)
        if found.key != wanted:
            return None
        return msgspec.msgpack.decode(found.content, type=kind)
    except (OSError, ValueError):  # ValueError: msgspec's errors too
        return None


def write(path: Path, wanted: str, content: object) -> None:
    """Keep it; a folder that cannot be written to is no fault."""
    envelope = _Envelope(wanted, msgspec.Raw(msgspec.msgpack.encode(content)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        beside.write_bytes(msgspec.msgpack.encode(envelope))
        beside.replace(path)
    except OSError:
        return
