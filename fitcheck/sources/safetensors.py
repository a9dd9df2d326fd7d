"""Safetensors: what the headers list, of one file or of all shards; the data are never read.

Source of the layout and its rules: safetensors 0.6, safetensors/src/tensor.rs.
"""

import re
from collections.abc import Iterable, Mapping
from math import prod
from typing import Final

import msgspec

from fitcheck.architecture.checkpoint import Checkpoint, StoredTensor
from fitcheck.errors import BadInput
from fitcheck.sources.files import Reader, shown, whole
from fitcheck.units import MIB, Bytes

# Bits of one number. Source: as above, enum Dtype.
DTYPE_BITS: Final[Mapping[str, int]] = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip

# The format allows 100 MB. A shard's header is under 2 MiB in the largest models published.
MOST_HEADER: Final = 32 * MIB
MOST_TENSORS: Final = 100_000
# The index of a trillion parameters in packed experts is about 25 MB.
MOST_INDEX: Final = 64 * MIB
MOST_SHARDS: Final = 10_000
INDEX: Final = "model.safetensors.index.json"


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """One tensor, as its header has it."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


_entry = msgspec.json.Decoder(_Entry)
_entries = msgspec.json.Decoder(dict[str, msgspec.Raw])
_strings = msgspec.json.Decoder(dict[str, str])


class Header(msgspec.Struct, frozen=True):
    """The tensors in one file, and what its `__metadata__` says."""

    tensors: tuple[StoredTensor, ...]
    metadata: dict[str, str]


def read_header(file: Reader) -> Header:
    """The header of an open file. Raises BadInput where it is none, or does not add up."""
    length = _header_length(file)
    text = file.read(8, length)
    if len(text) < length:
        raise BadInput(f"{file.name}: is cut short in its header")
    # Every tensor's entry has four colons: its own and those of its three keys.
    if text.count(b":") > 5 * MOST_TENSORS:
        raise BadInput(f"{file.name}: lists more than {MOST_TENSORS:,} tensors, which no file does")
    found = _decoded(file.name, text)
    metadata = _metadata(file.name, found.pop("__metadata__", None))
    entries = {name: _entry_of(file.name, name, raw) for name, raw in found.items()}
    _check_places(file, entries, 8 + length)
    tensors = tuple(_tensor(file.name, name, entry) for name, entry in entries.items())
    return Header(tensors, metadata)


def _header_length(file: Reader) -> int:
    start = file.read(0, 8)
    if start.startswith(b"version "):
        raise BadInput(f"{file.name}: is a pointer of git-lfs, not the file: run `git lfs pull`")
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length < 2:
        raise BadInput(f"{file.name}: is no safetensors file")
    if length > MOST_HEADER:
        raise BadInput(
            f"{file.name}: is no safetensors file (its header would be {length:,} bytes)"
        )
    return length


def _decoded(name: str, text: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _entries.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput(f"{name}: is no safetensors file (its header is no JSON object)") from None


def _metadata(name: str, raw: msgspec.Raw | None) -> dict[str, str]:
    try:
        return {} if raw is None else _strings.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput(f"{name}: its __metadata__ is no mapping of strings") from None


def _entry_of(file: str, name: str, raw: msgspec.Raw) -> _Entry:
    try:
        return _entry.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{file}: tensor {shown(name)} is not described right: {error}") from None


def _tensor(file: str, name: str, entry: _Entry) -> StoredTensor:
    begin, end = entry.data_offsets
    bits = DTYPE_BITS.get(entry.dtype)
    if bits is None:
        raise BadInput(f"{file}: tensor {shown(name)} is of the unknown type {shown(entry.dtype)}")
    if any(n < 0 for n in entry.shape) or prod(entry.shape) * bits != 8 * (end - begin):
        shape = " x ".join(map(str, entry.shape[:8]))
        what = f"has {end - begin:,} bytes, not those of {entry.dtype} {shape}"
        raise BadInput(f"{file}: tensor {shown(name)} {what}")
    return StoredTensor(name=name, dtype=entry.dtype, shape=entry.shape, size=Bytes(end - begin))


def _check_places(file: Reader, entries: Mapping[str, _Entry], start: int) -> None:
    """Tensors lie one after the other, with no gap, to the end of the file."""
    at = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1].data_offsets):
        begin, end = entry.data_offsets
        if begin != at or end < begin:
            raise BadInput(
                f"{file.name}: tensor {shown(name)} does not begin where the last one ends"
            )
        at = end
    if start + at > file.size:
        raise BadInput(
            f"{file.name}: is cut short: its tensors end at byte {start + at:,},"
            f" the file at {file.size:,} (a download that stopped?)"
        )
    if start + at < file.size:
        raise BadInput(f"{file.name}: has {file.size - start - at:,} bytes behind its last tensor")


class _Index(msgspec.Struct):
    """An index: which tensor is in which file. Kept raw, since only the files' names are needed."""

    weight_map: msgspec.Raw
    metadata: msgspec.Raw = msgspec.Raw(b"{}")


class Index(msgspec.Struct, frozen=True):
    """The files that an index names, and the total that it states."""

    files: tuple[str, ...]
    total_size: int | None


_FILE: Final = re.compile(rb':\s*"([^"\\/]{1,255})"')
_TOTAL: Final = re.compile(rb'"total_size"\s*:\s*(\d{1,18})\b')


def read_index(file: Reader) -> Index:
    """The files that a `*.index.json` names. Raises BadInput where it is no index."""
    try:
        index = msgspec.json.decode(whole(file, MOST_INDEX), type=_Index)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{file.name}: is no index of a checkpoint: {error}") from None
    names: set[bytes] = set()
    for match in _FILE.finditer(bytes(index.weight_map)):
        names.add(match[1])
        if len(names) > MOST_SHARDS:
            raise BadInput(f"{file.name}: names more than {MOST_SHARDS:,} files")
    if not names:
        raise BadInput(f"{file.name}: names no files")
    total = _TOTAL.search(bytes(index.metadata))
    files = sorted(name.decode("utf-8", "replace") for name in names)
    return Index(tuple(files), int(total[1]) if total else None)


def join(headers: Mapping[str, Header], name: str) -> Checkpoint:
    """One checkpoint of all shards. Raises BadInput where two hold the same tensor."""
    tensors = tuple(t for header in headers.values() for t in header.tensors)
    if len({t.name for t in tensors}) < len(tensors):
        raise BadInput(f"{name}: two of its {len(headers)} files hold the same tensor")
    metadata: dict[str, object] = {}
    for header in headers.values():
        metadata |= header.metadata
    return Checkpoint(
        format="safetensors", tensors=tensors, metadata=metadata, files=tuple(headers)
    )


_SHARD: Final = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.safetensors")
# What lies beside the weights in some repositories and is not part of them: adapters, other
# formats' copies of the same weights, what sentence-transformers adds.
_ASIDE: Final = ("adapter_", "consolidated", "training_", "optimizer", "scheduler")


def weight_files(names: Iterable[str]) -> list[str]:
    """The safetensors files in a folder that hold the model, where there is no index."""
    found = sorted(n for n in names if n.endswith(".safetensors"))
    model = [n for n in found if not n.startswith(_ASIDE)]
    if "model.safetensors" in model:
        return ["model.safetensors"]
    shards = [n for n in model if _SHARD.fullmatch(n)]
    return shards or model or found


def missing_shards(names: Iterable[str]) -> list[str]:
    """Shards that the others' names promise (`-00002-of-00004`) and that are not there."""
    present = set(names)
    promised: set[str] = set()
    for name in present:
        match = _SHARD.fullmatch(name)
        if match and int(match[3]) <= MOST_SHARDS:
            every = range(1, int(match[3]) + 1)
            promised |= {f"{match[1]}-{i:05}-of-{match[3]}.safetensors" for i in every}
    return sorted(promised - present)
