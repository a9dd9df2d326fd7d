"""Towers beside a language model: how large, how many tokens, and what a file leaves out."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fitcheck.architecture import from_config

GOLDEN = Path(__file__).parents[1] / "golden" / "params.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
CONFIGS = {row["hf_id"]: row["config"] for row in ROWS}
# Names of the golden split, and the towers that they count.
PARTS = {
    "vision_tower": ("vision",),
    "audio_tower": ("audio",),
    "projector_qformer": ("projector", "qformer"),
}
SEEING = [row for row in ROWS if PARTS.keys() & row.get("split", {}).keys()]


@pytest.mark.parametrize("row", SEEING, ids=lambda row: row["hf_id"])
def test_each_tower_is_as_large_as_its_modules(row: dict[str, Any]) -> None:
    """Counted by the modules' paths in the class."""
    sizes: Counter[str] = Counter()
    for tower in from_config(row["config"]).towers:
        sizes[tower.name] += tower.parameters
    found = {part: sum(sizes[name] for name in names) for part, names in PARTS.items()}

    assert found == {part: row["split"].get(part, 0) for part in PARTS}


def test_parts_of_minigpt4_are_those_of_blip_2() -> None:
    """EVA ViT-g with its norm, and a Q-Former of 32 queries (its README, BLIP-2's hub total)."""
    towers = from_config(CONFIGS["Vision-CAIR/MiniGPT-4-vicuna-7b"]).towers

    assert [(t.name, t.parameters, t.output_tokens) for t in towers] == [
        ("vision", 985_894_528 + 2_816, None),
        ("qformer", 105_162_240, 32),
        ("projector", 768 * 4096 + 4096, 32),
    ]


@pytest.mark.parametrize(
    ("hf_id", "tokens"),
    [
        ("llava-hf/llava-1.5-7b-hf", 576),
        ("google/gemma-3-4b-it", 256),
        ("Salesforce/blip2-opt-2.7b", 32),
        ("meta-llama/Llama-3.2-11B-Vision-Instruct", 6404),
        ("Qwen/Qwen2.5-VL-7B-Instruct", None),
    ],
)
def test_a_picture_becomes_as_many_tokens_as_its_model_says(hf_id: str, tokens: int | None) -> None:
    """By the models' papers and cards; None where it depends on the picture."""
    assert from_config(CONFIGS[hf_id]).towers[-1].output_tokens == tokens


@pytest.mark.parametrize(
    ("model_type", "config", "hub_total"),
    [
        (
            "phi3_v",
            {"num_attention_heads": 32, "vocab_size": 32064, "num_key_value_heads": 32},
            4_146_621_440,
        ),
        (
            "phi4mm",
            {
                "num_attention_heads": 24,
                "num_key_value_heads": 8,
                "vocab_size": 200064,
                "vision_lora": {"r": 256},
                "speech_lora": {"r": 320},
            },
            5_574_460_384 - 160,
        ),
    ],
)
def test_phis_with_towers_have_the_hubs_total(
    model_type: str, config: dict[str, Any], hub_total: int
) -> None:
    """Safetensors metadata of Phi-3.5-vision-instruct and Phi-4-multimodal-instruct."""
    size = {"hidden_size": 3072, "num_hidden_layers": 32, "intermediate_size": 8192}

    assert from_config({"model_type": model_type, **size, **config}).parameters == hub_total


@pytest.mark.parametrize(
    ("model_type", "config", "hub_total"),
    [
        (
            "molmo",
            {
                "intermediate_size": 37888,
                "vocab_size": 152064,
                "embedding_size": 152064,
                "qkv_bias": True,
            },
            8_021_025_280,
        ),
        (
            "minicpmv",
            {"intermediate_size": 18944, "vocab_size": 151666, "version": 2.6},
            8_099_175_152,
        ),
    ],
)
def test_towers_by_the_hubs_own_code_have_the_hubs_total(
    model_type: str, config: dict[str, Any], hub_total: int
) -> None:
    """Safetensors metadata of Molmo-7B-D-0924 and MiniCPM-V-2_6."""
    size = {
        "hidden_size": 3584,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    }

    assert from_config({"model_type": model_type, **size, **config}).parameters == hub_total


def test_gemma_3n_with_towers_has_the_hubs_total() -> None:
    """7,849,978,192 weights, of which 31,461,120 are keys and values that no layer uses."""
    config = CONFIGS["google/gemma-3n-E4B-it"] | {"vision_config": {}, "audio_config": {}}
    model = from_config(config)

    assert model.parameters == 7_849_978_192 - 31_461_120
    assert model.approximate[0].startswith("the vision tower mobilenetv5_300m_enc is counted")


def test_what_a_file_leaves_out_is_said() -> None:
    """Llama 4's files are often passed on without vision_config; both sizes have the same tower."""
    (note,) = from_config(CONFIGS["meta-llama/Llama-4-Scout-17B-16E-Instruct"]).approximate

    assert note.startswith("config.json has no vision_config")


def test_weights_of_a_language_model_lie_below_the_whole_models_paths() -> None:
    """So that a quantized checkpoint's ignore list finds them."""
    model = from_config(CONFIGS["google/gemma-3-4b-it"])

    assert model.layers_path == "model.language_model.layers"
    assert model.tensors[0].module == "model.language_model.embed_tokens"
