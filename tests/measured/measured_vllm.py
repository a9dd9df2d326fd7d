"""vLLM: weights of each rank, blocks of a sequence, and what a pool holds."""

from collections.abc import Iterator
from typing import Final

import msgspec
from measured_rows import Figure, model, part, rows

from fitcheck.engines.base import Workload
from fitcheck.engines.vllm import VLLM
from fitcheck.engines.vllm import cache as capacities
from fitcheck.engines.vllm.loaded import VllmModel
from fitcheck.errors import BadInput
from fitcheck.quantization import scheme
from fitcheck.units import GIB

TOWERS: Final = "the configuration leaves the towers out, of which vLLM builds the usual"
POOL: Final = 40 * GIB  # of vllm_ranks.csv


def vllm_ranks() -> Iterator[Figure]:
    """vLLM 0.33.0: weights of each rank, and the blocks of a sequence.

    Left out are divisions that we refuse and transformers' code in vLLM does not: of Pythia's
    smallest, whose heads it leaves whole.
    """
    for name, key in (("vllm_kv.csv", "model"), ("vllm_ranks.csv", "hf_id")):
        for row in rows(name):
            context, ranks = int(row["max_model_len"]), int(row["tp"])
            held = VLLM.load(model(row[key], plain=True), scheme("bf16"))
            asked = Workload(context=context, prompt=context, kv_cache=row["kv_cache_dtype"])
            settled = held.settle(asked)
            try:
                memory, pool = held.memory(settled, ranks), held.pool(settled, ranks)
            except BadInput:
                continue
            ours, theirs = memory.component("weights") // ranks, row["weights_bytes_per_rank"]
            made = part("weights of a rank", "vllm", row, ours, int(theirs))
            aside = TOWERS if held.model.model_type.startswith("gemma3n") else ""
            yield msgspec.structs.replace(made, aside=aside)
            if row["blocks_per_request"] not in ("", "0"):
                ours = pool.blocks(context, 2048, 2) * pool.bytes_per_block
                blocks = int(row["blocks_per_request"]) * int(row["bytes_per_block"])
                yield part("cache of a sequence", "vllm", row, ours, blocks)
            if row["token_capacity"] not in ("", "0"):
                available = int(row.get("available_bytes") or POOL)
                ours, theirs = tokens(held, settled, ranks, available), row["token_capacity"]
                yield part("tokens of a pool", "vllm", row, ours, int(theirs))


def tokens(held: VllmModel, workload: Workload, ranks: int, available: int) -> int:
    """What a pool of so many bytes on each rank holds, with steps of 2048 tokens if not told."""
    at_once = int(workload.settings.get("max_num_batched_tokens", 2048))
    sequences = int(workload.settings.get("max_num_seqs", 256))
    one = capacities.Asked(
        batch=1, context=workload.context, tokens=at_once, sequences=sequences, steps=2
    )
    return capacities.capacity(held.pool(workload, ranks), available, one).tokens
