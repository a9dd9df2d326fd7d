"""Files made to break a reader: one clear line, soon, and in little memory."""

import json
import os
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import CONFIG, LLAMA, llama_shapes, llama_tensors, safetensors_bytes, write_gguf

from fitcheck.errors import FitcheckError
from fitcheck.sources import read
from fitcheck.units import GIB, MIB

MOST_MEMORY = 100 * MIB

HUGE = struct.pack("<Q", 1 << 60)
KEY = struct.pack("<Q", 1) + b"k"


def refused(path: str | Path) -> str:
    """The one line that a file is refused with; every byte that was asked for is counted."""
    tracemalloc.start()
    try:
        with pytest.raises(FitcheckError) as caught:
            read(str(path))
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()
    line = str(caught.value)
    assert "\n" not in line and line.isprintable()
    return line


def gguf(tensors: int, keys: int, rest: bytes) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, keys) + rest


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gguf(1 << 60, 0, b""), "claims 1,152,921,504,606,846,976 tensors"),
        (gguf(0, 1 << 60, b""), "keys, which no model has"),
        (gguf(0, 1, HUGE), "cut short"),
        (gguf(0, 1, KEY + struct.pack("<I", 99)), "unknown type"),
        (gguf(0, 1, KEY + struct.pack("<I", 8) + HUGE), "cut short"),
        (gguf(0, 1, KEY + struct.pack("<II", 9, 8) + HUGE), "strings, which none does"),
        (gguf(0, 1, KEY + struct.pack("<II", 9, 9) + HUGE), "unknown type"),
        (gguf(0, 1, KEY + struct.pack("<II", 9, 4) + HUGE), "cut short"),
        (gguf(0, 2, (KEY + struct.pack("<IB", 0, 1)) * 2), "stands in it twice"),
        (gguf(1, 0, KEY + struct.pack("<I", 1 << 31)), "2,147,483,648 dimensions"),
        (gguf(1, 0, KEY + struct.pack("<IQIQ", 1, 1 << 63, 0, 0)), "which none has"),
        (gguf(1, 0, KEY + struct.pack("<IQQIQ", 2, 1 << 40, 1 << 40, 0, 0)), "which none has"),
        (gguf(1, 0, KEY + struct.pack("<IQIQ", 1, 0, 0, 0)), "which none has"),
        (gguf(1, 0, KEY + struct.pack("<IQIQ", 1, 32, 200, 0)), "ggml type 200"),
        (gguf(1, 0, KEY + struct.pack("<IQIQ", 1, 33, 2, 0)), "not whole blocks"),
        (gguf(1, 0, KEY + struct.pack("<IQIQ", 1, 32, 0, 1 << 62)), "cut short"),
        (gguf(2, 0, (KEY + struct.pack("<IQIQ", 1, 8, 0, 0)) * 2), "same name"),
    ],
)
def test_gguf_headers_that_lie_are_refused(content: bytes, said: str, tmp_path: Path) -> None:
    """Each claim is checked before anything is made of it."""
    path = tmp_path / "x.gguf"
    path.write_bytes(content)

    assert said in refused(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[" * 1_000_000, "nested too deep"),
        (b'{"a":' * 500_000, "nested too deep"),
        (b'{"hidden_size": 64, "hidden_size": 65}', "'hidden_size' stands in it twice"),
        (b"[]", "holds no object, but list"),
        (b"{", "is no JSON"),
        (b'{"hidden_size": ' + b"9" * 10_000 + b"}", "too long"),
        (b'{"\xff": 1}', "is not text"),
        (b"{}", "config.json"),
        (b'{"model_type": "\\u001b[31m"}', "config.json"),
        (b'{"model_type": []}', "not a string"),
    ],
)
def test_json_that_is_no_config_is_refused(text: bytes, said: str, tmp_path: Path) -> None:
    """Deep, doubled, endless or no JSON at all."""
    path = tmp_path / "config.json"
    path.write_bytes(text)

    assert said in refused(path)


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-1", "1e999", '"64"', "true", "[64]", "{}", "1e30"]
)
@pytest.mark.parametrize("key", ["hidden_size", "num_hidden_layers", "vocab_size"])
def test_dimensions_that_are_no_numbers_are_refused(key: str, value: str, tmp_path: Path) -> None:
    """JSON knows many things that are no whole number."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG | {key: "HERE"}).replace('"HERE"', value))

    assert key in refused(path)


def sparse(path: Path, start: bytes, size: int) -> None:
    path.write_bytes(start)
    os.truncate(path, size)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("config.json", b"{"),
        ("model.safetensors", b""),
        ("model.safetensors", safetensors_bytes(llama_shapes())),
        ("model.safetensors.index.json", b"{"),
        ("adapter_config.json", b"{"),
        ("x.gguf", b""),
        ("x.gguf", gguf(100, 60, b"")),
        ("x.gguf", gguf(0, 1, KEY + struct.pack("<IIQ", 9, 8, 99_999))),
        ("something", b""),
    ],
)
def test_ten_gigabytes_of_nothing_are_not_read(name: str, start: bytes, tmp_path: Path) -> None:
    """A hole in a file costs its maker nothing."""
    sparse(tmp_path / name, start, 10 * GIB)

    refused(tmp_path / name)


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "config.json")
    return folder / "config.json"


def loop(folder: Path) -> Path:
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    return folder / "a"


def looped_config(folder: Path) -> Path:
    (folder / "config.json").symlink_to(folder / "config.json")
    return folder


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this file system's names")
@pytest.mark.parametrize("make", [fifo, loop, looped_config])
def test_what_is_no_file_is_not_opened(make: Callable[[Path], Path], tmp_path: Path) -> None:
    """A pipe would never answer."""
    refused(make(tmp_path))


@pytest.mark.parametrize(
    "path",
    ["/dev/zero", "/dev/stdin", "", "\0", "a" * 5000, "/" * 5000, "\ud800", "hf", "~nobody/x"],
)
def test_odd_paths_are_refused(path: str) -> None:
    """Devices, nothing, and what no file system takes."""
    refused(path)


def test_a_name_with_an_escape_is_shown_as_one(tmp_path: Path) -> None:
    """A file's name cannot drive the terminal either."""
    path = tmp_path / "\x1b]0;owned\x07.gguf"
    path.write_bytes(b"GGUF")

    assert "\\x1b" in refused(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("mutants")


def answers(path: Path) -> None:
    """Read, or refuse in one line; anything else is a fault."""
    try:
        read(str(path))
    except FitcheckError as error:
        assert "\n" not in str(error)


cheap = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
edit = st.lists(
    st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=9)), min_size=1, max_size=4
)


def edited(content: bytes, edits: list[tuple[float, bytes]]) -> bytes:
    """Other bytes at some places."""
    found = bytearray(content)
    for place, replacement in edits:
        at = int(place * len(found))
        found[at : at + len(replacement)] = replacement
    return bytes(found)


@cheap
@given(edit, st.floats(0.2, 1))
def test_no_gguf_breaks_the_reader(
    folder: Path, edits: list[tuple[float, bytes]], kept: float
) -> None:
    """Bytes changed anywhere in a header, and the file cut anywhere."""
    path = write_gguf(folder / "x.gguf", LLAMA, llama_tensors())
    content = path.read_bytes()
    head = edited(content[:1500], edits) + content[1500:]
    path.write_bytes(head[: int(kept * len(head))])

    answers(path)


@cheap
@given(edit)
def test_no_safetensors_file_breaks_the_reader(
    folder: Path, edits: list[tuple[float, bytes]]
) -> None:
    """Bytes changed anywhere in a header."""
    content = safetensors_bytes(llama_shapes())
    path = folder / "x.safetensors"
    path.write_bytes(edited(content, edits) + bytes(160_384))

    answers(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@cheap
@given(st.dictionaries(st.sampled_from(sorted(CONFIG)), json_values, min_size=1))
def test_no_config_breaks_the_reader(folder: Path, changes: dict[str, object]) -> None:
    """Any JSON in place of any value."""
    path = folder / "config.json"
    path.write_text(json.dumps(CONFIG | changes))

    answers(path)
