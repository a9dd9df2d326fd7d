"""A GGUF file whose tensors are a hole: the header of a real model, and nothing on the disk.

Source of the format: llama.cpp 0c1e57098 (2026-10), ggml/include/gguf.h and docs/gguf.md.
"""

import struct
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Final

import msgspec

from fitcheck.errors import BadInput
from fitcheck.quantization.ggml import BLOCK_TYPES
from fitcheck.units import MIB, Bytes, round_up

ALIGNMENT: Final = 32
_VERSION: Final = 3
# Source: llama.cpp 0c1e57098 (2026-10), ggml/include/ggml.h, enum ggml_type.
TYPE_NUMBERS: Final = {
    "f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "q2_k": 10,
    "q3_k": 11, "q4_k": 12, "q5_k": 13, "q6_k": 14, "iq2_xxs": 16, "iq2_xs": 17, "iq3_xxs": 18,
    "iq1_s": 19, "iq4_nl": 20, "iq3_s": 21, "iq2_s": 22, "iq4_xs": 23, "i32": 26, "iq1_m": 29,
    "bf16": 30, "tq1_0": 34, "tq2_0": 35, "mxfp4": 39, "nvfp4": 40, "q1_0": 41, "q2_0": 42,
}  # fmt: skip

Value = bool | int | float | str | tuple[int, ...] | tuple[bool, ...]


class HollowTensor(msgspec.Struct, frozen=True):
    """A tensor by its whole name, its dimensions as ggml orders them, and its block type."""

    name: str
    ne: tuple[int, ...]
    block_type: str

    @property
    def size(self) -> Bytes:
        """Bytes of its data."""
        return BLOCK_TYPES[self.block_type].size(self.ne[0], prod(self.ne[1:]))


def write(path: Path, metadata: Mapping[str, Value], tensors: Sequence[HollowTensor]) -> None:
    """The header, and a file long enough for the data. Raises BadInput where no hole can be."""
    head = header(metadata, tensors)
    data = sum(round_up(t.size, ALIGNMENT) for t in tensors)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + data)
    blocks = getattr(path.stat(), "st_blocks", None)
    if blocks is not None and blocks * 512 > len(head) + MIB:
        raise BadInput(f"{path.parent}: its disk cannot keep a file with holes")


def header(metadata: Mapping[str, Value], tensors: Sequence[HollowTensor]) -> bytes:
    """All before the data, padded."""
    parts = [b"GGUF", struct.pack("<IQQ", _VERSION, len(tensors), len(metadata))]
    for key, value in metadata.items():
        parts += [_text(key), _value(value)]
    offset = 0
    for t in tensors:
        number = TYPE_NUMBERS[t.block_type]
        parts.append(_text(t.name))
        parts.append(struct.pack(f"<I{len(t.ne)}QIQ", len(t.ne), *t.ne, number, offset))
        offset += round_up(t.size, ALIGNMENT)
    found = b"".join(parts)
    return found + bytes(-len(found) % ALIGNMENT)


def _text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _value(value: Value) -> bytes:
    """The type's number (ggml/include/gguf.h, gguf_type) and the value."""
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + _text(value)
        case tuple():
            flags = all(isinstance(item, bool) for item in value)
            kind, code = (7, "?") if flags else (4, "I")
            return struct.pack(f"<IIQ{len(value)}{code}", 9, kind, len(value), *value)
