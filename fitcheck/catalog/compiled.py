"""The catalog as it was last worked out, so that a run need not read YAML and build each model.

Reading 300 entries and building their architectures costs 0.1 s, which is all the time that an
answer may take; this file is read in a tenth of that. It is a copy: when anything that it was made
from has changed, or it cannot be read or written, the catalog is worked out anew.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec

from fitcheck import __version__
from fitcheck.architecture import Layer, Model
from fitcheck.catalog.models import Catalog, ModelEntry

_NAME = "catalog.msgpack"


class Stored(msgspec.Struct, frozen=True):
    """A model whose equal layers are written once: `pattern` says which kind each layer is."""

    model: Model
    kinds: tuple[Layer, ...]
    pattern: tuple[int, ...]

    def unpacked(self) -> Model:
        """The model, equal layers one and the same object again."""
        layers = tuple(self.kinds[kind] for kind in self.pattern)
        return msgspec.structs.replace(self.model, layers=layers)


class File(msgspec.Struct, frozen=True):
    """All of it: `key` tells what it was made from; models stay packed until they are asked for."""

    key: str
    entries: tuple[ModelEntry, ...]
    models: dict[str, msgspec.Raw]


def key(catalogs: Iterable[Path]) -> str:
    """A digest of everything that the stored models depend on: catalogs, our version, our code."""
    code = Path(__file__).parents[1] / "architecture"
    seen = blake2b(__version__.encode(), digest_size=16)
    for path in (*catalogs, *sorted(code.rglob("*.py"))):
        status = path.stat()
        seen.update(f"{path}\0{status.st_mtime_ns}\0{status.st_size}\0".encode())
    return seen.hexdigest()


def read(folder: Path, catalogs: Sequence[Path]) -> Catalog | None:
    """The stored catalog, if it was made from these files as they are now."""
    try:
        found = msgspec.msgpack.decode((folder / _NAME).read_bytes(), type=File)
        if found.key != key(catalogs):
            return None
    except (OSError, ValueError):  # ValueError: msgspec's errors too
        return None
    return Catalog(found.entries, {i: _lazily(raw) for i, raw in found.models.items()})


def _lazily(raw: msgspec.Raw) -> Callable[[], Model]:
    return lambda: msgspec.msgpack.decode(raw, type=Stored).unpacked()


def write(folder: Path, catalogs: Sequence[Path], catalog: Catalog) -> None:
    """Keep the catalog for the next run; a folder that cannot be written to is no fault."""
    models = {e.id: m for e in catalog if (m := catalog.model(e)) is not None}
    packed = {i: msgspec.Raw(msgspec.msgpack.encode(_packed(m))) for i, m in models.items()}
    try:
        file = File(key(catalogs), tuple(catalog), packed)
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f"{_NAME}.{os.getpid()}"
        beside.write_bytes(msgspec.msgpack.encode(file))
        beside.replace(folder / _NAME)
    except OSError:
        return


def _packed(model: Model) -> Stored:
    kinds = tuple(layer for layer, _ in model.kinds)
    number = {id(layer): i for i, layer in enumerate(kinds)}
    pattern = tuple(number[id(layer)] for layer in model.layers)
    return Stored(msgspec.structs.replace(model, layers=()), kinds, pattern)
