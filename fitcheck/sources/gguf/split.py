"""Split files: `NAME-00001-of-00003.gguf` and its siblings.

Source: llama.cpp 0c1e57098 (2026-10), src/llama.cpp (llama_split_path) and tools/gguf-split.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.errors import BadInput
from fitcheck.sources.gguf.header import Header
from fitcheck.sources.gguf.types import FILE_TYPES

_SPLIT: Final = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE | re.DOTALL)
# A terabyte in the smallest pieces that anyone publishes is under a thousand files.
MOST_PIECES: Final = 2000


class Pieces(msgspec.Struct, frozen=True):
    """The names of all files of a model, the one with the metadata first, and its plain name."""

    files: tuple[str, ...]
    stem: str


def pieces(file: str) -> Pieces:
    """All files that belong to the one of this name."""
    match = _SPLIT.fullmatch(file)
    if match is None:
        return Pieces((file,), file.removesuffix(".gguf"))
    count = min(int(match[3]), MOST_PIECES)
    names = tuple(f"{match[1]}-{i + 1:05}-of-{match[3]}.gguf" for i in range(count))
    return Pieces(names, match[1])


def whole(headers: Sequence[Header]) -> Header:
    """One header with the metadata of the first piece and the tensors of all."""
    tensors = tuple(t for header in headers for t in header.tensors)
    return msgspec.structs.replace(headers[0], tensors=tensors)


def join(headers: Sequence[Header], names: Sequence[str]) -> Checkpoint:
    """One checkpoint of all pieces. Raises BadInput where they do not belong together."""
    first = whole(headers)
    tensors = first.tensors
    if len({t.name for t in tensors}) < len(tensors):
        raise BadInput(f"{names[0]}: two of its {len(names)} pieces hold the same tensor")
    expected = first.metadata.get("split.tensors.count", len(tensors))
    if expected != len(tensors):
        raise BadInput(
            f"{names[0]}: its pieces hold {len(tensors)} tensors, {expected} are promised"
        )
    lengths = {f"{key} (length)": length for key, length in first.lengths.items()}
    return Checkpoint(
        format="gguf",
        tensors=tensors,
        metadata=first.metadata | lengths,
        files=tuple(names),
    )


def file_type(checkpoint: Checkpoint) -> str:
    """`q4_k_m`: what the header says the file is, or else the type of most of its bytes."""
    said = checkpoint.metadata.get("general.file_type")
    known = FILE_TYPES.get(said) if isinstance(said, int) else None
    return known or next(iter(checkpoint.size_by_dtype), "")
