"""Safetensors headers: what they list, and those that do not add up."""

import json
import struct
from pathlib import Path

import pytest
from model_files import llama_shapes, safetensors_bytes, write_safetensors

from fitcheck.errors import BadInput
from fitcheck.sources.files import LocalFile
from fitcheck.sources.safetensors import (
    DTYPE_BITS,
    Header,
    missing_shards,
    read_header,
    read_index,
    weight_files,
)


def header_of(path: Path) -> Header:
    with LocalFile(path) as file:
        return read_header(file)


def written(folder: Path, header: object, data: int = 0) -> Path:
    """A file with this header, whatever it is, and so many bytes of data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(data))
    return path


@pytest.mark.parametrize("dtype", DTYPE_BITS)
def test_every_type_is_known(dtype: str, tmp_path: Path) -> None:
    """Also those of less than a byte, where a row of 32 is whole bytes."""
    header = header_of(write_safetensors(tmp_path / "x", {"w": (dtype, [4, 32])}))

    assert header.tensors[0].size == 128 * DTYPE_BITS[dtype] // 8


def test_a_header_is_all_that_is_read(tmp_path: Path) -> None:
    """Names, types, shapes and sizes, in the file's order."""
    header = header_of(write_safetensors(tmp_path / "x", llama_shapes()))

    assert [t.name for t in header.tensors] == list(llama_shapes())
    assert header.tensors[0].shape == (96, 64)


def test_metadata_are_strings(tmp_path: Path) -> None:
    """`format` says who wrote it."""
    text = safetensors_bytes({}, {"format": "pt"})
    path = tmp_path / "x"
    path.write_bytes(text)

    assert header_of(path).metadata == {"format": "pt"}


def one(**changes: object) -> dict[str, object]:
    """A tensor of four numbers in 16 bits, with something wrong."""
    return {"w": {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]} | changes}


@pytest.mark.parametrize(
    ("header", "data", "said"),
    [
        (one(dtype="F12"), 8, "unknown type 'F12'"),
        (one(shape=[2, 3]), 8, "not those of F16 2 x 3"),
        (one(shape=[-2, -2]), 8, "not those of F16 -2 x -2"),
        (one(shape=[2**40, 2**40]), 8, "not those of"),
        (one(shape="22"), 8, "not described right"),
        (one(shape=None), 8, "not described right"),
        (one(data_offsets=[0]), 8, "not described right"),
        (one(data_offsets=[8, 0]), 8, "does not begin where"),
        (one(data_offsets=[8, 16]), 16, "does not begin where"),
        (one(data_offsets=[0, 2**70]), 8, "cut short"),
        (one(), 4, "cut short: its tensors end at byte"),
        (one(), 9, "1 bytes behind its last tensor"),
        (one() | {"v": one()["w"]}, 8, "does not begin where"),
        ({"w": 1}, 8, "not described right"),
        ([], 8, "no JSON object"),
        (b"{", 8, "is no safetensors file"),
        (b"{" * 100_000, 8, "no JSON object"),
        (b'{"w":{"dtype":"F16","shape":[' + b"[" * 100_000, 8, "no JSON object"),
        (b"\xff\xfe{}", 8, "no JSON object"),
        ({"__metadata__": {"a": 1}}, 0, "no mapping of strings"),
        ({"\x1b[31mred": 1}, 0, r"\\x1b"),
    ],
)
def test_headers_that_do_not_add_up_are_refused(
    header: object, data: int, said: str, tmp_path: Path
) -> None:
    """As the format's own reader does, in one line."""
    with pytest.raises(BadInput, match=said) as caught:
        header_of(written(tmp_path, header, data))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"", "no safetensors file"),
        (b"\x10\x00", "no safetensors file"),
        (struct.pack("<Q", 2**63), "header would be"),
        (struct.pack("<Q", 100) + b"{}", "cut short in its header"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_what_is_no_safetensors_file_says_so(start: bytes, said: str, tmp_path: Path) -> None:
    """Empty, absurd, stopped, or a pointer."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(start)

    with pytest.raises(BadInput, match=said):
        header_of(path)


def index_of(folder: Path, index: object) -> tuple[tuple[str, ...], int | None]:
    path = folder / "model.safetensors.index.json"
    path.write_text(index if isinstance(index, str) else json.dumps(index))
    with LocalFile(path) as file:
        found = read_index(file)
    return found.files, found.total_size


def test_an_index_names_its_files(tmp_path: Path) -> None:
    """Each once, and the total where it is stated."""
    weight_map = {
        "a": "model-1.safetensors",
        "b": "model-2.safetensors",
        "c": "model-1.safetensors",
    }
    index = {"metadata": {"total_size": 123}, "weight_map": weight_map}

    assert index_of(tmp_path, index) == (("model-1.safetensors", "model-2.safetensors"), 123)


@pytest.mark.parametrize(
    "index",
    [
        "",
        "[]",
        "{}",
        {"weight_map": {}},
        {"weight_map": []},
        {"weight_map": {"a": "../../etc/passwd"}},
        '{"weight_map": {"a": ' + "[" * 100_000,
    ],
)
def test_what_is_no_index_is_refused(index: object, tmp_path: Path) -> None:
    """Also one that names files elsewhere."""
    with pytest.raises(BadInput):
        index_of(tmp_path, index)


def test_shards_that_names_promise_are_missed() -> None:
    """Without an index, the names say how many there are."""
    there = ["model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"]

    assert missing_shards(there) == ["model-00002-of-00003.safetensors"]


def test_copies_beside_the_model_are_left_out() -> None:
    """Mistral publishes the same weights twice."""
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]

    assert weight_files(["consolidated.safetensors", "x.txt", *shards]) == shards
    assert weight_files(["model.safetensors", "adapter_model.safetensors"]) == ["model.safetensors"]
