"""The cache against vLLM's own planner: golden/vllm_kv.csv and golden/vllm_ranks.csv."""

from collections import defaultdict

import pytest
from vllm_golden import STEPS, TOKENS, asked, loaded, rows

from fitcheck.engines.base import Workload
from fitcheck.engines.vllm import cache
from fitcheck.errors import BadInput, UnknownName

KV = rows("vllm_kv.csv")
RANKS = rows("vllm_ranks.csv")
POOL = 40 << 30


def pool_of(name: str, row: dict[str, str]) -> tuple[int, int, str, cache.Capacity]:
    """Bytes of a block, blocks of a sequence, block sizes, and what the row's pool holds."""
    held = loaded(name)
    context = int(row["max_model_len"])
    workload = held.settle(
        Workload(context=context, prompt=context, kv_cache=row["kv_cache_dtype"])
    )
    pool = held.pool(workload, int(row["tp"]))
    sizes = sorted({g.pages.block_size for g in pool.groups})
    one = cache.Asked(batch=1, context=context, tokens=TOKENS, sequences=256, steps=STEPS)
    available = int(row.get("available_bytes") or POOL)
    found = cache.capacity(pool, available, one)
    blocks = pool.blocks(context, TOKENS, STEPS)
    return pool.bytes_per_block, blocks, ",".join(map(str, sizes)), found


@pytest.mark.parametrize("row", KV, ids=lambda r: f"{r['model']}-{r['tp']}-{r['kv_cache_dtype']}")
def test_a_pool_is_divided_as_vllm_divides_it(row: dict[str, str]) -> None:
    """Blocks, what each takes, tokens and sequences: of every row, to the last one."""
    size, blocks, _, found = pool_of(row["model"], row)
    if not row["num_blocks"]:
        assert (found.blocks - 1) * size < blocks * size
        return

    assert (
        (size, blocks, found.blocks, found.tokens, round(found.sequences, 4))
        == (
            int(row["bytes_per_block"]),
            int(row["blocks_per_request"]),
            int(row["num_blocks"]),
            int(row["token_capacity"]),
            float(row["max_concurrency"]),
        )
    )  # fmt: skip


def test_block_sizes_are_vllms() -> None:
    """Longer where attention and state-space layers share a page, or a kernel reads more."""
    wrong = {
        (row["model"], row["tp"]): found
        for row in KV
        if row["block_sizes"] and (found := pool_of(row["model"], row)[2]) != row["block_sizes"]
    }

    assert wrong == {}


def test_every_other_model_is_planned_alike() -> None:
    """781 rows of 350 models that the rules were not derived from, one, two, four, eight ranks.

    Pythia's smallest: transformers' code leaves heads whole that do not divide, we refuse.
    """
    wrong = defaultdict(list)
    for row in RANKS:
        try:
            size, blocks, sizes, found = pool_of(row["hf_id"], row)
        except BadInput:
            wrong[row["hf_id"]].append("refused")
            continue
        want = (row["bytes_per_block"], row["blocks_per_request"], row["block_sizes"])
        if not row["bytes_per_block"]:
            want = ("0", "0", "")
        if (str(size), str(blocks), sizes) != want or str(found.tokens) != (
            row["token_capacity"] or "0"
        ):
            wrong[row["hf_id"]].append(f"{(size, blocks, sizes)} for {want}")

    assert set(wrong) <= {"EleutherAI/pythia-14m", "EleutherAI/pythia-160m"}


def test_a_latent_row_is_on_every_rank() -> None:
    """DeepSeek V3 over eight cards: 61 layers of 576 numbers in two bytes, on each of them."""
    held = loaded("deepseek-v3")

    assert held.pool(asked(held, 4096), 8).bytes_per_block == 16 * 61 * 576 * 2


def test_heads_of_few_are_copied() -> None:
    """Qwen3 30B-A3B has four key-value heads: eight ranks keep as much each as four do."""
    held = loaded("qwen3-30b-a3b")
    sizes = [held.pool(asked(held, 4096), ranks).bytes_per_block for ranks in (1, 2, 4, 8)]

    assert sizes == [1572864, 786432, 393216, 393216]


@pytest.mark.parametrize(
    ("word", "bytes_per_block"),
    [
        ("auto", 16 * 2 * 8 * 128 * 2),
        ("fp8", 16 * 2 * 8 * 128),
        ("fp8_e5m2", 16 * 2 * 8 * 128),
        ("int8_per_token_head", 16 * 2 * 8 * (128 + 4)),
        ("int4_per_token_head", 16 * 2 * 8 * (64 + 4)),
        ("nvfp4", 16 * 2 * 8 * (64 + 8)),
    ],
)
def test_a_cache_type_takes_its_bits_and_its_scales(word: str, bytes_per_block: int) -> None:
    """Llama 3.1 70B: 80 layers of eight heads of 128."""
    held = loaded("llama-3.1-70b")
    workload = held.settle(Workload(context=4096, prompt=4096, kv_cache=word))

    assert held.pool(workload).bytes_per_block == 80 * bytes_per_block


@pytest.mark.parametrize("word", ["turboquant_3bit_nc", "fp8_ds_mla"])
def test_types_that_are_not_counted_are_refused(word: str) -> None:
    """Rather than counted wrongly."""
    with pytest.raises(BadInput, match="not counted"):
        loaded("llama-2-7b").settle(Workload(context=4096, prompt=4096, kv_cache=word))


def test_a_type_that_vllm_does_not_have_is_refused() -> None:
    """With the nearest that it has."""
    with pytest.raises(UnknownName, match="fp8_e4m3"):
        loaded("llama-2-7b").settle(Workload(context=4096, prompt=4096, kv_cache="fp8_e4m4"))


def test_latent_rows_are_not_kept_in_per_head_types() -> None:
    """MLA backends take 16 bits and FP8."""
    held = loaded("deepseek-v2-lite")
    workload = held.settle(Workload(context=4096, prompt=4096, kv_cache="int8_per_token_head"))

    with pytest.raises(BadInput, match="latent"):
        held.memory(workload)


def test_without_the_hybrid_manager_windows_are_kept_whole() -> None:
    """Gemma 2: half of its layers see 4096 tokens, and then keep all 8192."""
    held = loaded("gemma-2-9b")
    whole = held.memory(asked(held, 8192, disable_hybrid_kv_cache_manager="true"))

    assert whole.component("kv_cache") == 42 * 512 * 131072


def test_states_stand_apart_from_keys_and_values() -> None:
    """Jamba at 8192 tokens: 103 blocks of keys, and two of states for each of seven groups."""
    held = loaded("jamba-v0.1")
    memory = held.memory(asked(held, 8192))

    assert memory.component("kv_cache") == 103 * 1310720
    assert memory.component("recurrent_state") == 14 * 1310720


def test_without_prefix_caching_a_state_is_kept_once() -> None:
    """mamba_cache_mode none: one page a sequence."""
    held = loaded("mamba-2.8b")
    memory = held.memory(asked(held, 4096, enable_prefix_caching="false"))

    assert memory.component("recurrent_state") == 12451840


def test_a_pool_of_a_set_size_is_taken_whole() -> None:
    """kv_cache_memory_bytes: the needed blocks, the empty one and the rest come to it."""
    held = loaded("llama-2-7b")
    memory = held.memory(asked(held, 4096, kv_cache_memory_bytes="20GiB"))
    empty = [t.size for t in memory.terms if t.name == "the cache's empty block"]

    assert memory.component("kv_cache") + sum(empty) == 20 << 30


def test_a_pool_that_is_set_too_small_is_refused() -> None:
    """Llama 2 7B keeps half a MiB a token: 4096 need 2 GiB and a block."""
    held = loaded("llama-2-7b")

    with pytest.raises(BadInput, match="too little"):
        held.memory(asked(held, 4096, kv_cache_memory_bytes="2GiB"))


@pytest.mark.parametrize(
    ("name", "ranks", "context", "gib", "tokens"),
    [
        # moonshotai/Kimi-K2-Think.md of vllm-project/recipes, 8 H200
        ("moonshotai/Kimi-K2-Thinking", 8, 131072, 46.80, 715072),
        # vLLM issue 10517, RTX 3090: 1952 blocks
        ("llama-3.1-8b", 1, 20000, 3.81, 31232),
        # huggingface/cookbook, grpo_vllm_online_training.ipynb
        ("qwen2.5-0.5b", 1, 32768, 22.13, 1933472),
    ],
)
def test_published_pools_hold_as_many_tokens(
    name: str, ranks: int, context: int, gib: float, tokens: int
) -> None:
    """Within what the two printed decimals of a GiB leave open."""
    held = loaded(name)
    pool = held.pool(asked(held, context), ranks)
    one = cache.Asked(batch=1, context=context, tokens=TOKENS, sequences=256, steps=STEPS)
    ends = [cache.capacity(pool, int((gib + d) * 2**30), one).tokens for d in (-0.005, 0.005)]

    assert ends[0] - 16 <= tokens <= ends[1] + 16
