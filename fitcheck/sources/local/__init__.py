"""Models that other programs have put on this machine, where each of them keeps them."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from fitcheck.kept import home
from fitcheck.sources.local import huggingface, llama_cpp, lm_studio, ollama
from fitcheck.sources.local.found import Found, Store

__all__ = ["Found", "Store", "find", "here", "named", "places"]


def find(environment: Mapping[str, str], home: Path, platform: str = sys.platform) -> list[Found]:
    """Every model in the known stores, by store and name; whatever cannot be read says why.

    Nothing is opened but small text files; sizes are the file system's.
    """
    return [
        *huggingface.find(huggingface.roots(environment, home)),
        *ollama.find(ollama.roots(environment, home, platform)),
        *lm_studio.find(lm_studio.roots(home)),
        *llama_cpp.find(llama_cpp.roots(environment, home, platform)),
    ]


def places(
    environment: Mapping[str, str], home: Path, platform: str = sys.platform
) -> dict[Store, list[Path]]:
    """The folders that `find` looks into."""
    return {
        "huggingface": huggingface.roots(environment, home),
        "ollama": ollama.roots(environment, home, platform),
        "lmstudio": lm_studio.roots(home),
        "llama.cpp": llama_cpp.roots(environment, home, platform),
    }


def here() -> list[Found]:
    """What this user's programs have put on this machine."""
    return find(os.environ, home())


def named(name: str, found: Iterable[Found]) -> Found | None:
    """The model of that name; as in Ollama, no tag means `latest`."""
    words = (name, f"{name}:latest")
    return next((f for f in found if f.name in words and f.path), None)
