"""GGUF headers: of real models, of every byte order, and of files that are not what they say."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from model_files import LLAMA, PARAMETERS, llama_tensors, write_gguf

from fitcheck.architecture import Attention, Model
from fitcheck.errors import BadInput
from fitcheck.sources import Source, read
from fitcheck.sources.files import LocalFile
from fitcheck.sources.gguf import Header, read_header

GOLDEN = Path(__file__).parents[1] / "golden" / "gguf_headers.jsonl"
LINES: list[dict[str, Any]] = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
REPORTED = [line for line in LINES if line["kind"] == "llama.cpp"]

# llama.cpp reads Phi 3's window and does not use it (src/models/phi3.cpp, a TODO there).
WITHOUT_WINDOW = ("phi-3-mini-4k", "phi-3-mini-128k")


def golden(folder: Path, line: dict[str, Any]) -> Path:
    """The file that the line describes."""
    tensors = [(name, kind, ne) for name, kind, *ne in line["outside"]]
    block = 0
    for pattern, count in line["layers"]:
        for _ in range(count):
            own = line["patterns"][pattern]
            tensors += [(f"blk.{block}.{role}", kind, ne) for role, kind, *ne in own]
            block += 1
    return write_gguf(folder / "model.gguf", line["metadata"], tensors)


def header_of(path: Path) -> Header:
    with LocalFile(path) as file:
        return read_header(file)


def model_of(source: Source) -> Model:
    assert source.model is not None
    return source.model


@pytest.mark.parametrize("line", LINES, ids=lambda line: str(line["name"]))
def test_a_header_leads_to_the_parameters_that_were_published(
    line: dict[str, Any], tmp_path: Path
) -> None:
    """By the family where there is one, from the tensor list where there is none."""
    source = read(str(golden(tmp_path, line)))

    model = model_of(source)
    beside = sum(t.numel for layer in model.layers for t in layer.tensors if t.buffer)
    ahead = sum(layer.parameters for layer in model.mtp_layers)
    assert line["parameters"] in (
        model.parameters,
        model.parameters + beside + ahead + rope(source),
    )


def rope(source: Source) -> int:
    """Factors of rotary embeddings, which llama.cpp keeps as tensors and counts."""
    assert source.checkpoint is not None
    return sum(t.numel for t in source.checkpoint.tensors if t.name.startswith("rope_"))


@pytest.mark.parametrize("line", REPORTED, ids=lambda line: str(line["name"]))
def test_tensors_are_as_many_bytes_as_llama_quantize_prints(
    line: dict[str, Any], tmp_path: Path
) -> None:
    """Exactly, since nothing is estimated."""
    source = read(str(golden(tmp_path, line)))

    assert source.checkpoint is not None
    assert source.checkpoint.size == line["tensor_bytes"]


@pytest.mark.parametrize(
    "line",
    [la for la in REPORTED if "kv_cache_bytes" in la and la["name"] not in WITHOUT_WINDOW],
    ids=lambda line: str(line["name"]),
)
def test_layers_keep_what_llama_cpp_allocates(line: dict[str, Any], tmp_path: Path) -> None:
    """4096 tokens in f16, a state in f32; windows, which the engine pads, are left out here."""
    model = model_of(read(str(golden(tmp_path, line))))

    mixers = [m for layer in model.layers for m in layer.mixers]
    whole = [m for m in mixers if not (isinstance(m, Attention) and m.sliding_window)]
    cache, state = sum(m.cached_values(4096) for m in whole), sum(m.state_values() for m in mixers)
    assert (2 * cache, 4 * state) == (line["kv_cache_bytes"], line["state_bytes"])


def test_a_small_llama_is_read_to_the_number(tmp_path: Path) -> None:
    """Name, dimensions, parameters and bytes."""
    source = read(str(write_gguf(tmp_path / "tiny.Q8_0.gguf", LLAMA, llama_tensors())))
    model = model_of(source)

    assert source.name == "tiny.Q8_0"
    assert (model.parameters, model.context_length, model.vocab_size) == (PARAMETERS, 2048, 96)
    assert model.tie_word_embeddings
    assert not model.approximate


@pytest.mark.parametrize(
    ("said", "expected"), [(15, "q4_k_m"), (7, "q8_0"), (1024, "f16"), (999, "f16"), ("x", "f16")]
)
def test_a_file_says_what_it_was_quantized_to(said: object, expected: str, tmp_path: Path) -> None:
    """As llama-quantize's names; a number that nobody knows gives way to what most bytes are."""
    metadata = LLAMA | {"general.file_type": said}

    assert (
        read(str(write_gguf(tmp_path / "x.gguf", metadata, llama_tensors()))).file_type == expected
    )


def test_big_endian_files_are_read_alike(tmp_path: Path) -> None:
    """As converted for s390x."""
    little = header_of(write_gguf(tmp_path / "l.gguf", LLAMA, llama_tensors()))
    big = header_of(write_gguf(tmp_path / "b.gguf", LLAMA, llama_tensors(), order=">"))

    assert big == little


def test_version_2_is_read_and_version_1_refused(tmp_path: Path) -> None:
    """Version 1 counted in 32 bits and lived for a few days of August 2023."""
    old = write_gguf(tmp_path / "2.gguf", LLAMA, llama_tensors(), version=2)

    assert header_of(old).version == 2
    with pytest.raises(BadInput, match="version 1; versions 2 and 3 can be read"):
        header_of(write_gguf(tmp_path / "1.gguf", LLAMA, llama_tensors(), version=1))


def test_alignment_is_heeded(tmp_path: Path) -> None:
    """64 in place of 32."""
    path = write_gguf(tmp_path / "a.gguf", LLAMA | {"general.alignment": 64}, llama_tensors())

    assert header_of(path).alignment == 64


def test_the_tokenizer_is_counted_and_not_kept(tmp_path: Path) -> None:
    """Its strings are passed over; its length says the vocabulary."""
    tokens = {"tokenizer.ggml.tokens": ["a" * i for i in range(96)]}
    header = header_of(write_gguf(tmp_path / "t.gguf", LLAMA | tokens, llama_tensors()))

    assert header.lengths == {"tokenizer.ggml.tokens": 96}
    assert "tokenizer.ggml.tokens" not in header.metadata


def test_a_split_file_is_one_model(tmp_path: Path) -> None:
    """Whichever piece is named; the metadata are in the first."""
    first, second = llama_tensors()[:7], llama_tensors()[7:]
    metadata = LLAMA | {"split.count": 2, "split.tensors.count": len(first) + len(second)}
    write_gguf(tmp_path / "big-00001-of-00002.gguf", metadata, first)
    other = {"general.architecture": "llama", "split.count": 2}
    path = write_gguf(tmp_path / "big-00002-of-00002.gguf", other, second)
    source = read(str(path))

    assert source.name == "big"
    assert model_of(source).parameters == PARAMETERS
    assert source.checkpoint is not None and len(source.checkpoint.files) == 2


def test_a_missing_piece_is_named(tmp_path: Path) -> None:
    """So that a person knows what to download."""
    path = write_gguf(tmp_path / "big-00001-of-00003.gguf", LLAMA, llama_tensors())

    with pytest.raises(BadInput, match=r"big-00002-of-00003.gguf, big-00003-of-00003.gguf missing"):
        read(str(path))


def test_an_unknown_architecture_keeps_its_weights(tmp_path: Path) -> None:
    """Exact tensors, an approximate cache, and a word about it."""
    metadata = {k.replace("llama.", "novel."): v for k, v in LLAMA.items()}
    metadata["general.architecture"] = "novel"
    model = model_of(read(str(write_gguf(tmp_path / "n.gguf", metadata, llama_tensors()))))

    assert model.parameters == PARAMETERS
    assert model.layers[0] is model.layers[1]
    assert [m.values_per_token for m in model.layers[0].mixers if isinstance(m, Attention)] == [64]
    assert "'novel' is not known here" in model.approximate[0]


def test_tensors_that_a_family_does_not_know_are_taken_as_they_are(tmp_path: Path) -> None:
    """A variant under a known name: its weights are the file's, and the answer says so."""
    odd = ("blk.0.attn_gate.weight", "f16", [64, 64])
    model = model_of(read(str(write_gguf(tmp_path / "o.gguf", LLAMA, [*llama_tensors(), odd]))))

    assert model.parameters == PARAMETERS + 64 * 64
    assert "not what 'llama' usually has" in model.approximate[0]


def test_experts_of_2023_stand_one_by_one(tmp_path: Path) -> None:
    """Early Mixtral files have a tensor for each expert."""
    dense = [t for t in llama_tensors() if "ffn_" not in t[0] or "norm" in t[0]]
    for i in range(2):
        dense.append((f"blk.{i}.ffn_gate_inp.weight", "f32", [64, 2]))
        for e in range(2):
            dense.append((f"blk.{i}.ffn_gate.{e}.weight", "f16", [64, 128]))
            dense.append((f"blk.{i}.ffn_up.{e}.weight", "f16", [64, 128]))
            dense.append((f"blk.{i}.ffn_down.{e}.weight", "f16", [128, 64]))
    metadata = LLAMA | {"llama.expert_count": 2, "llama.expert_used_count": 1}
    model = model_of(read(str(write_gguf(tmp_path / "m.gguf", metadata, dense))))

    assert model.parameters == PARAMETERS + 2 * (3 * 64 * 128 + 2 * 64)
    assert model.parameters - model.active_parameters == 2 * 3 * 64 * 128


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"tjgg\x01\x00\x00\x00", "the format before GGUF"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html>", "web page"),
        (b"", "is no GGUF file"),
        (b"GGU", "is no GGUF file"),
        (b"GGUF\x03\x00\x00\x00", "cut short"),
    ],
)
def test_what_is_no_gguf_says_what_it_is(start: bytes, said: str, tmp_path: Path) -> None:
    """Under a name that ends in .gguf."""
    path = tmp_path / "x.gguf"
    path.write_bytes(start)

    with pytest.raises(BadInput, match=said):
        read(str(path))


def test_a_download_that_stopped_is_told(tmp_path: Path) -> None:
    """The header is whole, the data are not."""
    path = write_gguf(tmp_path / "x.gguf", LLAMA, llama_tensors(), short=100)

    with pytest.raises(BadInput, match="cut short: its tensors end at byte"):
        read(str(path))


def test_a_vision_part_is_no_model(tmp_path: Path) -> None:
    """mmproj files are GGUF too."""
    path = write_gguf(tmp_path / "x.gguf", {"general.architecture": "clip"})

    with pytest.raises(BadInput, match="is 'clip', no language model"):
        read(str(path))


def test_escapes_in_names_are_shown_not_sent(tmp_path: Path) -> None:
    """A tensor's name cannot drive the terminal that shows it."""
    odd = ("\x1b[2J.weight", "q4_k", [100, 2])
    path = write_gguf(tmp_path / "x.gguf", LLAMA)
    head = path.read_bytes()[:24]
    path.write_bytes(head[:8] + struct.pack("<Q", 1) + head[16:] + path.read_bytes()[24:])
    assert odd  # written by hand below, since the writer refuses rows that are no whole blocks
    name = odd[0].encode()
    info = struct.pack("<Q", len(name)) + name + struct.pack("<IQQIQ", 2, 100, 2, 12, 0)
    body = path.read_bytes().rstrip(b"\0")
    path.write_bytes(body + bytes(4) + info)

    with pytest.raises(BadInput) as caught:
        read(str(path))
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"llama.block_count": 0}, "block_count is 0"),
        ({"llama.block_count": 4_000_000}, "block_count is 4000000"),
        ({"llama.block_count": 1}, "beyond the last block"),
        ({"llama.block_count": "two"}, "block_count is 'two'"),
        ({"llama.attention.head_count": 4.5}, "head_count is 4.5"),
        ({"general.alignment": 0}, "not a power of two"),
        ({"general.alignment": 48}, "not a power of two"),
        ({"general.architecture": "\x1b]0;pwned\x07"}, "no language model"),
    ],
)
def test_metadata_that_no_model_has_are_refused(
    change: dict[str, object], said: str, tmp_path: Path
) -> None:
    """One line, whichever key it is."""
    alignment = {} if "general.alignment" in change else change
    path = write_gguf(tmp_path / "x.gguf", LLAMA | alignment, llama_tensors())
    if not alignment:
        write_gguf(path, LLAMA | {"general.alignment": 32}, llama_tensors())
        old = b"general.alignment" + struct.pack("<II", 4, 32)
        new = b"general.alignment" + struct.pack("<II", 4, int(str(change["general.alignment"])))
        path.write_bytes(path.read_bytes().replace(old, new))

    with pytest.raises(BadInput, match=said):
        read(str(path))
