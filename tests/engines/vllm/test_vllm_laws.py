"""What holds for every model, whatever its size."""

from itertools import pairwise

import msgspec
import pytest
from vllm_golden import asked, counted, loaded, short, wrong_formulas

from fitcheck.engines.base import Workload
from fitcheck.errors import BadInput
from fitcheck.units import Bytes

NAMES = (
    "llama-2-7b", "gemma-2-9b", "deepseek-v3", "gpt-oss-20b", "jamba-v0.1", "mamba-2.8b",
    "Qwen/Qwen3-Next-80B-A3B-Instruct", "deepseek-ai/DeepSeek-V4-Flash", "google/gemma-3-27b-it",
    "meta-llama/Llama-4-Scout-17B-16E-Instruct", "openai/whisper-large-v3", "phi-3-mini-4k",
)  # fmt: skip
KNOWN = [name for name in NAMES if name in short() or name in counted()]
WORKLOADS = (
    Workload(context=1, prompt=1),
    Workload(context=777, prompt=777, batch=3),
    Workload(context=9000, prompt=500, batch=600),
    Workload(context=4096, prompt=4096, settings={"enforce_eager": "true", "max_num_seqs": "16"}),
    Workload(context=4096, prompt=4096, settings={"kv_cache_memory_bytes": "64GiB"}),
)


@pytest.mark.parametrize("name", KNOWN)
def test_every_formula_comes_to_its_size(name: str) -> None:
    """On one card and over two, of the whole and of each share."""
    held = loaded(name)
    found = [held.memory(held.settle(w), cards) for w in WORKLOADS for cards in (1, 2)]
    found += held.shares(held.settle(WORKLOADS[0]), (Bytes(80 << 30),) * 2)

    assert [wrong_formulas(m) for m in found] == [[]] * len(found)


@pytest.mark.parametrize("packing", ["fp8", "awq-int4", "gptq-int4", "ct-int-quantized-w8a8"])
@pytest.mark.parametrize("name", ["llama-2-7b", "qwen3-30b-a3b"])
def test_formulas_of_packed_weights_come_to_their_size(name: str, packing: str) -> None:
    """Scales and zeros among them."""
    held = loaded(name, packing)

    assert wrong_formulas(held.memory(asked(held, 4096), 2)) == []


@pytest.mark.parametrize("name", KNOWN)
def test_more_context_and_more_sequences_never_need_less(name: str) -> None:
    """Over doublings, in what is expected and at both ends of the range."""
    held = loaded(name)
    base = held.settle(Workload(context=64, prompt=64))
    for field in ("context", "batch"):
        sizes = [
            msgspec.structs.astuple(
                held.memory(msgspec.structs.replace(base, **{field: 1 << n})).total
            )
            for n in range(4, 18)
        ]

        assert all(a <= b for x, y in pairwise(sizes) for a, b in zip(x, y, strict=True))


@pytest.mark.parametrize("name", KNOWN)
def test_the_range_holds_what_is_expected(name: str) -> None:
    """And the terms come to it."""
    held = loaded(name)
    for workload in WORKLOADS:
        memory = held.memory(held.settle(workload))

        assert memory.total.low <= memory.total.expected <= memory.total.high
        assert memory.total.expected == sum(t.size for t in memory.terms)


@pytest.mark.parametrize("name", KNOWN)
def test_shares_are_equal_and_add_up(name: str) -> None:
    """Tensor parallelism: each of two cards holds half of all that they hold together."""
    held = loaded(name)
    workload = asked(held, 2048)
    one, other = held.shares(workload, (Bytes(1 << 40),) * 2)
    whole = held.memory(workload, 2)

    assert one.terms == other.terms
    assert held.totals(workload, (Bytes(1 << 40),) * 2) == (one.total, other.total)
    assert 2 * sum(t.size for t in one.terms) == whole.total.expected


@pytest.mark.parametrize("name", ["llama-2-7b", "deepseek-v3"])
def test_a_second_card_never_makes_a_share_larger(name: str) -> None:
    """Weights and heads divide; what is copied stays."""
    held = loaded(name)
    sizes = [
        held.shares(asked(held, 4096), (Bytes(1 << 40),) * n)[0].total.expected
        for n in (1, 2, 4, 8)
    ]

    assert sizes == sorted(sizes, reverse=True)


def test_eager_mode_takes_no_graphs() -> None:
    """--enforce-eager."""
    held = loaded("llama-2-7b")
    names = [
        {t.name for t in held.memory(asked(held, 4096, **s)).terms}
        for s in ({}, {"enforce_eager": "1"})
    ]

    assert names[0] - names[1] == {"CUDA graphs"}


def test_every_published_model_that_vllm_runs_has_an_answer() -> None:
    """No model of the table ends in anything but figures or one line of refusal."""
    refused = set()
    for name in counted():
        try:
            held = loaded(name)
            held.memory(asked(held, 1024))
        except BadInput as error:
            refused.add(str(error).split(" models")[0].rpartition(" ")[2])

    assert refused <= {
        "baichuan", "codegen", "glm-130b", "gpt3", "gpt_neo", "internlm", "minigpt4", "minimax_m1",
        "minimax_text_01", "mllama", "moss", "mpt", "openai-gpt", "qwen", "recurrent_gemma",
        "rwkv5", "yuan",
    }  # fmt: skip
