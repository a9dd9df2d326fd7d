"""The engines by name."""

from typing import Final

from fitcheck.engines.base import Engine
from fitcheck.engines.llama_cpp import LLAMA_CPP, LM_STUDIO, OLLAMA
from fitcheck.engines.transformers import Transformers

ENGINES: Final[dict[str, Engine]] = {
    e.name: e for e in (Transformers(), LLAMA_CPP, OLLAMA, LM_STUDIO)
}
