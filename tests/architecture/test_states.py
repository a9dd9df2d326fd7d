"""What layers without a cache remember, against what llama.cpp allocates for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from fitcheck.architecture import from_config

GOLDEN = Path(__file__).parents[1] / "golden" / "params.jsonl"
CONFIGS: dict[str, dict[str, Any]] = {
    row["hf_id"]: row["config"] for row in map(json.loads, GOLDEN.read_text().splitlines())
}

# llama.cpp 0c1e57098, its own allocator: MiB of recurrent state for one sequence, in fp32, as it
# prints them. Measured 2026-11.
RECURRENT_MIB = {
    "LiquidAI/LFM2-1.2B": 0.16,
    "Qwen/Qwen3-Next-80B-A3B-Instruct": 75.38,
    "Qwen/Qwen3.5-35B-A3B": 62.81,
    "ai21labs/AI21-Jamba-Mini-1.6": 16.62,
    "ibm-granite/granite-4.0-h-tiny": 55.37,
    "mistralai/Mamba-Codestral-7B-v0.1": 263.5,
    "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": 47.62,
    "nvidia/Nemotron-H-8B-Base-8K": 98.81,
    "nvidia/Qwen3.6-27B-NVFP4": 149.62,
    "state-spaces/mamba-2.8b-hf": 23.75,
}


def state_values(config: dict[str, Any]) -> int:
    """Numbers that one sequence keeps in all layers, however long it gets."""
    layers = from_config(config).layers
    return sum(mixer.state_values() for layer in layers for mixer in layer.mixers)


@pytest.mark.parametrize(("hf_id", "mib"), RECURRENT_MIB.items(), ids=RECURRENT_MIB)
def test_state_is_what_llama_cpp_allocates(hf_id: str, mib: float) -> None:
    """State and convolution, in fp32, to the digits that it prints."""
    assert state_values(CONFIGS[hf_id]) * 4 / 2**20 == pytest.approx(mib, abs=0.006)


def test_falcon_h1_keeps_a_state_and_a_cache_in_every_layer() -> None:
    """Mamba 2 (24 heads of 64, each with 128 numbers) beside attention (2 KV heads of 64)."""
    layers = from_config(CONFIGS["tiiuae/Falcon-H1-0.5B-Instruct"]).layers
    attention, mamba = layers[0].mixers

    assert len(layers) == 36
    assert attention.cached_values(1) == 2 * 2 * 64
    assert mamba.state_values() == 24 * 64 * 128 + 3 * (24 * 64 + 2 * 128)


def test_minimax_keeps_one_matrix_a_head() -> None:
    """64 heads of 128 by 128 in 70 of 80 layers (MiniMax-01, arXiv 2501.08313, section 2)."""
    assert state_values(CONFIGS["MiniMaxAI/MiniMax-Text-01"]) == 70 * 64 * 128 * 128


def test_recurrent_gemma_keeps_one_number_a_channel() -> None:
    """18 of 26 layers, 2560 channels, and the last three inputs of a convolution of four."""
    config = {
        "model_type": "recurrent_gemma",
        "hidden_size": 2560,
        "num_hidden_layers": 26,
        "num_attention_heads": 10,
        "num_key_value_heads": 1,
        "intermediate_size": 15360,
        "vocab_size": 256000,
    }

    assert state_values(config) == 18 * 2560 * (1 + 3)


@pytest.mark.parametrize(
    ("model_type", "hidden_size", "layers", "published"),
    [
        ("rwkv5", 2048, 24, 1_577_754_624),
        ("rwkv6", 2048, 24, 1_599_873_024),
        ("rwkv7", 768, 12, 191_034_624),
        ("rwkv7", 2048, 24, 1_527_404_544),
        ("rwkv7", 2560, 32, 2_947_735_040),
    ],
)
def test_rwkv_has_the_papers_parameters_and_state(
    model_type: str, hidden_size: int, layers: int, published: int
) -> None:
    """Eagle and Finch (arXiv 2404.05892), Goose (arXiv 2503.14456); a matrix of 64 a head."""
    config = {
        "model_type": model_type,
        "hidden_size": hidden_size,
        "num_hidden_layers": layers,
        "vocab_size": 65536,
    }

    assert from_config(config).parameters == published
    assert state_values(config) == layers * hidden_size * (64 + 2)
