"""Verdicts on machines of several cards, against what others have published of them."""

import csv
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from fitcheck import cards
from fitcheck.answers.asked import Ask
from fitcheck.answers.check import check
from fitcheck.answers.estimate import Estimate
from fitcheck.catalog import Catalog, load_models
from fitcheck.resolve import subject
from fitcheck.units import parse_size

GOLDEN = Path(__file__).parent / "golden"
YES = ("fits", "tight")


@cache
def catalog() -> Catalog:
    """The built-in one."""
    return load_models()


def held(model: str, machine: str, **asked: object) -> Estimate:
    """The model on the machine in one scheme."""
    ask = Ask(**asked)  # type: ignore[arg-type]
    found = check(
        (subject(model, catalog()),), cards.machine(machine), ask, named=True, solve="verdict"
    )
    return found.rows[0].estimates[0]


def verdict(model: str, machine: str, **asked: object) -> str:
    """`fits`, `no` and so on."""
    fit = held(model, machine, **asked).fit
    assert fit is not None
    return fit.verdict


def fp16(model: str, machine: str) -> str:
    """In transformers, 16 bit, at the default context."""
    return verdict(model, machine, precisions=("fp16",))


def served(model: str, machine: str, **asked: object) -> str:
    """In vLLM as it is published, at the default context."""
    return verdict(model, machine, engine="vllm", **asked)


def test_moss_in_16_bits_runs_on_two_3090_and_not_on_one() -> None:
    """ "FP16: 1x A100/A800, or 2x RTX 3090": OpenLMLab/MOSS@c810e0b42, README_en.md."""
    assert fp16("moss-16b", "2x3090") in YES
    assert fp16("moss-16b", "a100-40gb") in YES
    assert fp16("moss-16b", "3090") == "no"


def test_llama_65b_in_16_bits_runs_on_two_a100_of_80_gb_and_not_on_one() -> None:
    """It needs 135 GB on all cards together (meta-llama/llama issue 101), 130 GB for weights, and
    "should fit into 4x40G" (zsc/llama_infer issue 1)."""
    assert fp16("llama-65b", "2xa100-80gb") in YES
    assert fp16("llama-65b", "4xa100-40gb") in YES
    assert fp16("llama-65b", "a100-80gb") == "no"


def test_llama_65b_in_int8_takes_about_70_gb_of_one_a100() -> None:
    """ "the video memory needs about 70G": tloen/llama-int8 issue 8, by LLM.int8()."""
    found = held("llama-65b", "a100-80gb", quants=("bnb-int8",))

    assert found.fit is not None
    assert found.fit.verdict in YES
    assert 0.9 * 70e9 < found.memory.total.expected < 1.1 * 70e9


def test_llama_405b_needs_fp8_to_run_on_one_node_of_eight_h100() -> None:
    """huggingface/blog@19a416c6, llama31.md: 640 GB of an H100 node are too few for 16 bits, one at
    FP8 is what is recommended, several nodes are the other way."""
    assert served("llama-3.1-405b", "8xh100-sxm", quants=("fp8",)) in YES
    assert served("llama-3.1-405b", "8xh100-sxm", quants=("bf16",)) == "no"
    assert served("llama-3.1-405b", "2x8xh100-sxm", quants=("bf16",)) in YES


@pytest.mark.parametrize("machine", ["8xh200", "8xb200", "8xmi300x", "2x8xh100-sxm"])
def test_deepseek_v3_in_fp8_runs_where_it_is_served(machine: str) -> None:
    """docs.vllm.ai, recipes, DeepSeek-V3: 8xH200 with FP8. SGLang's docs, deepseek_v3: full
    precision FP8 on 8 H200, 8 B200, 8 MI300X or two nodes of 8 H100."""
    assert served("deepseek-v3", machine) in YES


def test_deepseek_v3_in_fp8_does_not_run_on_one_node_of_eight_h100() -> None:
    """Two nodes are the least that SGLang's table has for H100: 671 GB of weights."""
    assert served("deepseek-v3", "8xh100-sxm") == "no"


def test_deepseek_v3_runs_with_whole_experts_and_as_replicas() -> None:
    """The same recipe: TP8+EP and DP8+EP on 8xH200."""
    whole = {"enable_expert_parallel": "on"}

    assert served("deepseek-v3", "8xh200", settings=whole) in YES
    assert served("deepseek-v3", "8xh200", settings={**whole, "data_parallel_size": "8"}) in YES


@pytest.mark.parametrize("machine", ["h100-sxm", "a100-80gb", "mi300x"])
def test_gpt_oss_120b_runs_on_one_card_of_80_gb(machine: str) -> None:
    """ "fit into a single 80GB GPU (like NVIDIA H100 or AMD MI300X)": openai/gpt-oss-120b, model
    card; "will fit on a single A100 (80GB)": docs.vllm.ai, recipes, GPT-OSS."""
    assert served("gpt-oss-120b", machine) in YES


def test_qwen3_30b_a3b_runs_on_a_card_of_12_gb_with_experts_in_ram() -> None:
    """A post of April 2026 has a mixture of 13.2 GB out of memory on an RTX 3060 of 12 GB, and
    running with -ncmoe beside 31 GB of RAM (jeanfbrito.github.io, running-qwen3.6-35b-moe-rtx3060);
    smeltcore.com has Qwen3 30B A3B in Q4_K_M all on a card of 24 GB, without offload."""
    gguf = {"engine": "llama.cpp", "quants": ("q4_k_m",)}
    found = held("qwen3-30b-a3b", "rtx-3060-12gb", ram=parse_size("31GB"), **gguf).fit

    assert found is not None
    assert found.verdict == "offload"
    assert found.offload is not None
    assert set(found.offload.settings) == {"n_cpu_moe"}
    assert verdict("qwen3-30b-a3b", "3090", **gguf) in YES


# The one machine whose published runs ours does not call a yes, in rows of the table: 14 layers of
# 22.3 GiB are on three of the six cards, which leaves no room for an attention matrix of 1 GiB. So
# these two runs had flash attention, which the table does not say.
FLASH = {("3090", 6, "llama-3-70b", "fp16", 4096), ("3090", 6, "llama-3-70b", "fp16", 8192)}


def test_llama_2_and_3_run_in_llama_cpp_where_they_ran() -> None:
    """Every cell of a published table, 68 of them on several cards: XiongjieDai/
    GPU-Benchmarks-on-LLM-Inference (tests/golden/llamacpp_runs.md), without flash attention.

    Llama 3 70B in Q4_K_M on two cards of 24 GB at 8192 tokens is among them, as is 70B in 16 bits
    on two cards of 48 GB or one of 80 GB, which were out of memory.
    """
    with (GOLDEN / "llamacpp_runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found: Counter[bool] = Counter()
    wrong = set()
    for row in rows:
        machine = f"{row['cards']}x{row['card']}" if row["cards"] != "1" else row["card"]
        context = int(row["context"])
        said = verdict(
            row["model"], machine, engine="llama.cpp", quants=(row["ftype"],), context=context,
            attention="eager",
        )  # fmt: skip
        agrees = (said in YES) == (row["runs"] == "yes")
        found[agrees] += 1
        if not agrees:
            wrong.add((row["card"], int(row["cards"]), row["model"], row["ftype"], context))

    assert wrong == FLASH
    assert found[True] == 142


def test_runs_that_needed_flash_attention_hold_within_the_range() -> None:
    """The low end: contexts of 2024's drivers took less than the mean of today's."""
    for card, count, model, quant, context in FLASH:
        found = held(
            model, f"{count}x{card}", engine="llama.cpp", quants=(quant,), context=context,
            attention="flash",
        )  # fmt: skip
        assert found.fit is not None
        for one in found.fit.per_card:
            assert one.memory.total.low <= one.usable
