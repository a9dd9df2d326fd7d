"""The models that fitcheck knows, and what a user laid over them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from fitcheck import kept
from fitcheck.catalog import record, text
from fitcheck.catalog.models import Catalog, CatalogFile, ModelEntry, Quantization, Requirement
from fitcheck.errors import BadFile, BadInput, Problem

__all__ = [
    "Catalog", "CatalogFile", "ModelEntry", "Quantization", "Requirement",
    "load_models", "models_path", "raw_entries",
]  # fmt: skip

# A catalog of ten thousand entries; anything larger is not one.
LARGEST_FILE: Final = 16 << 20


def models_path() -> Path:
    """The copy that a wheel put beside this package, else the one at the top of the checkout."""
    beside = Path(__file__).parents[1] / "models.yaml"
    return beside if beside.exists() else Path(__file__).parents[2] / "models.yaml"


def load_models(overlays: Sequence[Path] = (), kept_in: Path | None = None) -> Catalog:
    """The built-in catalog with these files laid over it, in order.

    An overlay's entry with a new id is added; with a known id it corrects the fields that it gives
    (`config` key by key). `kept_in` is a folder for what was worked out, to be found there the next
    time. Raises BadFile with every faulty entry's first line.
    """
    from fitcheck.catalog import compiled

    if kept_in is None or not all(path.is_file() for path in overlays):
        return _read_models(overlays)
    key = kept_key(overlays)
    known = compiled.read(kept_in, key)
    if known is None:
        known = _read_models(overlays)
        compiled.write(kept_in, key, known)
    return known


def kept_key(overlays: Sequence[Path] = ()) -> str:
    """What the catalog with these files over it, and all that follows from it, is kept under."""
    present = [path for path in overlays if path.is_file()]
    return kept.key((models_path(), *present))


def _read_models(overlays: Sequence[Path]) -> Catalog:
    builtin = models_path()
    raw = raw_entries(read_text(builtin), str(builtin))
    if not overlays:
        return _typed(raw, builtin)
    merged = {entry["id"]: entry for entry in raw}
    for path in overlays:
        source = read_text(path)
        for i, entry in enumerate(raw_entries(source, str(path))):
            merged[entry["id"]] = laid_over(merged.get(entry["id"], {}), entry)
            problems = entry_problems(merged[entry["id"]], source, str(path), i)
            if problems:
                raise BadFile(problems)
    return _typed(list(merged.values()), builtin)


def read_text(path: Path) -> str:
    """The file's text. Raises BadInput with the reason that it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise BadInput(f"{path}: larger than any catalog (more than {LARGEST_FILE} bytes)")
        return data.decode("utf-8")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 at byte {error.start}") from None


def raw_entries(source: str, file: str) -> list[dict[str, Any]]:
    """The entries as written, each a mapping with an id. Raises BadFile."""
    found, problems = listed(text.read(source, file), source, file)
    if problems:
        raise BadFile(problems)
    return [entry for _, entry in found]


def listed(
    document: object, source: str, file: str
) -> tuple[list[tuple[int, dict[str, Any]]], list[Problem]]:
    """The entries that have an id, each with its place in the list; and what is no entry."""
    entries = document.get("models") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        what = "is missing: a catalog is a list under `models:`"
        return [], [Problem(file, 1, "models", what)]
    assert isinstance(document, dict)
    problems = [
        Problem(file, text.line_of(source, key), key, "is not a key here: a catalog has `models:`")
        for key in document
        if key != "models"
    ]
    found: list[tuple[int, dict[str, Any]]] = []
    for i, entry in enumerate(entries):
        if isinstance(entry, dict) and isinstance(entry.get("id"), str):
            found.append((i, entry))
        else:
            path = f"models[{i}]"
            problems.append(Problem(file, text.line_of(source, path), path, "has no id"))
    return found, problems


def laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """An entry corrected by another: field by field, and key by key in `config`."""
    both = below | above
    if isinstance(below.get("config"), dict) and isinstance(above.get("config"), dict):
        both["config"] = below["config"] | above["config"]
    return both


def entry_problems(entry: dict[str, Any], source: str, file: str, index: int) -> list[Problem]:
    """What is wrong with the shape of one entry, each fault with its line in `source`."""
    return [
        Problem(file, text.line_of(source, path), path, what)
        for path, what in record.faults(entry, ModelEntry, f"models[{index}]")
    ]


def _typed(raw: list[dict[str, Any]], path: Path) -> Catalog:
    try:
        return Catalog(record.convert(raw, tuple[ModelEntry, ...]))
    except msgspec.ValidationError:
        source = read_text(path)
        found = [
            p for i, entry in enumerate(raw) for p in entry_problems(entry, source, str(path), i)
        ]
        raise BadFile(found) from None
