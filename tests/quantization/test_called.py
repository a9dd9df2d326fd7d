"""What people call the schemes of published checkpoints."""

import pytest

from fitcheck.quantization import SCHEMES, Scheme
from fitcheck.quantization.published import published

INT4: dict[str, object] = {
    "num_bits": 4,
    "type": "int",
    "strategy": "group",
    "group_size": 128,
    "symmetric": True,
}
FP8: dict[str, object] = {"num_bits": 8, "type": "float", "strategy": "channel"}
INT8: dict[str, object] = {"num_bits": 8, "type": "int", "strategy": "channel"}
NVFP4: dict[str, object] = {
    "num_bits": 4,
    "type": "float",
    "strategy": "tensor_group",
    "group_size": 16,
}
ACTIVATIONS: dict[str, object] = {"num_bits": 8, "dynamic": True}


def compressed(
    weights: dict[str, object], form: str, activations: dict[str, object] | None = None
) -> dict[str, object]:
    group = {"targets": ["Linear"], "weights": weights, "input_activations": activations}
    return {
        "quant_method": "compressed-tensors",
        "format": form,
        "config_groups": {"group_0": group},
        "ignore": ["lm_head"],
    }


PUBLISHED: list[tuple[dict[str, object], str]] = [
    # deepseek-ai/DeepSeek-V3, Qwen/Qwen3-8B-FP8: quantization_config.
    ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
    ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "gptq-int4"),
    ({"quant_method": "gptq", "bits": 4, "group_size": 32}, "gptq-int4"),
    ({"quant_method": "awq", "bits": 4, "group_size": 64}, "awq-int4"),
    ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4"),
    ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8"),
    ({"quant_method": "mxfp4"}, "mxfp4"),
    # RedHatAI's -quantized.w4a16, -FP8-dynamic, -quantized.w8a8, -NVFP4.
    (compressed(INT4, "pack-quantized"), "w4a16"),
    (compressed(FP8, "float-quantized", ACTIVATIONS), "fp8"),
    (compressed(INT8, "int-quantized", ACTIVATIONS), "w8a8"),
    (compressed(NVFP4, "nvfp4-pack-quantized"), "nvfp4"),
]


def scheme(section: dict[str, object]) -> Scheme:
    (found,) = published(section).schemes
    return found


@pytest.mark.parametrize(("section", "word"), PUBLISHED, ids=[word for _, word in PUBLISHED])
def test_a_checkpoint_is_called_what_its_repository_is(
    section: dict[str, object], word: str
) -> None:
    """The last part of the repository's name, not the layout spelled out."""
    assert scheme(section).word == word
    assert scheme(section).is_called(word)


def test_the_exact_layout_keeps_its_name() -> None:
    """A group of 32 is not one of 128, whatever both are called."""
    one, other = (scheme({"quant_method": "gptq", "bits": 4, "group_size": g}) for g in (32, 128))

    assert one.word == other.word
    assert one.name != other.name


def test_what_can_be_asked_for_by_name_goes_by_that_name() -> None:
    """Common names are for checkpoints alone; a scheme that was typed is told as it was typed."""
    assert all(s.word == s.name for s in SCHEMES.values())
