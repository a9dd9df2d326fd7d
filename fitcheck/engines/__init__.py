"""The engines by name, each imported when it is first asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final

from fitcheck.engines.base import Engine


class _Engines(Mapping[str, Engine]):
    """Name to engine; importing llama.cpp's graphs is not paid for by who asks about another."""

    places: Final = {
        "transformers": ("transformers", "TRANSFORMERS"),
        "llama.cpp": ("llama_cpp", "LLAMA_CPP"),
        "ollama": ("llama_cpp", "OLLAMA"),
        "lmstudio": ("llama_cpp", "LM_STUDIO"),
        "vllm": ("vllm", "VLLM"),
    }

    def __getitem__(self, name: str) -> Engine:
        package, engine = self.places[name]
        found: Engine = getattr(import_module(f"fitcheck.engines.{package}"), engine)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


ENGINES: Final[Mapping[str, Engine]] = _Engines()
