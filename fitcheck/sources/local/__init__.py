"""Models that other programs have put on this machine, where each of them keeps them."""

import sys
from collections.abc import Mapping
from pathlib import Path

from fitcheck.sources.local import huggingface, llama_cpp, lm_studio, ollama
from fitcheck.sources.local.found import Found, Store

__all__ = ["Found", "Store", "find"]


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
