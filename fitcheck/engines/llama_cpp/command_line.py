"""llama.cpp's options as its programs and those on top of it call them. Read in options.py."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from fitcheck.engines.llama_cpp.options import BATCH, UBATCH
from fitcheck.engines.llama_cpp.settings import CACHE_TYPES
from fitcheck.engines.option import Option

_ARGUMENTS: Final = "llama.cpp 0c1e57098, common/arg.cpp (October 2026)"
_DEFAULTS: Final = "llama.cpp 0c1e57098, common/common.h (October 2026)"
_TYPES: Final = ", ".join(CACHE_TYPES)

OPTIONS: Final = (
    Option(
        name="context",
        own="-c",
        default="4096, or the model's limit",
        meaning="tokens of one sequence; -c is those of all slots",
        source=_ARGUMENTS,
    ),
    Option(
        name="batch",
        own="",
        default="1",
        meaning="sequences of that length at once: so many slots, -c so much longer",
        source="a question, not an option",
    ),
    Option(
        name="parallel",
        own="-np",
        default="1",
        meaning="slots, which share -c",
        source=_DEFAULTS,
    ),
    Option(
        name="kv_unified",
        own="-kvu",
        default="off",
        meaning="one cache for all slots",
        source=_DEFAULTS,
    ),
    Option(
        name="n_gpu_layers",
        own="-ngl",
        default="all",
        meaning="layers on the card, a number or all",
        source=_DEFAULTS,
    ),
    Option(
        name="split_mode",
        own="-sm",
        default="layer",
        meaning="layer: whole layers on each card; none: one card alone",
        source=_DEFAULTS,
    ),
    Option(
        name="tensor_split",
        own="-ts",
        default="what is free on each card",
        meaning="proportions of the layers on each card: 3,1",
        source=_ARGUMENTS,
    ),
    Option(
        name="main_gpu",
        own="-mg",
        default="0",
        meaning="the card that split mode none takes",
        source=_DEFAULTS,
    ),
    Option(
        name="n_cpu_moe",
        own="--n-cpu-moe",
        default="0",
        meaning="layers whose experts stay in RAM, a number or all",
        source=_ARGUMENTS,
    ),
    Option(
        name="ubatch",
        own="-ub",
        default=f"{UBATCH}",
        meaning="tokens computed at once",
        source=_DEFAULTS,
    ),
    Option(
        name="batch_size",
        own="-b",
        default=f"{BATCH}",
        meaning="tokens handed over at once (logical batch)",
        source=_DEFAULTS,
    ),
    Option(
        name="kv_cache",
        own="-ctk, -ctv",
        default="f16",
        meaning=f"type of keys and values: {_TYPES}",
        source=_ARGUMENTS,
    ),
    Option(
        name="cache_type_k",
        own="--cache-type-k",
        default="f16",
        meaning="type of the keys alone",
        source=_ARGUMENTS,
    ),
    Option(
        name="cache_type_v",
        own="--cache-type-v",
        default="f16",
        meaning="type of the values alone; packed ones need flash attention",
        source=_ARGUMENTS,
    ),
    Option(
        name="attention",
        own="-fa",
        default="auto",
        meaning="auto, flash (on) or eager (off)",
        source=_DEFAULTS,
    ),
    Option(
        name="swa_full",
        own="--swa-full",
        default="off",
        meaning="sliding layers keep everything",
        source=_DEFAULTS,
    ),
    Option(
        name="mmproj",
        own="--mmproj",
        default="off",
        meaning="the projector for images or sound is counted",
        source=_ARGUMENTS,
    ),
    Option(
        name="imatrix",
        own="llama-quantize --imatrix",
        default="off",
        meaning="the file was quantized with an importance matrix",
        source="llama.cpp 0c1e57098, tools/quantize/quantize.cpp (October 2026)",
    ),
    Option(
        name="kv_offload",
        own="-nkvo",
        default="on",
        meaning="off: keys and values stay in RAM",
        source=_DEFAULTS,
        typed=False,
    ),
    Option(
        name="outputs",
        own="",
        default="all tokens of a batch (llama-server: its slots)",
        meaning="tokens of a batch that may ask for logits",
        source=_DEFAULTS,
        typed=False,
    ),
)
# What stands nearest to options of other engines.
INSTEAD: Final = {"max_num_seqs": "parallel", "max_num_batched_tokens": "ubatch"}


def renamed(
    names: Mapping[str, str], source: str, defaults: Mapping[str, str] = MappingProxyType({})
) -> tuple[Option, ...]:
    """The same options as a program on top of llama.cpp calls them; empty where it has no name."""
    return tuple(
        msgspec.structs.replace(
            option,
            own=names.get(option.name, ""),
            default=defaults.get(option.name, option.default),
            source=source if option.name in names else option.source,
        )
        for option in OPTIONS
    )


# Ollama 01dea0353 (2026): docs/modelfile.mdx, docs/faq.mdx, envconfig/config.go.
OLLAMA: Final = renamed(
    {
        "context": "num_ctx, OLLAMA_CONTEXT_LENGTH",
        "parallel": "OLLAMA_NUM_PARALLEL",
        "n_gpu_layers": "num_gpu",
        "batch_size": "num_batch",
        "kv_cache": "OLLAMA_KV_CACHE_TYPE",
        "attention": "OLLAMA_FLASH_ATTENTION",
    },
    "ollama 01dea0353, docs/faq.mdx, docs/modelfile.mdx, envconfig/config.go (2026)",
)
# LM Studio's names are those of its SDK (@lmstudio/sdk, LLMLoadModelConfig, 2026).
LM_STUDIO: Final = renamed(
    {
        "context": "contextLength",
        "parallel": "maxParallelPredictions",
        "kv_unified": "useUnifiedKvCache",
        "n_gpu_layers": "gpu.ratio",
        "n_cpu_moe": "gpu.numCpuExpertLayersRatio",
        "ubatch": "physicalBatchSize",
        "kv_offload": "offloadKVCacheToGpu",
        "batch_size": "evalBatchSize",
        "cache_type_k": "llamaKCacheQuantizationType",
        "cache_type_v": "llamaVCacheQuantizationType",
        "attention": "flashAttention",
    },
    "@lmstudio/sdk, LLMLoadModelConfig (2026)",
    {"parallel": "4", "kv_unified": "on"},
)
