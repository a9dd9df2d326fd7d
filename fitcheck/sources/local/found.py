"""A model in a store, and looking through folders that may be anything."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from fitcheck.errors import BadInput
from fitcheck.sources import files
from fitcheck.sources.files import listed
from fitcheck.sources.gguf.split import pieces
from fitcheck.sources.safetensors import missing_shards
from fitcheck.units import Bytes

Store = Literal["huggingface", "ollama", "lmstudio", "llama.cpp"]
Form = Literal["safetensors", "gguf", "pytorch", "config"]

# More entries than this in one folder are no store of models.
MOST_ENTRIES: Final = 20_000
WEIGHTS: Final = (".safetensors", ".gguf", ".bin")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A model on this machine. `why` says what is wrong where it is not `readable`.

    `path` is what to ask about; `size` the bytes of its weights on disk, None where none are there.
    """

    name: str
    store: Store
    path: str
    form: Form | None
    size: Bytes | None
    readable: bool = True
    why: str = ""


def entries(folder: Path) -> list[str]:
    """The names in a folder, sorted; none where it cannot be listed."""
    try:
        return sorted(os.listdir(folder)[:MOST_ENTRIES])  # noqa: PTH208 (names are wanted)
    except OSError:
        return []


def folders(folder: Path) -> Iterator[Path]:
    """The folders in a folder."""
    for name in entries(folder):
        if is_folder(folder / name):
            yield folder / name


def is_folder(path: Path) -> bool:
    """Whether a folder is there; no where it cannot be said."""
    try:
        return path.is_dir()
    except OSError:
        return False


def closed(store: Store, root: Path) -> list[Found]:
    """A record that says so where a store is there and may not be listed."""
    if not is_folder(root) or os.access(root, os.R_OK | os.X_OK):
        return []
    denied = Found(
        name="",
        store=store,
        path=str(root),
        form=None,
        size=None,
        readable=False,
        why="permission denied",
    )
    return [denied]


def beneath(folder: Path, depth: int = 3) -> list[str]:
    """Files in a folder and some levels below, as paths from it; no links to folders."""
    found = []
    for name in entries(folder):
        path = folder / name
        if is_folder(path):
            if depth and not path.is_symlink():
                found += [f"{name}/{below}" for below in beneath(path, depth - 1)]
        else:
            found.append(name)
    return found


def models_in(folder: Path, name: str, store: Store) -> list[Found]:
    """The models in a repository's folder: what its config.json describes, and each GGUF."""
    names = beneath(folder)
    here = [n for n in names if "/" not in n]
    found = [_gguf(folder, file, name, store) for file in first_pieces(names)]
    tensors = [n for n in here if n.endswith((".safetensors", ".bin"))]
    if "config.json" not in here or (found and not tensors):
        return found
    return [_described(folder, name, store, here, tensors), *found]


def first_pieces(names: Sequence[str]) -> list[str]:
    """Each GGUF model's first file; no projectors."""
    ggufs = [n for n in names if n.lower().endswith(".gguf") and "mmproj" not in n.lower()]
    return sorted({pieces(n).files[0] for n in ggufs})


def _described(
    folder: Path, name: str, store: Store, here: Sequence[str], tensors: Sequence[str]
) -> Found:
    safe = [n for n in tensors if n.endswith(".safetensors")]
    missing = missing_shards(safe)
    size, why = sizes([folder / n for n in safe or tensors])
    form: Form = "safetensors" if safe else "pytorch" if tensors else "config"
    return Found(
        name=name,
        store=store,
        path=str(folder),
        form=form,
        size=size,
        readable=not why and not missing,
        why=f"{listed(missing)} missing" if missing else why,
    )


def _gguf(folder: Path, file: str, name: str, store: Store) -> Found:
    size, why = sizes([folder / n for n in pieces(file).files])
    return Found(
        name=f"{name}:{file}",
        store=store,
        path=str(folder / file),
        form="gguf",
        size=size,
        readable=not why,
        why=why,
    )


def sizes(paths: Sequence[Path]) -> tuple[Bytes | None, str]:
    """Bytes of all files together, and what is wrong with the first that cannot be read."""
    total, why = 0, ""
    for path in paths:
        size, fault = _size(path)
        total += size
        why = why or fault
    return (Bytes(total) if total else None), why


def _size(path: Path) -> tuple[int, str]:
    try:
        found = files.status(path)
    except BadInput as error:
        return 0, str(error)
    if found is None:
        return 0, f"{path.name} is missing"
    if not stat.S_ISREG(found.st_mode):
        return 0, f"{path.name} is no regular file"
    return found.st_size, "" if os.access(path, os.R_OK) else f"{path.name}: permission denied"
