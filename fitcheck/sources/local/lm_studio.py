"""LM Studio's models: PUBLISHER/REPOSITORY/ with GGUF files, or an MLX model with config.json.

Source: lmstudio.ai/docs/app/basics/import-model; lms-cli, findLMStudioHome (2026): the pointer file
names the home, which was ~/.cache/lm-studio before it was ~/.lmstudio.
"""

from collections.abc import Iterable
from pathlib import Path

from fitcheck.errors import BadInput
from fitcheck.sources.files import read_whole
from fitcheck.sources.json_text import read_mapping
from fitcheck.sources.local.found import Found, closed, folders, models_in

POINTER = ".lmstudio-home-pointer"


def roots(home: Path) -> list[Path]:
    """Where the models are: below each home that there may be, or where its settings say."""
    homes = [_pointed(home), home / ".lmstudio", home / ".cache" / "lm-studio"]
    places = [place for h in homes if h is not None for place in (_downloads(h), h / "models")]
    return list(dict.fromkeys(p for p in places if p is not None))


def _pointed(home: Path) -> Path | None:
    try:
        text = read_whole(home / POINTER, 4096).decode().strip()
    except (BadInput, UnicodeDecodeError):
        return None
    return Path(text) if text.startswith(("/", "\\")) or text[1:2] == ":" else None


def _downloads(home: Path) -> Path | None:
    try:
        said = read_mapping(home / "settings.json").get("downloadsFolder")
    except BadInput:
        return None
    return Path(said) if isinstance(said, str) and said else None


def find(places: Iterable[Path]) -> list[Found]:
    """The models of every publisher's repositories."""
    found: list[Found] = []
    for root in places:
        found += closed("lmstudio", root)
        for publisher in folders(root):
            for repository in folders(publisher):
                name = f"{publisher.name}/{repository.name}"
                found += models_in(repository, name, "lmstudio")
    return found
