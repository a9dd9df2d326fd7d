"""Paths that people type: files, folders, and what is neither."""

import json
from pathlib import Path

import pytest
from model_files import (
    CONFIG,
    LLAMA,
    PARAMETERS,
    llama_shapes,
    llama_tensors,
    write_folder,
    write_gguf,
    write_safetensors,
)

from fitcheck.errors import BadInput
from fitcheck.sources import Source, read


def parameters(source: Source) -> int | None:
    return source.model.parameters if source.model else None


def test_a_config_alone_is_a_model_without_weights(tmp_path: Path) -> None:
    """Named after the folder that it lies in."""
    path = tmp_path / "tiny-llama" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(CONFIG))
    source = read(str(path))

    assert (source.name, parameters(source), source.checkpoint) == ("tiny-llama", PARAMETERS, None)
    assert source.kind == "config.json"


def test_a_config_under_another_name_is_read_too(tmp_path: Path) -> None:
    """Named after the file then."""
    path = tmp_path / "my-model.json"
    path.write_text(json.dumps(CONFIG))

    assert read(str(path)).name == "my-model"


@pytest.mark.parametrize("shards", [1, 3])
def test_a_folder_is_a_model_with_its_weights(shards: int, tmp_path: Path) -> None:
    """In one file or in several."""
    source = read(str(write_folder(tmp_path / "m", shards=shards)))

    assert (parameters(source), source.kind) == (PARAMETERS, "safetensors")
    assert source.checkpoint is not None
    assert source.checkpoint.parameters() == PARAMETERS
    assert source.checkpoint.size == 2 * PARAMETERS
    assert len(source.checkpoint.files) == shards
    assert not source.notes


def test_shards_without_an_index_are_found(tmp_path: Path) -> None:
    """Some tools write none."""
    folder = write_folder(tmp_path / "m", shards=3)
    (folder / "model.safetensors.index.json").unlink()
    source = read(str(folder))

    assert source.checkpoint is not None
    assert source.checkpoint.parameters() == PARAMETERS


def test_one_shard_stands_for_the_folder(tmp_path: Path) -> None:
    """Where the config.json lies beside it."""
    folder = write_folder(tmp_path / "m", shards=3)

    assert parameters(read(str(folder / "model-00002-of-00003.safetensors"))) == PARAMETERS


@pytest.mark.parametrize("index", [True, False])
def test_a_missing_shard_is_named(index: bool, tmp_path: Path) -> None:
    """By the index, or by the other files' names."""
    folder = write_folder(tmp_path / "m", shards=3)
    (folder / "model-00002-of-00003.safetensors").unlink()
    if not index:
        (folder / "model.safetensors.index.json").unlink()

    with pytest.raises(BadInput, match=r"model-00002-of-00003.safetensors missing"):
        read(str(folder))


def test_an_index_alone_states_the_total(tmp_path: Path) -> None:
    """Asked before the download: config.json and the index are there, and none of the files."""
    folder = write_folder(tmp_path / "m", shards=3)
    whole = read(str(folder)).checkpoint
    for file in folder.glob("*.safetensors"):
        file.unlink()

    found = read(str(folder))

    assert parameters(found) == PARAMETERS
    assert found.checkpoint is not None
    assert whole is not None
    assert found.checkpoint.size == whole.size
    assert "is here" in found.notes[0]


def test_a_quantization_config_rides_along(tmp_path: Path) -> None:
    """The model that was read carries config.json's own."""
    quantized = CONFIG | {"quantization_config": {"quant_method": "gptq", "bits": 4}}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(quantized))
    model = read(str(path)).model

    assert model is not None
    assert model.quantization_config == {"quant_method": "gptq", "bits": 4}


def test_weights_that_are_not_the_configs_are_told(tmp_path: Path) -> None:
    """A pruned model with its parent's config.json, say."""
    folder = write_folder(tmp_path / "m", CONFIG | {"num_hidden_layers": 4})

    (note,) = read(str(folder)).notes
    assert note.startswith("config.json describes 154,176 parameters, its files hold 80,192")


def test_pickled_weights_have_the_total_that_their_index_states(tmp_path: Path) -> None:
    """Nothing of a pickle is ever loaded."""
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    index = {"metadata": {"total_size": 160_384}, "weight_map": {"a": "pytorch_model-1.bin"}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    source = read(str(folder))

    assert source.checkpoint is not None
    assert (source.checkpoint.format, source.checkpoint.size) == ("pytorch", 160_384)
    assert "what its index states" in source.notes[0]


def test_one_pickled_file_has_its_own_size(tmp_path: Path) -> None:
    """The zip archive around it is small."""
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "pytorch_model.bin").write_bytes(b"PK\x03\x04" + bytes(996))
    source = read(str(folder))

    assert source.checkpoint is not None
    assert source.checkpoint.size == 1000
    assert "the sizes of its files" in source.notes[0]


def test_weights_without_a_config_are_bytes(tmp_path: Path) -> None:
    """Only what the headers say."""
    path = write_safetensors(tmp_path / "some.safetensors", llama_shapes())
    source = read(str(path))

    assert source.model is None
    assert source.checkpoint is not None and source.checkpoint.parameters() == PARAMETERS
    assert "no config.json" in source.notes[0]


def test_a_folder_with_one_gguf_is_that_model(tmp_path: Path) -> None:
    """With a word about the projector beside it."""
    write_gguf(tmp_path / "model-Q4_K_M.gguf", LLAMA, llama_tensors())
    write_gguf(tmp_path / "mmproj-F16.gguf", {"general.architecture": "clip"})
    source = read(str(tmp_path))

    assert parameters(source) == PARAMETERS
    assert "mmproj-F16.gguf beside it comes on top" in source.notes[0]


def test_a_folder_with_several_ggufs_asks_which(tmp_path: Path) -> None:
    """By name, a split model once."""
    for name in ("a-Q4_K_M", "a-Q8_0-00001-of-00002", "a-Q8_0-00002-of-00002"):
        write_gguf(tmp_path / f"{name}.gguf", LLAMA, llama_tensors())

    with pytest.raises(BadInput, match=r"holds 2 models; name one: a-Q4_K_M.gguf, a-Q8_0-00001"):
        read(str(tmp_path))


def test_an_adapter_names_its_base(tmp_path: Path) -> None:
    """LoRA folders look like models, and are not."""
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "meta-llama/Llama-3.1-8B"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(adapter))
    write_safetensors(tmp_path / "adapter_model.safetensors", {"a": ("F16", [1])})

    for path in (tmp_path, tmp_path / "adapter_config.json"):
        with pytest.raises(
            BadInput, match=r"adapter .* ask about its base, meta-llama/Llama-3.1-8B"
        ):
            read(str(path))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"model_index.json": "{}"}, "diffusion pipeline"),
        ({"params.json": "{}"}, "has params.json in place of config.json"),
        ({"README.md": "x"}, "no config.json and no model file"),
        ({}, "no config.json and no model file"),
        ({"7b/config.json": json.dumps(CONFIG)}, "did you mean .*7b"),
        ({"config.json": '{"_diffusers_version": "0.1"}'}, "part of a diffusion pipeline"),
    ],
)
def test_other_folders_get_one_clear_line(files: dict[str, str], said: str, tmp_path: Path) -> None:
    """Saying what is there, or where to look."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    with pytest.raises(BadInput, match=said):
        read(str(tmp_path))


def test_a_folder_of_the_cache_is_its_main_snapshot(tmp_path: Path) -> None:
    """Named after the repository."""
    cached = tmp_path / "models--meta-llama--Llama-2-7b-hf"
    write_folder(cached / "snapshots" / ("0" * 40))
    newer = write_folder(cached / "snapshots" / ("1" * 40))
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("1" * 40)
    source = read(str(cached))

    assert source.name == "meta-llama/Llama-2-7b-hf"
    assert source.path == str(newer)


def test_a_path_that_is_not_there_offers_what_is(tmp_path: Path) -> None:
    """A name mistyped."""
    write_gguf(tmp_path / "mistral-7b.gguf", LLAMA, llama_tensors())

    with pytest.raises(BadInput, match=r"no such file; did you mean mistral-7b.gguf\?"):
        read(str(tmp_path / "mistral-7.gguf"))


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"PK\x03\x04 pytorch", "pickled PyTorch file"),
        (b"\x80\x02\x8a\nl\xfc\x9c", "pickled PyTorch file"),
        (b"\x7fELF\x02\x01\x01\x00", "neither a config.json nor"),
        (b"", "neither a config.json nor"),
        (b"hello", "neither a config.json nor"),
    ],
)
def test_other_files_get_one_clear_line(start: bytes, said: str, tmp_path: Path) -> None:
    """By what they begin with."""
    path = tmp_path / "something"
    path.write_bytes(start)

    with pytest.raises(BadInput, match=said):
        read(str(path))


def test_a_blob_without_a_name_is_read_by_its_first_bytes(tmp_path: Path) -> None:
    """Ollama's blobs are called sha256-..."""
    path = write_gguf(tmp_path / "sha256-0123", LLAMA, llama_tensors())

    assert parameters(read(str(path))) == PARAMETERS
