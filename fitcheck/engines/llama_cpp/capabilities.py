"""What llama.cpp asks of a card: next to nothing, since it converts what a card cannot do."""

from typing import Final

from fitcheck.engines.capabilities import Rule

RULES: Final = (
    # CUDA, HIP, SYCL, Metal and CANN; Google's chips and Intel's Gaudi have no backend.
    Rule(
        schemes=("*",),
        vendors=("nvidia", "amd", "intel", "apple", "huawei"),
        but=("Gaudi",),
        source="llama.cpp 0c1e57098, ggml/src",
    ),
    # Toolkits for CUDA 13 leave out what is older than 7.5; builds for CUDA 12 have it.
    Rule(
        schemes=("*",),
        least=5.0,
        source="llama.cpp 0c1e57098, ggml/src/ggml-cuda/CMakeLists.txt",
    ),
)

# What is built on it ships CUDA, HIP, Metal and Vulkan, and no CANN.
BUILT_ON: Final = (
    Rule(
        schemes=("*",),
        vendors=("nvidia", "amd", "intel", "apple"),
        instead=("llama.cpp",),
        source="docs.ollama.com/gpu, lmstudio.ai/docs/app/system-requirements (2026)",
    ),
    *RULES,
)
