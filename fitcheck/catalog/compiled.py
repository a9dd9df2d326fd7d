"""The catalog as it was last worked out, so that a run need not read YAML and build each model.

Reading 300 entries and building their architectures costs 0.1 s, which is all the time that an
answer may take; what was kept is read in a tenth of that.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from fitcheck import kept
from fitcheck.architecture import Layer, Model
from fitcheck.catalog.models import Catalog, ModelEntry

_NAME: Final = "catalog.msgpack"


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
    """Entries, and their models, which stay packed until they are asked for."""

    entries: tuple[ModelEntry, ...]
    models: dict[str, msgspec.Raw]


def read(folder: Path, key: str) -> Catalog | None:
    """The catalog that was kept under this key."""
    found = kept.read(folder / _NAME, key, File)
    if found is None:
        return None
    return Catalog(found.entries, {i: _lazily(raw) for i, raw in found.models.items()})


def _lazily(raw: msgspec.Raw) -> Callable[[], Model]:
    return lambda: msgspec.msgpack.decode(raw, type=Stored).unpacked()


def write(folder: Path, key: str, catalog: Catalog) -> None:
    """Keep the catalog for the next run."""
    models = {e.id: m for e in catalog if (m := catalog.model(e)) is not None}
    packed = {i: msgspec.Raw(msgspec.msgpack.encode(_packed(m))) for i, m in models.items()}
    kept.write(folder / _NAME, key, File(tuple(catalog), packed))


def _packed(model: Model) -> Stored:
    kinds = tuple(layer for layer, _ in model.kinds)
    number = {id(layer): i for i, layer in enumerate(kinds)}
    pattern = tuple(number[id(layer)] for layer in model.layers)
    return Stored(msgspec.structs.replace(model, layers=()), kinds, pattern)
