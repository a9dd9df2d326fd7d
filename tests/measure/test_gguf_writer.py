"""GGUF files without weights: what llama.cpp's loader asks for, and nothing on the disk."""

from pathlib import Path

import pytest

from fitcheck import sources
from fitcheck.answers.measure_jobs import hollow_tensors
from fitcheck.architecture import Model
from fitcheck.catalog import Catalog, load_models
from fitcheck.engines.llama_cpp import LLAMA_CPP
from fitcheck.engines.llama_cpp.weights import Weights
from fitcheck.errors import BadInput
from fitcheck.measure import gguf_metadata, gguf_writer
from fitcheck.measure.gguf_writer import HollowTensor
from fitcheck.quantization import SCHEMES
from fitcheck.quantization.ggml import BLOCK_TYPES

USUAL = ["llama-3.1-8b", "qwen2.5-7b", "qwen3-30b-a3b", "gemma-2-9b", "gemma-3-4b", "phi-4"]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_models()


def model(catalog: Catalog, name: str) -> Model:
    entry = catalog.find(name)
    assert entry is not None
    found = catalog.model(entry)
    assert found is not None
    return found


def hollow(m: Model, path: Path, scheme: str = "q4_k_m") -> Weights:
    """A file of that model; what it should weigh."""
    weights = LLAMA_CPP.load(m, SCHEMES[scheme]).weights
    metadata = gguf_metadata.metadata(weights.file.arch, m, weights.file.block_count)
    gguf_writer.write(path, metadata, hollow_tensors(weights.file, weights.packed))
    return weights


@pytest.mark.parametrize("name", USUAL)
def test_the_file_reads_back_as_the_model(catalog: Catalog, tmp_path: Path, name: str) -> None:
    """Every tensor to the byte, by the reader for files that people bring."""
    weights = hollow(model(catalog, name), tmp_path / "m.gguf")
    read = sources.read(str(tmp_path / "m.gguf"))

    assert read.checkpoint is not None
    assert sum(t.size for t in read.checkpoint.tensors) == weights.file_bytes


def test_the_file_is_a_hole(catalog: Catalog, tmp_path: Path) -> None:
    """4.6 GiB to look at, less than a MiB on the disk."""
    path = tmp_path / "m.gguf"
    weights = hollow(model(catalog, "llama-3.1-8b"), path)

    assert path.stat().st_size > weights.file_bytes
    assert getattr(path.stat(), "st_blocks", 0) * 512 < 1 << 20


def test_the_header_has_what_fixes_the_cache(catalog: Catalog) -> None:
    """Llama 3.1 8B: 32 layers, 8 key-value heads of 128 (its config.json)."""
    found = gguf_metadata.metadata("llama", model(catalog, "llama-3.1-8b"), 32)

    assert found["llama.block_count"] == 32
    assert found["llama.attention.head_count"] == 32
    assert found["llama.attention.head_count_kv"] == 8
    assert found["llama.attention.key_length"] == 128
    assert found["llama.feed_forward_length"] == 14336
    assert found["tokenizer.ggml.model"] == "none"


def test_experts_are_counted(catalog: Catalog) -> None:
    """Qwen3 30B-A3B: 8 of 128 experts of 768 (its config.json)."""
    found = gguf_metadata.metadata("qwen3moe", model(catalog, "qwen3-30b-a3b"), 48)

    assert found["qwen3moe.expert_count"] == 128
    assert found["qwen3moe.expert_used_count"] == 8
    assert found["qwen3moe.expert_feed_forward_length"] == 768


def test_layers_without_attention_have_no_heads(catalog: Catalog) -> None:
    """Jamba attends in one layer of eight; its converter writes 0 for the others."""
    found = gguf_metadata.metadata("jamba", model(catalog, "jamba-v0.1"), 32)
    heads = found["jamba.attention.head_count_kv"]

    assert isinstance(heads, tuple)
    assert [i for i, n in enumerate(heads) if n] == [4, 12, 20, 28]


def test_an_architecture_that_nobody_worked_out_is_refused(catalog: Catalog) -> None:
    """Better than a file that the loader rejects for a reason of its own."""
    with pytest.raises(BadInput, match=r"no deepseek4 file without weights: name a \.gguf"):
        gguf_metadata.metadata("deepseek4", model(catalog, "llama-3.1-8b"), 32)


def test_most_of_the_catalog_can_be_written(catalog: Catalog) -> None:
    """263 models loaded in llama.cpp 0c1e57098, 2026-11-21; a family that drops out is noticed."""
    written = 0
    for entry in catalog:
        m = catalog.model(entry)
        try:
            assert m is not None
            arch = LLAMA_CPP.load(m, SCHEMES["q4_k_m"]).weights.file.arch
            gguf_metadata.metadata(arch, m, len(m.layers))
            written += 1
        except (BadInput, AssertionError):
            continue

    assert written >= 260


def test_every_block_type_has_its_number() -> None:
    """ggml.h's enum; a type without one could not be written."""
    assert BLOCK_TYPES.keys() == gguf_writer.TYPE_NUMBERS.keys()


def test_values_of_every_kind_are_written() -> None:
    """Numbers of gguf_type: u32 4, f32 6, bool 7, string 8, array 9 (ggml/include/gguf.h)."""
    head = gguf_writer.header(
        {"a": 3, "b": 1.5, "c": True, "d": "x", "e": (1, 2), "f": (True, False)},
        [HollowTensor("t", (32, 2), "q8_0")],
    )

    assert head.startswith(b"GGUF\x03\x00\x00\x00\x01")
    assert b"\x01\0\0\0\0\0\0\0c\x07\0\0\0\x01" in head
    assert b"f\x09\0\0\0\x07\0\0\0\x02\0\0\0\0\0\0\0\x01\x00" in head
    assert len(head) % gguf_writer.ALIGNMENT == 0


def test_a_disk_without_holes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems would fill the disk with zeros instead."""

    class Full:
        st_blocks = 1 << 30

    monkeypatch.setattr(Path, "stat", lambda self: Full())
    with pytest.raises(BadInput, match="cannot keep a file with holes"):
        gguf_writer.write(tmp_path / "m.gguf", {}, [])
