"""The computer's own memory, as much of it as this process may use."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from fitcheck.detect.pci import number
from fitcheck.units import Bytes

# The greatest limit of cgroup v1 means none: 2^63 - 1 rounded down to a page (Linux
# Documentation/admin-guide/cgroup-v1/memory.rst).
_NO_LIMIT: Final = 1 << 60


class Memory(msgspec.Struct, frozen=True):
    """RAM in bytes; None where it could not be asked."""

    total: Bytes | None
    available: Bytes | None


def memory(root: Path = Path("/"), ask: Callable[[], tuple[int, int]] | None = None) -> Memory:
    """RAM of the machine, or of the container if it is given less. `ask`: total and available."""
    try:
        total, available = (ask or _psutil)()
    except (ImportError, OSError):
        return Memory(None, None)
    for limit, used in limits(root):
        if limit < total:
            total = limit
            available = min(available, max(limit - used, 0))
    return Memory(Bytes(total), Bytes(min(available, total)))


def _psutil() -> tuple[int, int]:
    import psutil

    found = psutil.virtual_memory()
    return found.total, found.available


def limits(root: Path) -> Iterator[tuple[int, int]]:
    """(limit, used) of every control group that this process is in, cache it can drop aside."""
    for group in _groups(root):
        for limit, usage, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most = number(group / limit)
            if most is not None and most < _NO_LIMIT:
                held = number(group / usage) or 0
                yield most, max(held - _stat(group / "memory.stat", cache), 0)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of this process's groups and of those around them (v2, then v1)."""
    try:
        entries = (root / "proc/self/cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for entry in entries:
        _, _, rest = entry.partition(":")
        controllers, _, place = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        path = top / place.lstrip("/")
        yield path
        yield from (p for p in path.parents if p == top or top in p.parents)


def _stat(path: Path, key: str) -> int:
    try:
        rows = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return 0
    found = (row.split()[1] for row in rows if row.startswith(f"{key} "))
    return next((int(v) for v in found if v.isascii() and v.isdigit()), 0)
