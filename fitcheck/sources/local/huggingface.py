"""The Hugging Face cache: models--ORG--NAME/{refs/main, snapshots/COMMIT/..., blobs}.

Source: huggingface_hub 2.4.0 (2026-11), docs "Understand caching" and constants.py; llama.cpp
0c1e57098, common/hf-cache.cpp, keeps its downloads in the same place.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from fitcheck.errors import BadInput
from fitcheck.sources.disk import snapshot
from fitcheck.sources.local.found import Found, closed, folders, models_in

_MODEL: Final = re.compile(r"models--([^/]+)")


def roots(environment: Mapping[str, str], home: Path) -> list[Path]:
    """The one folder that the environment settles on, and llama.cpp's own where one is set."""
    own = environment.get("LLAMA_CACHE")
    return ([Path(own)] if own else []) + [_root(environment, home)]


def _root(environment: Mapping[str, str], home: Path) -> Path:
    for variable, below in (
        ("HF_HUB_CACHE", ""),
        ("HUGGINGFACE_HUB_CACHE", ""),
        ("HF_HOME", "hub"),
        ("XDG_CACHE_HOME", "huggingface/hub"),
    ):
        if environment.get(variable):
            return Path(environment[variable]) / below
    return home / ".cache" / "huggingface" / "hub"


def find(places: Iterable[Path]) -> list[Found]:
    """The models of every repository, at the revision that `main` stands for."""
    found: list[Found] = []
    for root in places:
        found += closed("huggingface", root)
        for folder in folders(root):
            match = _MODEL.fullmatch(folder.name)
            if match:
                found += _models(folder, match[1].replace("--", "/", 1))
    return found


def _models(folder: Path, name: str) -> list[Found]:
    try:
        return models_in(snapshot(folder), name, "huggingface")
    except (BadInput, OSError):
        return []
