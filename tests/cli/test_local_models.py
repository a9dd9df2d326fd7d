"""Models that are on this machine already: listed, asked about by name, and held against a card."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_files import CONFIG, LLAMA, llama_tensors, write_folder, write_gguf

Run = Callable[..., Any]

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "60e05f2100071479f596b964f89f510f057ce397ea22f2833a0cfe029bfc2463"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stores of nothing, and nothing else of this machine's."""
    for variable, folder in (
        ("HF_HUB_CACHE", "hub"), ("OLLAMA_MODELS", "ollama"), ("LLAMA_CACHE", "llama.cpp"),
    ):  # fmt: skip
        monkeypatch.setenv(variable, str(tmp_path / folder))
    return tmp_path


@pytest.fixture
def stores(empty: Path) -> Path:
    """A checkpoint, one whose download stopped, a config alone, and a file of Ollama's."""
    hub = empty / "hub"
    write_folder(hub / "models--org--tiny" / "snapshots" / COMMIT)
    half = write_folder(hub / "models--org--half" / "snapshots" / COMMIT, shards=2)
    (half / "model-00002-of-00002.safetensors").unlink()
    config = hub / "models--org--config" / "snapshots" / COMMIT
    config.mkdir(parents=True)
    (config / "config.json").write_text(json.dumps(CONFIG))
    manifest = empty / "ollama/manifests/registry.ollama.ai/library/llama3.2/latest"
    manifest.parent.mkdir(parents=True)
    kind = "application/vnd.ollama.image.model"
    manifest.write_text(json.dumps({"layers": [{"mediaType": kind, "digest": f"sha256:{DIGEST}"}]}))
    (empty / "ollama" / "blobs").mkdir()
    tensors = llama_tensors(kind="q8_0")
    write_gguf(empty / f"ollama/blobs/sha256-{DIGEST}", LLAMA | {"general.file_type": 7}, tensors)
    return empty


def test_what_is_here_is_listed_with_what_it_is_stored_in(fitcheck: Run, stores: Path) -> None:
    """And what cannot be read is a line on stderr."""
    ran = fitcheck("models", "--local", "--json")
    found = {m["name"]: m for m in ran.json["models"]}

    assert ran.code == 0
    assert found["org/tiny"]["quantization"] == "bf16"
    assert found["llama3.2:latest"]["quantization"] == "q8_0"
    assert found["llama3.2:latest"]["store"] == "ollama"
    assert found["org/half"]["quantization"] is None
    assert "org/half (huggingface): model-00002-of-00002.safetensors missing" in ran.err
    assert len(ran.err.splitlines()) == 2


@pytest.mark.parametrize("form", ["table", "csv", "markdown", "yaml"])
def test_every_form_lists_them(fitcheck: Run, stores: Path, form: str) -> None:
    """A table, and what programs read."""
    assert "llama3.2:latest" in fitcheck("models", "--local", "--format", form).out


@pytest.mark.parametrize("name", ["org/tiny", "llama3.2", "llama3.2:latest"])
def test_a_printed_name_can_be_asked_about(fitcheck: Run, stores: Path, name: str) -> None:
    """As its path can: what was listed is what is typed next."""
    assert fitcheck("estimate", name, "--json").code == 0


def test_a_printed_path_can_be_asked_about(fitcheck: Run, stores: Path) -> None:
    """Blobs of Ollama's have no ending."""
    for model in fitcheck("models", "--local", "--json").json["models"]:
        if model["why"] is None:
            assert fitcheck("check", model["path"], "--gpu", "3090").code == 0


def test_a_name_whose_files_are_not_whole_is_refused(fitcheck: Run, stores: Path) -> None:
    """With what is missing."""
    ran = fitcheck("estimate", "org/half")

    assert (ran.code, ran.out) == (2, "")
    assert "model-00002-of-00002.safetensors missing" in ran.err


def test_each_is_held_against_the_card_as_it_is_stored(fitcheck: Run, stores: Path) -> None:
    """A GGUF file in llama.cpp, a checkpoint in transformers; the others are told, not fatal."""
    ran = fitcheck("check", "--local", "--gpu", "3090", "--json")
    found = {r["model"]["id"]: (r["engine"], r["quantization"]) for r in ran.json["results"]}

    assert ran.code == 0
    assert found == {
        "org/tiny": ("transformers", "fp16"), "llama3.2:latest": ("llama.cpp", "q8_0"),
    }  # fmt: skip
    assert "llama3.2:latest" in fitcheck("check", "--local", "--gpu", "3090").out


def test_an_engine_that_does_not_run_a_file_says_so(fitcheck: Run, stores: Path) -> None:
    """In its row, beside the rows of what it does run."""
    ran = fitcheck("check", "--local", "--gpu", "3090", "--engine", "vllm")

    assert ran.code == 0
    assert "llama3.2:latest is a GGUF file, which vllm does not run" in ran.out


def test_nothing_found_says_where_it_looked(fitcheck: Run, empty: Path) -> None:
    """Exit 0: the question was right, and the answer is none."""
    for words in (("models", "--local"), ("check", "--local", "--gpu", "3090")):
        ran = fitcheck(*words)

        assert ran.code == 0
        assert str(empty / "hub") in ran.err


@pytest.mark.parametrize(
    "words", [("llama-7b",), ("--quant", "q4_k_m"), ("--precision", "int4"), ("--family", "llama")]
)
def test_what_is_stored_is_asked_about_whole(
    fitcheck: Run, empty: Path, words: tuple[str, ...]
) -> None:
    """A file has its quantization, and no entry that says its family."""
    assert fitcheck("check", "--local", "--gpu", "3090", *words).code == 2


def test_a_file_has_the_column_of_its_own_type_alone(fitcheck: Run, tmp_path: Path) -> None:
    """It is Q8_0 already: no 16 and no 4 bits of it are to be had."""
    file = write_gguf(tmp_path / "m.gguf", LLAMA | {"general.file_type": 7}, llama_tensors())

    heading = fitcheck("check", str(file), "--gpu", "3090").out.splitlines()[2]

    assert heading.split()[-1:] == ["INT8"]
    assert "FP16" not in heading
