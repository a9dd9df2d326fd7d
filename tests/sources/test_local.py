"""Models in other programs' stores, laid out as each of them does."""

import json
import os
from pathlib import Path

import pytest
from model_files import CONFIG, LLAMA, llama_tensors, write_folder, write_gguf

from fitcheck.sources import read
from fitcheck.sources.local import Found, find
from fitcheck.sources.local.llama_cpp import roots as llama_cpp_roots
from fitcheck.sources.local.lm_studio import roots as lm_studio_roots

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "60e05f2100071479f596b964f89f510f057ce397ea22f2833a0cfe029bfc2463"


def found(home: Path, **environment: str) -> list[Found]:
    """All stores below a home; on Windows' rules, so that this machine's own are left alone."""
    return find(environment, home, "win32")


def named(home: Path, **environment: str) -> dict[str, Found]:
    return {f.name: f for f in found(home, **environment)}


def manifest(root: Path, name: str, layers: object) -> Path:
    """Ollama's record of a model."""
    path = root / "manifests" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    return path


def model_layer(digest: str = DIGEST) -> list[dict[str, object]]:
    template: dict[str, object] = {
        "mediaType": "application/vnd.ollama.image.template",
        "digest": "sha256:0",
    }
    model: dict[str, object] = {
        "mediaType": "application/vnd.ollama.image.model",
        "digest": f"sha256:{digest}",
    }
    return [template, model | {"size": 1}]


def test_an_empty_home_has_no_models(tmp_path: Path) -> None:
    """And is not an error."""
    assert found(tmp_path) == []


def test_the_hugging_face_cache_is_read_at_main(tmp_path: Path) -> None:
    """Links lead from snapshots to blobs; sizes are those of the blobs."""
    repo = tmp_path / ".cache/huggingface/hub/models--org--tiny-llama"
    write_folder(repo / "snapshots" / COMMIT)
    weights = repo / "snapshots" / COMMIT / "model.safetensors"
    (repo / "blobs").mkdir()
    weights.rename(repo / "blobs" / "abc")
    weights.symlink_to(repo / "blobs" / "abc")
    model = named(tmp_path)["org/tiny-llama"]

    assert (model.store, model.form, model.readable) == ("huggingface", "safetensors", True)
    assert model.size == (repo / "blobs" / "abc").stat().st_size
    assert read(model.path).name == "org/tiny-llama"


def test_a_download_that_stopped_cannot_be_read(tmp_path: Path) -> None:
    """A shard that is promised, or a link that leads nowhere."""
    hub = tmp_path / "hub"
    some = write_folder(hub / "models--org--some" / "snapshots" / COMMIT, shards=3)
    (some / "model-00002-of-00003.safetensors").unlink()
    none = write_folder(hub / "models--org--none" / "snapshots" / COMMIT)
    (none / "model.safetensors").unlink()
    (none / "model.safetensors").symlink_to(hub / "gone")
    models = named(tmp_path, HF_HUB_CACHE=str(hub))

    assert models["org/some"].why == "model-00002-of-00003.safetensors missing"
    assert models["org/none"].why == "model.safetensors is missing"
    assert not any(m.readable for m in models.values())


@pytest.mark.parametrize(
    ("variable", "below"),
    [
        ("HF_HUB_CACHE", ""),
        ("HUGGINGFACE_HUB_CACHE", ""),
        ("HF_HOME", "hub"),
        ("XDG_CACHE_HOME", "huggingface/hub"),
        ("LLAMA_CACHE", ""),
    ],
)
def test_the_cache_is_where_the_environment_says(variable: str, below: str, tmp_path: Path) -> None:
    """Each variable as huggingface_hub and llama.cpp read it."""
    write_folder(tmp_path / "x" / below / "models--org--m" / "snapshots" / COMMIT)

    assert "org/m" in named(tmp_path, **{variable: str(tmp_path / "x")})


def test_a_config_without_weights_is_said_to_be_one(tmp_path: Path) -> None:
    """What `fitcheck` itself may have left there, or a tokenizer's user."""
    folder = tmp_path / "models--org--m" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    model = named(tmp_path, HF_HUB_CACHE=str(tmp_path))["org/m"]

    assert (model.form, model.size, model.readable) == ("config", None, True)


def test_each_gguf_of_a_repository_is_a_model(tmp_path: Path) -> None:
    """Split ones once, projectors not; also in folders below."""
    folder = tmp_path / "models--org--m" / "snapshots" / COMMIT
    (folder / "Q8_0").mkdir(parents=True)
    for name in ("m-Q4_0", "mmproj-F16", "Q8_0/m-00001-of-00002", "Q8_0/m-00002-of-00002"):
        write_gguf(folder / f"{name}.gguf", LLAMA, llama_tensors())

    assert sorted(named(tmp_path, HF_HUB_CACHE=str(tmp_path))) == [
        "org/m:Q8_0/m-00001-of-00002.gguf",
        "org/m:m-Q4_0.gguf",
    ]


def test_ollama_names_blobs_by_their_digest(tmp_path: Path) -> None:
    """As `ollama list` shows them: library and host are left out where they are the usual."""
    root = tmp_path / ".ollama" / "models"
    for name in ("registry.ollama.ai/library/llama3.2/3b", "hf.co/org/m-GGUF/Q4_K_M"):
        manifest(root, name, model_layer())
    (root / "blobs").mkdir()
    blob = write_gguf(root / "blobs" / f"sha256-{DIGEST}", LLAMA, llama_tensors())
    models = named(tmp_path)

    assert sorted(models) == ["hf.co/org/m-GGUF:Q4_K_M", "llama3.2:3b"]
    model = models["llama3.2:3b"]
    assert (model.store, model.form, model.readable) == ("ollama", "gguf", True)
    assert (model.path, model.size) == (str(blob), blob.stat().st_size)
    assert read(model.path).model is not None


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        (model_layer("f" * 64), "is missing"),
        ([], "names no model"),
        (None, "names no model"),
        ([1, {"digest": {}}], "names no model"),
        (model_layer("../../../etc/passwd"), "names no model"),
        ([{"mediaType": "application/vnd.ollama.image.tensor", "digest": "x"}], "one by one"),
    ],
)
def test_ollama_manifests_without_a_blob_cannot_be_read(
    layers: object, why: str, tmp_path: Path
) -> None:
    """Cloud models, MLX models, broken ones; a digest is never a path."""
    manifest(tmp_path, "registry.ollama.ai/library/m/latest", layers)
    model = named(tmp_path, OLLAMA_MODELS=str(tmp_path))["m:latest"]

    assert not model.readable and why in model.why


def test_a_manifest_that_is_no_json_cannot_be_read(tmp_path: Path) -> None:
    """One line again."""
    manifest(tmp_path, "registry.ollama.ai/library/m/latest", []).write_text("{")

    assert "is no JSON" in named(tmp_path, OLLAMA_MODELS=str(tmp_path))["m:latest"].why


@pytest.mark.parametrize("home", [".lmstudio", ".cache/lm-studio"])
def test_lm_studio_has_publishers_and_repositories(home: str, tmp_path: Path) -> None:
    """GGUF files, or an MLX model with its config.json."""
    models = tmp_path / home / "models"
    (models / "org" / "m-GGUF").mkdir(parents=True)
    write_gguf(models / "org" / "m-GGUF" / "m-Q4_0.gguf", LLAMA, llama_tensors())
    write_folder(models / "mlx-community" / "m-4bit")

    assert {f.name: f.store for f in found(tmp_path)} == {
        "mlx-community/m-4bit": "lmstudio",
        "org/m-GGUF:m-Q4_0.gguf": "lmstudio",
    }


def test_lm_studio_may_keep_its_models_elsewhere(tmp_path: Path) -> None:
    """By the pointer to its home, and by the setting for downloads."""
    (tmp_path / ".lmstudio-home-pointer").write_text(f"{tmp_path}/elsewhere\n")
    (tmp_path / "elsewhere").mkdir()
    settings = {"downloadsFolder": "/big/models"}
    (tmp_path / "elsewhere" / "settings.json").write_text(json.dumps(settings))

    assert lm_studio_roots(tmp_path)[:2] == [Path("/big/models"), tmp_path / "elsewhere/models"]


def test_llama_cpp_flattens_names(tmp_path: Path) -> None:
    """Its manifests tell the repository from the file."""
    for name in ("org_m-GGUF_m-Q4_0.gguf", "mine.gguf"):
        write_gguf(tmp_path / name, LLAMA, llama_tensors())
    (tmp_path / "manifest=org=m-GGUF=latest.json").write_text("{}")

    assert sorted(named(tmp_path, LLAMA_CACHE=str(tmp_path))) == ["mine", "org/m-GGUF:m-Q4_0.gguf"]


@pytest.mark.parametrize(
    ("platform", "environment", "root"),
    [
        ("linux", {}, "/home/u/.cache/llama.cpp"),
        ("linux", {"XDG_CACHE_HOME": "/c"}, "/c/llama.cpp"),
        ("darwin", {}, "/home/u/Library/Caches/llama.cpp"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/llama.cpp"),
        ("linux", {"LLAMA_CACHE": "/own"}, "/own"),
    ],
)
def test_each_system_has_its_place_for_caches(
    platform: str, environment: dict[str, str], root: str
) -> None:
    """As llama.cpp's fs_get_cache_directory."""
    assert llama_cpp_roots(environment, Path("/home/u"), platform) == [Path(root)]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_store_that_may_not_be_listed_says_so(tmp_path: Path) -> None:
    """Ollama's service keeps its models to itself on some systems."""
    (tmp_path / "models").mkdir(mode=0)
    (store,) = found(tmp_path, OLLAMA_MODELS=str(tmp_path / "models"))

    assert (store.store, store.readable, store.why) == ("ollama", False, "permission denied")


def test_loops_and_pipes_in_a_store_are_harmless(tmp_path: Path) -> None:
    """A folder that leads to itself is not followed."""
    folder = tmp_path / "models--org--m" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder / "again").symlink_to(folder)
    (folder / "x.gguf").symlink_to(folder / "x.gguf")
    (model,) = found(tmp_path, HF_HUB_CACHE=str(tmp_path))

    assert not model.readable
