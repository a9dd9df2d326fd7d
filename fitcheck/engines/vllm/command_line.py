"""vLLM's options, as `vllm serve` takes them. Read in settings.py, whose constants stand here."""

from typing import Final

from fitcheck.engines.option import Option
from fitcheck.engines.vllm.pages import BLOCK_TOKENS
from fitcheck.engines.vllm.settings import GPU_MEMORY_UTILIZATION, LARGE, LARGEST, SMALL

_CACHE: Final = "vLLM 0.33.0, config/cache.py (2026-11)"
_BATCH: Final = "vLLM 0.33.0, engine/arg_utils.py, get_batch_defaults (2026-11)"
_MODEL: Final = "vLLM 0.33.0, config/model.py (2026-11)"

_PARALLEL: Final = "vLLM 0.33.0, config/parallel.py (2026-11)"

OPTIONS: Final = (
    Option(
        name="context",
        own="--max-model-len",
        default="4096, or the model's limit",
        meaning="tokens of one sequence; vLLM alone takes the model's limit",
        source=_MODEL,
    ),
    Option(
        name="batch",
        own="",
        default="1",
        meaning="sequences of that length whose cache must fit",
        source="a question, not an option: vLLM takes what fits",
    ),
    Option(
        name="max_num_seqs",
        own="--max-num-seqs",
        default=f"{SMALL.max_num_seqs}, {LARGE.max_num_seqs} on large cards",
        meaning="sequences computed at once, at most",
        source=_BATCH,
    ),
    Option(
        name="max_num_batched_tokens",
        own="--max-num-batched-tokens",
        default=f"{SMALL.max_num_batched_tokens} to {LARGEST.max_num_batched_tokens}, by the card",
        meaning=f"tokens computed at once; {LARGE.max_num_batched_tokens} from 70 GiB on",
        source=_BATCH,
    ),
    Option(
        name="gpu_memory_utilization",
        own="--gpu-memory-utilization",
        default=f"{GPU_MEMORY_UTILIZATION}",
        meaning="its share of the card's total memory",
        source=_CACHE,
    ),
    Option(
        name="kv_cache",
        own="--kv-cache-dtype",
        default="the model's own type",
        meaning="type of keys and values: fp16, fp8, int8_per_token_head, ...",
        source=_CACHE,
    ),
    Option(
        name="attention",
        own="--attention-backend",
        default="the fastest for the card",
        meaning="auto or flash",
        source="vLLM 0.33.0, config/attention.py (2026-11)",
    ),
    Option(
        name="block_size",
        own="--block-size",
        default=f"{BLOCK_TOKENS}",
        meaning="tokens of a block of the cache",
        source=_CACHE,
    ),
    Option(
        name="enforce_eager",
        own="--enforce-eager",
        default="off",
        meaning="no CUDA graphs",
        source=_MODEL,
    ),
    Option(
        name="tensor_parallel_size",
        own="--tensor-parallel-size",
        default="all cards of a node",
        meaning="ranks that each tensor is divided over; vLLM alone takes 1",
        source=_PARALLEL,
    ),
    Option(
        name="pipeline_parallel_size",
        own="--pipeline-parallel-size",
        default="the nodes",
        meaning="stages that layers are divided into; vLLM alone takes 1",
        source=_PARALLEL,
    ),
    Option(
        name="data_parallel_size",
        own="--data-parallel-size",
        default="1",
        meaning="replicas, which share out the experts of a mixture",
        source=_PARALLEL,
    ),
    Option(
        name="enable_expert_parallel",
        own="--enable-expert-parallel",
        default="off",
        meaning="each rank has some experts whole",
        source=_PARALLEL,
    ),
    Option(
        name="cards_per_node",
        own="",
        default="all",
        meaning="cards of each machine, where they are in several",
        source="a machine's, not an option",
        typed=False,
    ),
    Option(
        name="kv_cache_memory_bytes",
        own="--kv-cache-memory-bytes",
        default="what the share of the card leaves",
        meaning="size of the cache on each card",
        source=_CACHE,
    ),
    Option(
        name="enable_prefix_caching",
        own="--enable-prefix-caching",
        default="on",
        meaning="prompts that begin alike share blocks",
        source=_CACHE,
        typed=False,
    ),
    Option(
        name="disable_hybrid_kv_cache_manager",
        own="--disable-hybrid-kv-cache-manager",
        default="off",
        meaning="sliding layers keep everything",
        source="vLLM 0.33.0, config/scheduler.py (2026-11)",
    ),
    Option(
        name="async_scheduling",
        own="--async-scheduling",
        default="on",
        meaning="two batches are on their way at once",
        source="vLLM 0.33.0, config/scheduler.py (2026-11)",
        typed=False,
    ),
)
# What stands nearest to options of other engines.
INSTEAD: Final = {
    "parallel": "max_num_seqs",
    "ubatch": "max_num_batched_tokens",
    "batch_size": "max_num_batched_tokens",
    "cache_type_k": "kv_cache",
    "cache_type_v": "kv_cache",
}
