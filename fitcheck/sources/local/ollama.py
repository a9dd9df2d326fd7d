"""Ollama's store: manifests/HOST/NAMESPACE/MODEL/TAG name blobs/sha256-... by their digests.

Source: ollama c73feaf73 (2026), manifest/paths.go, manifest/manifest.go, envconfig/config.go; the
Linux service's home is /usr/share/ollama (docs/faq.md).
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from fitcheck.errors import BadInput
from fitcheck.sources.json_text import read_mapping
from fitcheck.sources.local.found import Found, closed, entries, folders, is_folder, sizes
from fitcheck.units import MIB

MODEL: Final = "application/vnd.ollama.image.model"
TENSOR: Final = "application/vnd.ollama.image.tensor"
HOST: Final = "registry.ollama.ai"
_DIGEST: Final = re.compile(r"sha256[:-]([0-9a-f]{64})")


def roots(environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
    """OLLAMA_MODELS, or else the user's own store and, on Linux, the service's."""
    if environment.get("OLLAMA_MODELS"):
        return [Path(environment["OLLAMA_MODELS"])]
    own = home / ".ollama" / "models"
    if not platform.startswith("linux"):
        return [own]
    return [own, Path("/usr/share/ollama/.ollama/models"), Path("/var/lib/ollama/models")]


def find(places: Iterable[Path]) -> list[Found]:
    """Every model and tag that has a manifest."""
    found: list[Found] = []
    for root in places:
        found += closed("ollama", root)
        for host in folders(root / "manifests"):
            for namespace in folders(host):
                for model in folders(namespace):
                    tags = [tag for tag in entries(model) if not is_folder(model / tag)]
                    found += [_model(root, model / tag) for tag in tags]
    return found


def name_of(manifest: Path) -> str:
    """`llama3.2:3b`, `mistral/x:tag`, `hf.co/ORG/NAME:tag`: as `ollama list` shows it."""
    host, namespace, model, tag = manifest.parts[-4:]
    before = [p for p in (host, namespace) if p not in (HOST, "library")]
    return "/".join([*before, model]) + f":{tag}"


def _model(root: Path, manifest: Path) -> Found:
    try:
        digest, why = _digest(read_mapping(manifest, MIB))
    except BadInput as error:
        digest, why = None, str(error)
    blob = root / "blobs" / f"sha256-{digest}" if digest else manifest
    size, fault = sizes([blob]) if digest else (None, why)
    return Found(
        name=name_of(manifest),
        store="ollama",
        path=str(blob),
        form="gguf" if digest else None,
        size=size,
        readable=not fault,
        why=fault,
    )


def _digest(values: Mapping[str, object]) -> tuple[str | None, str]:
    """The digest of the model's layer, or why there is none that can be read."""
    layers = values.get("layers")
    kinds = set()
    for layer in layers if isinstance(layers, list) else []:
        if not isinstance(layer, dict):
            continue
        kinds.add(str(layer.get("mediaType")).partition(";")[0])
        match = _DIGEST.fullmatch(str(layer.get("digest")))
        if layer.get("mediaType") == MODEL and match:
            return match[1], ""
    if TENSOR in kinds:
        return None, "its tensors are stored one by one (MLX), which cannot be read yet"
    return None, "its manifest names no model (one that runs in the cloud?)"
