"""Reading from files that may be anything: bounded, and only from what is really a file."""

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self, TypeVar

from fitcheck.errors import BadInput, nearest

T = TypeVar("T")


class Reader(Protocol):
    """Bytes at an offset, of a file here or on a server."""

    name: str
    size: int

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes, fewer only at the end."""
        ...


class Folder(Protocol):
    """Files that belong together, here or on a server; `title` is what complaints call it."""

    title: str
    names: Sequence[str]

    def open(self, name: str) -> AbstractContextManager[Reader]:
        """One of the files. Raises BadInput where it cannot be read."""
        ...

    def each(self, names: Sequence[str], read: Callable[[Reader], T]) -> list[T]:
        """What `read` makes of each of the files, in their order."""
        ...


class LocalFile:
    """A regular file, open for reading. Raises BadInput on anything else (a pipe, a device)."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.size = regular(path).st_size
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise unreadable(path, error) from None

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes, fewer only at the end."""
        try:
            self._file.seek(offset)
            return self._file.read(length)
        except OSError as error:
            raise unreadable(Path(self.name), error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()


class LocalFolder:
    """A folder on this machine. Raises BadInput where it cannot be listed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.title = str(path)
        try:
            self.names: Sequence[str] = sorted(os.listdir(path))  # noqa: PTH208 (names are wanted)
        except OSError as error:
            raise unreadable(path, error) from None

    def open(self, name: str) -> LocalFile:
        """One of the files."""
        return LocalFile(self.path / name)

    def each(self, names: Sequence[str], read: Callable[[Reader], T]) -> list[T]:
        """What `read` makes of each of the files, one after the other."""
        found = []
        for name in names:
            with self.open(name) as file:
                found.append(read(file))
        return found


def regular(path: Path) -> os.stat_result:
    """What the system says of a file that can be read from. Raises BadInput on anything else."""
    found = status(path)
    if found is None:
        raise BadInput(f"{path}: no such file{_near(path)}")
    if stat.S_ISDIR(found.st_mode):
        raise BadInput(f"{path}: is a folder, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise BadInput(f"{path}: is not a regular file")
    return found


def status(path: Path) -> os.stat_result | None:
    """The target's stat, None where nothing is there. Raises BadInput where it cannot be asked."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None


def read_whole(path: Path, most: int) -> bytes:
    """A small file's bytes. Raises BadInput where it is larger than `most`, or no file."""
    with LocalFile(path) as file:
        return whole(file, most)


def whole(file: Reader, most: int) -> bytes:
    """All bytes of a small file. Raises BadInput where it is larger than `most`."""
    if file.size > most:
        raise BadInput(f"{file.name}: is {file.size:,} bytes, more than any ({most:,})")
    return file.read(0, most)


def unreadable(path: Path, error: Exception) -> BadInput:
    """The complaint that the system would not let us read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return BadInput(f"{path}: {reason.lower()}")


def shown(text: str, most: int = 80) -> str:
    """A name that a stranger chose, quoted and shortened."""
    return repr(text if len(text) <= most else f"{text[: most - 3]}...")


def listed(names: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    rest = len(names) - most
    shown = ", ".join(names[:most])
    return f"{shown} and {rest} more" if rest > 0 else shown


def _near(path: Path) -> str:
    """An offer of the names beside a path that is not there."""
    try:
        found = nearest(path.name, os.listdir(path.parent))  # noqa: PTH208 (names are wanted)
    except (OSError, ValueError):
        return ""
    return f"; did you mean {' or '.join(found)}?" if found else ""
