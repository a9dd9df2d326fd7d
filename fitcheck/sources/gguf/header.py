"""A GGUF header: metadata and the tensor list, checked against the file's length.

Source of the layout: ggml, docs/gguf.md; llama.cpp 0c1e57098 (2026-10), ggml/src/gguf.cpp.
"""

from collections.abc import Iterable
from math import prod
from typing import Final

import msgspec

from fitcheck.architecture.checkpoint import StoredTensor
from fitcheck.errors import BadInput
from fitcheck.sources.files import Reader, shown
from fitcheck.sources.gguf.cursor import Cursor
from fitcheck.sources.gguf.types import ARRAY, SCALARS, STRING, TENSOR_TYPES
from fitcheck.units import Bytes, round_up

MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
# GGML_DEFAULT_ALIGNMENT and GGML_MAX_DIMS. Source: as above.
ALIGNMENT: Final = 32
MOST_DIMENSIONS: Final = 4

# Bounds that no published file comes near: 60 to 80 keys; a few thousand tensors.
MOST_KEYS: Final = 4096
MOST_TENSORS: Final = 1 << 16
MOST_ITEMS: Final = 1 << 14
_LARGEST: Final = 1 << 48

# What older or other files begin with, and what to say then.
_STRANGERS: Final = {
    b"lmgg": "is GGML, the format before GGUF: convert it, or take a newer file",
    b"tjgg": "is GGML (ggjt), the format before GGUF: convert it, or take a newer file",
    b"fmgg": "is GGML (ggmf), the format before GGUF: convert it, or take a newer file",
    b"algg": "is a GGML adapter, not a model",
    b"vers": "is a pointer of git-lfs, not the file itself: run `git lfs pull`",
    b"<!DO": "is a web page, not a model: the download went wrong",
    b"<htm": "is a web page, not a model: the download went wrong",
    b"PK\x03\x04": "is a zip archive (a pickled PyTorch file?), not GGUF",
}


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in front of the tensors' data.

    `metadata` holds numbers, strings and short lists; for a long list (the tokenizer's) its length
    stands in `lengths`. `alignment` is what each tensor's start is a multiple of.
    """

    version: int
    metadata: dict[str, object]
    lengths: dict[str, int]
    tensors: tuple[StoredTensor, ...]
    alignment: int

    @property
    def architecture(self) -> str:
        """`general.architecture`, empty where it is not said."""
        return str(self.metadata.get("general.architecture", ""))


class _Place(msgspec.Struct, frozen=True, gc=False):
    """Where a tensor's data lie, from the start of all data."""

    start: int
    tensor: StoredTensor


def read_header(file: Reader) -> Header:
    """The header of an open GGUF file. Raises BadInput where it is none, or does not add up."""
    cursor = Cursor(file)
    version = _version(cursor)
    tensor_count, key_count = cursor.whole(), cursor.whole()
    _check_count(file, "tensors", tensor_count, MOST_TENSORS)
    _check_count(file, "keys", key_count, MOST_KEYS)
    metadata, lengths = _metadata(cursor, key_count)
    alignment = _alignment(file, metadata.get("general.alignment", ALIGNMENT))
    places = [_tensor(cursor) for _ in range(tensor_count)]
    _check_places(file, places, round_up(cursor.offset, alignment), alignment)
    return Header(
        version=version,
        metadata=metadata,
        lengths=lengths,
        tensors=tuple(place.tensor for place in places),
        alignment=alignment,
    )


def _version(cursor: Cursor) -> int:
    name = cursor.file.name
    magic = cursor.take(4) if cursor.left >= 4 else b""
    if magic != MAGIC:
        raise BadInput(f"{name}: {_STRANGERS.get(magic, 'is no GGUF file')}")
    version = cursor.whole("I")
    if version and not version & 0xFFFF:
        cursor.order = ">"
        version = int.from_bytes(version.to_bytes(4, "little"), "big")
    if version not in VERSIONS:
        raise BadInput(f"{name}: is GGUF version {version}; versions 2 and 3 can be read")
    return version


def _check_count(file: Reader, what: str, count: int, most: int) -> None:
    if count > most:
        raise BadInput(f"{file.name}: its header claims {count:,} {what}, which no model has")


def _metadata(cursor: Cursor, count: int) -> tuple[dict[str, object], dict[str, int]]:
    metadata: dict[str, object] = {}
    lengths: dict[str, int] = {}
    for _ in range(count):
        key = cursor.text()
        if key in metadata or key in lengths:
            raise BadInput(f"{cursor.file.name}: the key {shown(key)} stands in it twice")
        value = _value(cursor, key, cursor.whole("I"))
        if isinstance(value, _Skipped):
            lengths[key] = value.length
        else:
            metadata[key] = value
    return metadata, lengths


class _Skipped(msgspec.Struct, frozen=True):
    """A list that was passed over."""

    length: int


def _value(cursor: Cursor, key: str, kind: int) -> object:
    if kind == STRING:
        return cursor.text()
    if kind == ARRAY:
        return _array(cursor, key)
    return cursor.number(_scalar(cursor, key, kind))


def _scalar(cursor: Cursor, key: str, kind: int) -> str:
    code = SCALARS.get(kind)
    if code is None:
        raise BadInput(f"{cursor.file.name}: the key {shown(key)} is of an unknown type ({kind})")
    return code


def _array(cursor: Cursor, key: str) -> object:
    kind, count = cursor.whole("I"), cursor.whole()
    if kind == STRING:
        cursor.skip_strings(count)
        return _Skipped(count)
    code = _scalar(cursor, key, kind)
    if count > MOST_ITEMS or key.startswith("tokenizer."):
        width = {"B": 1, "b": 1, "?": 1, "H": 2, "h": 2, "I": 4, "i": 4, "f": 4}.get(code, 8)
        cursor.skip(width * count)
        return _Skipped(count)
    return cursor.numbers(code, count)


def _alignment(file: Reader, value: object) -> int:
    if not isinstance(value, int) or not 0 < value <= 1 << 20 or value & (value - 1):
        raise BadInput(f"{file.name}: general.alignment is {value}, not a power of two")
    return value


def _tensor(cursor: Cursor) -> _Place:
    name = cursor.text()
    dimensions = cursor.whole("I")
    if dimensions > MOST_DIMENSIONS:
        raise BadInput(f"{cursor.file.name}: tensor {shown(name)} has {dimensions:,} dimensions")
    extents = tuple(int(n) for n in cursor.numbers("Q", dimensions))
    kind, start = cursor.whole("I"), cursor.whole()
    return _Place(
        start,
        StoredTensor(
            name=name,
            dtype=TENSOR_TYPES[kind].name if kind in TENSOR_TYPES else f"type {kind}",
            shape=extents[::-1],
            size=_size(cursor.file, name, kind, extents),
        ),
    )


def _size(file: Reader, name: str, kind: int, extents: tuple[int, ...]) -> Bytes:
    block = TENSOR_TYPES.get(kind)
    if block is None:
        raise BadInput(
            f"{file.name}: tensor {shown(name)} is of ggml type {kind}, which is not known here"
        )
    if not 0 < prod(extents) < _LARGEST or max(extents, default=1) >= _LARGEST:
        raise BadInput(
            f"{file.name}: tensor {shown(name)} has the shape {_extents(extents)}, which none has"
        )
    row = extents[0] if extents else 1
    if not block.fits(row):
        what = f"has rows of {row:,}, not whole blocks of {block.name}"
        raise BadInput(f"{file.name}: tensor {shown(name)} {what}")
    return block.size(row, prod(extents[1:]))


def _extents(extents: Iterable[int]) -> str:
    return " x ".join(f"{n:,}" for n in extents)


def _check_places(file: Reader, places: list[_Place], start: int, alignment: int) -> None:
    """Tensors have names of their own, stand apart, aligned, and end before the file does."""
    if len({place.tensor.name for place in places}) < len(places):
        raise BadInput(f"{file.name}: two tensors have the same name")
    end = 0
    for place in sorted(places, key=lambda place: place.start):
        if place.start < end or place.start % alignment:
            raise BadInput(
                f"{file.name}: tensor {shown(place.tensor.name)} lies where another one does"
            )
        end = place.start + place.tensor.size
    if start + end > file.size:
        raise BadInput(
            f"{file.name}: is cut short: its tensors end at byte {start + end:,},"
            f" the file at {file.size:,} (a download that stopped?)"
        )
