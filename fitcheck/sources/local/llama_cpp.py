"""llama.cpp's own cache of before 2026: ORG_NAME_FILE.gguf, and manifest=ORG=NAME=TAG.json.

Newer builds download into the Hugging Face cache, which huggingface.py reads.
Source: llama.cpp 0c1e57098 (2026-10), common/common.cpp, fs_get_cache_directory; the file names:
b4400 to b8000 (2025), common/arg.cpp.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from fitcheck.sources.gguf.split import pieces
from fitcheck.sources.local.found import Found, closed, entries, first_pieces, sizes

_MANIFEST: Final = re.compile(r"manifest=([^=]+)=([^=]+)=([^=]+)\.json")


def roots(environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
    """LLAMA_CACHE, or else the system's place for caches."""
    if environment.get("LLAMA_CACHE"):
        return [Path(environment["LLAMA_CACHE"])]
    if platform == "darwin":
        return [home / "Library" / "Caches" / "llama.cpp"]
    if platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return [Path(local) / "llama.cpp"] if local else []
    cache = environment.get("XDG_CACHE_HOME")
    return [(Path(cache) if cache else home / ".cache") / "llama.cpp"]


def find(places: Iterable[Path]) -> list[Found]:
    """Every GGUF file, under the repository's name where a manifest tells it from the file's."""
    found: list[Found] = []
    for root in places:
        found += closed("llama.cpp", root)
        names = entries(root)
        repositories = [m[1] + "/" + m[2] for n in names if (m := _MANIFEST.fullmatch(n))]
        found += [_model(root, file, repositories) for file in first_pieces(names)]
    return found


def _model(root: Path, file: str, repositories: Sequence[str]) -> Found:
    size, why = sizes([root / n for n in pieces(file).files])
    return Found(
        name=name_of(file, repositories),
        store="llama.cpp",
        path=str(root / file),
        form="gguf",
        size=size,
        readable=not why,
        why=why,
    )


def name_of(file: str, repositories: Sequence[str]) -> str:
    """`ORG/NAME:FILE` for a file of one of these repositories, else the file's name."""
    for repository in repositories:
        before = repository.replace("/", "_") + "_"
        if file.startswith(before):
            return f"{repository}:{file.removeprefix(before)}"
    return pieces(file).stem
