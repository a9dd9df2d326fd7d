"""What older versions of transformers did otherwise; all else is held to what 5.23.0 does."""

from typing import Final

import msgspec

# Since 4.45 generate asks for the last position's logits alone, and classes leave them in 16 bits.
# Source: transformers 4.46.0, generation/utils.py, num_logits_to_keep.
LAST_LOGITS: Final = (4, 45)

# Since 4.48 flash attention is given keys and values as they are cached, not one copy for each
# query head. Source: transformers 4.46.0 and 4.51.3, models/qwen2/modeling_qwen2.py.
GROUPED_FLASH: Final = (4, 48)

# Since 4.56 sliding layers forget what is out of their window. Source: transformers 4.57.6,
# cache_utils.py, DynamicSlidingWindowLayer; not in 4.51.3.
SLIDING_CACHE: Final = (4, 56)

# Since 5.0 routed experts are multiplied together, and latent attention caches its latent row.
# Source: transformers 4.57.6, models/mixtral and models/deepseek_v3; 5.23.0, integrations/moe.py.
GROUPED_EXPERTS: Final = (5, 0)

# Classes that had a cache with windows of its own (HybridCache) before. Source: transformers
# 4.46.0 and 4.51.3, models/gemma2, models/gemma3, models/cohere2.
HYBRID: Final = frozenset({"gemma2", "gemma3", "gemma3_text", "cohere2"})

# Classes that made logits of all positions in fp32. Source: transformers 4.38.2, models/*
# (`logits.float()`); 4.46.0, models/*, where they stopped ("do not upcast them to float").
FLOAT_LOGITS: Final = frozenset(
    {
        "llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "gemma", "gemma2", "glm", "phi",
        "phi3", "phimoe", "starcoder2", "cohere", "olmo", "olmoe", "nemotron", "jetmoe",
    }
)  # fmt: skip

# Classes that kept tables of rotations in every layer. Source: transformers 4.38.2, models/*,
# `cos_cached`; Llama's own are kept for compatibility.
TABLES: Final = frozenset(
    {
        "llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "falcon", "gpt_neox", "persimmon",
        "phi", "stablelm", "starcoder2", "baichuan",
    }
)  # fmt: skip


class Era(msgspec.Struct, frozen=True):
    """What a version does otherwise than 5.23.0.

    `all_logits`: logits of every position, tables of rotations in every layer, and the cache copied
    whole at each step; `repeats`: flash attention on repeated heads; `whole_cache`: sliding layers
    cache everything; `looped`: one expert after the other, and latent attention caches every head.
    """

    all_logits: bool = False
    repeats: bool = False
    whole_cache: bool = False
    looped: bool = False


NOW: Final = Era()


def era(version: tuple[int, int]) -> Era:
    """What that version, (4, 38), does."""
    return Era(
        all_logits=version < LAST_LOGITS,
        repeats=version < GROUPED_FLASH,
        whole_cache=version < SLIDING_CACHE,
        looped=version < GROUPED_EXPERTS,
    )
