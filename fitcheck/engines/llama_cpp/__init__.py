"""llama.cpp: a file of its own format, split over cards and host memory, buffers reserved ahead."""

from fitcheck.engines.llama_cpp.engine import LLAMA_CPP, LM_STUDIO, OLLAMA, LlamaCpp, LlamaCppModel

__all__ = ["LLAMA_CPP", "LM_STUDIO", "OLLAMA", "LlamaCpp", "LlamaCppModel"]
