"""The models that people name → records: a catalog id, an alias, a path, or a repository."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from fitcheck import sources
from fitcheck.architecture import Model
from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.catalog import Catalog, ModelEntry
from fitcheck.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from fitcheck.sources.local import Found

HUB: Final = "hf:"
# What a word must contain to be taken for a path where no such file exists.
_PATH_LIKE: Final = ("/", "\\", ".json", ".gguf", ".safetensors")
_REPOSITORY: Final = re.compile(r"\w[\w.-]*/\w[\w.-]*(?<!\.json)")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was asked for, wherever its facts came from.

    `source` is `catalog`, or the kind of file that was read. `entry` is there for a model of the
    catalog, `checkpoint` where the stored tensors are known one by one; `model` is None for a
    closed model of which nothing but its name is known. `stored_as` is the type of a GGUF file,
    and `path` where what was read was found.
    """

    id: str
    name: str
    source: str
    model: Model | None
    entry: ModelEntry | None = None
    checkpoint: Checkpoint | None = None
    stored_as: str = ""
    path: str = ""
    notes: tuple[str, ...] = ()


def subject(word: str, catalog: Catalog) -> Subject:
    """What `word` names. Raises UnknownName with the nearest names, or as reading a file does."""
    if not word.strip():
        raise BadInput("no model is named; `fitcheck models` lists them")
    if word.startswith(HUB):
        from fitcheck.sources import hub

        return _from_source(hub.read(word))
    entry = catalog.find(word)
    if entry is not None:
        return of_entry(entry, catalog)
    if _exists(word):
        return _from_source(sources.read(word))
    stored = _stored(word)
    if stored is not None:
        return of_stored(stored)
    if any(part in word for part in _PATH_LIKE):
        hint = f"; for a repository write hf:{word}" if _REPOSITORY.fullmatch(word) else ""
        raise UnknownName("model or file", word, catalog.words(), hint)
    entry = catalog.meant(word)
    if entry is not None:
        return of_entry(entry, catalog)
    raise UnknownName("model", word, catalog.words(), "; `fitcheck models` lists them")


def of_entry(entry: ModelEntry, catalog: Catalog) -> Subject:
    """A catalog entry as a subject."""
    notes = entry.notes
    if not entry.downloadable:
        notes = ("closed: its weights cannot be downloaded; for reference only", *notes)
    return Subject(
        id=entry.id,
        name=entry.name,
        source="catalog",
        model=catalog.model(entry),
        entry=entry,
        notes=notes,
    )


def _stored(word: str) -> "Found | None":
    """A model of that name in another program's store."""
    from fitcheck.sources import local

    return local.named(word, local.here())


def of_stored(found: "Found") -> Subject:
    """A model of another program's store, under the name that it has there. Raises BadInput."""
    if not found.readable:
        raise BadInput(f"{found.name} in {found.store}: {found.why}")
    read = _from_source(sources.read(found.path))
    return msgspec.structs.replace(read, id=found.name, name=found.name)


def _exists(word: str) -> bool:
    try:
        return Path(word).exists()
    except (OSError, ValueError):  # too long for a file name, or a null in it
        return False


def _from_source(read: sources.Source) -> Subject:
    return Subject(
        id=read.name,
        name=read.name,
        source=read.kind,
        model=read.model,
        checkpoint=read.checkpoint,
        stored_as=(read.file_type or "copy") if _is_gguf(read) else "",
        path=read.path,
        notes=read.notes,
    )


def _is_gguf(read: sources.Source) -> bool:
    return read.checkpoint is not None and read.checkpoint.format == "gguf"


def subjects(words: Iterable[str], catalog: Catalog) -> tuple[Subject, ...]:
    """What each word names, in order."""
    return tuple(subject(word, catalog) for word in words)


def selected(
    words: Iterable[str], catalog: Catalog, takes: Callable[[Subject], bool]
) -> tuple[Subject, ...]:
    """What was named, else every entry that could be run and that the filter takes."""
    named = subjects(words, catalog)
    if named:
        return named
    entries = (of_entry(entry, catalog) for entry in catalog if entry.downloadable)
    return tuple(s for s in entries if takes(s))
