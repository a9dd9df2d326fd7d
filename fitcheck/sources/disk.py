"""A path on this machine: what kind of thing it is, and the model in it."""

import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fitcheck.errors import BadInput
from fitcheck.sources import config_json, contents, files, gguf, safetensors
from fitcheck.sources.files import LocalFile, LocalFolder, listed
from fitcheck.sources.json_text import read_mapping
from fitcheck.sources.source import Source

# How PyTorch's own files begin: a zip archive since version 1.6, a bare pickle before.
_PICKLES: Final = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
_CACHED: Final = re.compile(r"models--(.+)")


def read(path: str) -> Source:
    """The model at a path. Raises BadInput where there is none."""
    place = _place(path)
    found = files.status(place)
    if found is not None and stat.S_ISDIR(found.st_mode):
        return read_folder(place)
    files.regular(place)
    if place.name.endswith(".index.json"):
        return read_folder(place.parent)
    return _read_file(place)


def _place(path: str) -> Path:
    """The path with `~` put in."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # a home that is not known
        return Path(path)


def read_folder(path: Path) -> Source:
    """The model in a folder, or in the newest snapshot of one in the Hugging Face cache.

    Raises BadInput where there is none.
    """
    folder = LocalFolder(path)
    if "snapshots" in folder.names and _CACHED.fullmatch(path.name):
        return read_folder(snapshot(path))
    try:
        return contents.read(folder, name_of(path))
    except BadInput as error:
        below = [n for n in folder.names if _is_file(path / n / "config.json")]
        if not below or "config.json" in folder.names:
            raise
        offer = listed([str(path / n) for n in below])
        raise BadInput(f"{error}; did you mean {offer}?") from None


def deep_folder(path: Path) -> LocalFolder:
    """A folder that also lists the files one level below, as a repository lists them."""
    folder = LocalFolder(path)
    below = [f"{n}/{m}" for n in folder.names if (path / n).is_dir() for m in _listing(path / n)]
    folder.names = (*folder.names, *below)
    return folder


def _listing(path: Path) -> Sequence[str]:
    try:
        return LocalFolder(path).names
    except BadInput:
        return ()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def snapshot(path: Path, revision: str = "main") -> Path:
    """A revision in a folder of the Hugging Face cache; the newest where `main` is not there.

    Raises BadInput where another one is asked for that is not there, or none is.
    """
    found = LocalFolder(path / "snapshots")
    try:
        ref = files.read_whole(path / "refs" / revision, 100).decode("ascii", "replace").strip()
    except BadInput:
        ref = revision
    if ref in found.names:
        return found.path / ref
    if revision != "main":
        raise BadInput(f"{path}: holds no revision '{revision}'")
    folders = [found.path / n for n in found.names if (found.path / n).is_dir()]
    if not folders:
        raise BadInput(f"{path}: holds no snapshot of the model")
    return max(folders, key=lambda p: p.stat().st_mtime)


def name_of(path: Path) -> str:
    """`ORG/NAME` for a folder in the Hugging Face cache, else the folder's own name."""
    place = path.absolute()
    for above in (place, *list(place.parents)[:2]):
        cached = _CACHED.fullmatch(above.name)
        if cached:
            return cached[1].replace("--", "/", 1)
    return place.name or str(path)


def _read_file(path: Path) -> Source:
    with LocalFile(path) as file:
        start = file.read(0, 64)
    if start.startswith(b"GGUF") or path.suffix.lower() == ".gguf":
        return contents.read_gguf(LocalFolder(path.parent), path.name, gguf.pieces(path.name).stem)
    if path.suffix == ".safetensors" or start[8:9] == b"{":
        return _read_safetensors(path)
    if start.startswith(_PICKLES):
        raise BadInput(f"{path}: is a pickled PyTorch file, which cannot be looked into safely")
    if path.suffix == ".json" or start.lstrip(_BLANK).startswith(b"{"):
        return _read_config(path)
    raise BadInput(f"{path}: is neither a config.json nor a safetensors nor a GGUF file")


def _read_config(path: Path) -> Source:
    if path.name == "adapter_config.json":
        raise contents.adapter(LocalFolder(path.parent))
    model = config_json.model(read_mapping(path), str(path))
    name = name_of(path.parent) if path.name == "config.json" else path.stem
    return Source(name=name, path=str(path), model=model)


def _read_safetensors(path: Path) -> Source:
    """The whole model that the file is a part of, where its config.json lies beside it."""
    if _is_file(path.parent / "config.json"):
        return read_folder(path.parent)
    with LocalFile(path) as file:
        header = safetensors.read_header(file)
    notes = ["no config.json beside it: the bytes of its tensors are all that is known"]
    missing = safetensors.missing_shards([path.name])
    if missing:
        notes.append(f"it is one of the {len(missing) + 1} files of its model")
    return Source(
        name=path.stem,
        path=str(path),
        checkpoint=safetensors.join({path.name: header}, str(path)),
        notes=tuple(notes),
    )
