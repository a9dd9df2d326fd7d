"""What vLLM is started with: its defaults, and what it does not take."""

from pathlib import Path

import pytest
from vllm_golden import asked, loaded

from fitcheck.architecture import from_config
from fitcheck.engines.base import Workload
from fitcheck.engines.vllm import VLLM, settings
from fitcheck.errors import BadInput, UnknownName
from fitcheck.machine import Card
from fitcheck.quantization import scheme
from fitcheck.units import GIB, MIB, Bytes


def card(name: str, mib: int, **more: float) -> Card:
    return Card(
        id=name,
        name=name,
        vendor="nvidia",
        total=Bytes(mib * MIB),
        compute_capability=more.get("cc"),
    )


@pytest.mark.parametrize(
    ("seen", "tokens", "sequences"),
    [
        (card("NVIDIA GeForce RTX 3090", 24576), 2048, 256),
        (card("NVIDIA A100-SXM4-80GB", 81153), 2048, 256),
        (card("NVIDIA H100 80GB HBM3", 81079), 8192, 1024),
        (card("NVIDIA GB10", 122500, cc=12.1), 2048, 256),
        (card("NVIDIA B200", 183359), 16384, 1024),
    ],
)
def test_batches_are_larger_on_large_cards(seen: Card, tokens: int, sequences: int) -> None:
    """vLLM 0.33.0, EngineArgs.get_batch_defaults for the API server: from 70 and 160 GiB."""
    workload = VLLM.on_card(asked(loaded("llama-2-7b"), 4096), seen)
    found = settings.defaults(workload.settings)

    assert (found.max_num_batched_tokens, found.max_num_seqs) == (tokens, sequences)


def test_a_share_of_0_92_is_taken() -> None:
    """vLLM 0.33.0, config/cache.py; 0.9 until 2026-04."""
    workload = asked(loaded("llama-2-7b"), 4096)

    assert workload.gpu_memory_utilization == 0.92
    assert VLLM.usable(card("card", 24576), workload) == int(0.92 * 24 * GIB)


def test_a_share_is_of_what_cuda_calls_the_total() -> None:
    """An H100 has 81559 MiB, of which the driver keeps 480."""
    seen = Card(
        id="h100", name="H100", vendor="nvidia", total=Bytes(81559 * MIB), reserved=Bytes(480 * MIB)
    )

    assert VLLM.usable(seen, asked(loaded("llama-2-7b"), 4096)) == int(0.92 * 81079 * MIB)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"max_num_seqs": "0"}, "max_num_seqs"),
        ({"max_num_seqs": "many"}, "max_num_seqs"),
        ({"max_num_batched_tokens": "-1"}, "max_num_batched_tokens"),
        ({"max_num_batched_tokens": "128", "max_num_seqs": "256"}, "less than max_num_seqs"),
        ({"enforce_eager": "perhaps"}, "neither true nor false"),
        ({"block_size": "20"}, "multiple of 16"),
        ({"kv_cache_memory_bytes": "lots"}, "no size"),
    ],
)
def test_values_that_vllm_would_refuse_are_refused(given: dict[str, str], why: str) -> None:
    """In one line that names the setting."""
    with pytest.raises(BadInput, match=why):
        loaded("llama-2-7b").settle(Workload(context=4096, prompt=4096, settings=given))


def test_settings_are_spelled_as_vllm_spells_them() -> None:
    """With hyphens or underscores; what is none gets the nearest."""
    held = loaded("llama-2-7b")
    held.settle(Workload(context=4096, prompt=4096, settings={"max-num-seqs": "8"}))

    with pytest.raises(UnknownName, match="max_num_seqs"):
        held.settle(Workload(context=4096, prompt=4096, settings={"max_num_seq": "8"}))


@pytest.mark.parametrize("word", ["eager", "sdpa"])
def test_attention_without_blocks_is_not_offered(word: str) -> None:
    """vLLM has only backends that read a cache in blocks."""
    with pytest.raises(BadInput, match=word):
        loaded("llama-2-7b").settle(Workload(context=4096, prompt=4096, attention=word))


def test_more_sequences_than_max_num_seqs_do_not_run_at_once() -> None:
    """Set by hand it is a limit; the default gives way to what is asked for."""
    held = loaded("llama-2-7b")
    limited = held.settle(
        Workload(context=512, prompt=512, batch=9, settings={"max_num_seqs": "8"})
    )
    many = held.settle(Workload(context=512, prompt=512, batch=300))

    with pytest.raises(BadInput, match="max_num_seqs 8"):
        held.memory(limited)
    assert held.memory(many).component("kv_cache") == 300 * 32 * 8388608


def test_the_checkpoint_may_ask_for_an_fp8_cache() -> None:
    """modelopt's kv_cache_quant_algo is heeded, `auto` or nothing said."""
    config = {
        "model_type": "llama", "hidden_size": 512, "intermediate_size": 1024,
        "num_hidden_layers": 2, "num_attention_heads": 8, "vocab_size": 1000,
        "quantization_config": {
            "quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_quant_algo": "FP8",
        },
    }  # fmt: skip
    held = VLLM.load(from_config(config), scheme("bf16"))

    assert held.settle(Workload(context=64, prompt=64)).kv_cache == "fp8"


def test_every_setting_is_documented_by_its_name() -> None:
    """The list that refusals print is the whole list."""
    text = Path(settings.__file__).read_text()

    assert all(f'"{name}"' in text for name in settings.Settings.__struct_fields__)
