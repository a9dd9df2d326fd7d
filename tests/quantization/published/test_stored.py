"""Published checkpoints, summed from the shapes of a model's tensors."""

import json
from collections.abc import Iterator
from math import prod
from pathlib import Path

import pytest

from fitcheck.architecture import Model, Tensor, from_config
from fitcheck.quantization.layout import BlockScaled
from fitcheck.quantization.published import layer_module, published, stored

GOLDEN = Path(__file__).parents[2] / "golden"
CHECKPOINTS = [json.loads(x) for x in (GOLDEN / "published.jsonl").read_text().splitlines()]


def tensors(model: Model) -> Iterator[tuple[str, Tensor]]:
    for i, layer in enumerate([*model.layers, *model.mtp_layers]):
        yield from ((layer_module(i, t.module), t) for t in layer.tensors)
    yield from ((t.module, t) for t in model.tensors)


@pytest.mark.parametrize(
    "checkpoint", [c for c in CHECKPOINTS if "bytes" in c], ids=lambda c: c["model"]
)
def test_bytes_are_those_of_the_index(checkpoint: dict[str, object]) -> None:
    """From dimensions and quantization_config alone, to the byte."""
    config = checkpoint["config"]
    assert isinstance(config, dict)
    held = stored(published(config["quantization_config"]), tensors(from_config(config)))

    assert held is not None
    assert held.total == checkpoint["bytes"]


@pytest.mark.parametrize(
    "checkpoint", [c for c in CHECKPOINTS if "stored" in c], ids=lambda c: c["model"]
)
def test_headers_and_types_of_norms_are_all_that_is_missing(
    checkpoint: dict[str, object],
) -> None:
    """Two in a hundred thousand: DeepSeek V3's 92 thousand tensors have headers of 12 MB."""
    config = checkpoint["config"]
    assert isinstance(config, dict)
    model = from_config(config)
    assert model.quantization_config is not None
    held = stored(published(model.quantization_config), tensors(model))

    assert held is not None
    assert held.total == pytest.approx(checkpoint["stored"], rel=2e-5)


@pytest.mark.parametrize(
    "checkpoint", [c for c in CHECKPOINTS if "elements" in c], ids=lambda c: c["model"]
)
def test_weights_and_block_scales_are_as_many_as_the_hub_counts(
    checkpoint: dict[str, object],
) -> None:
    """One scale for each tile of 128 x 128, full or not; head, routers and norms have none."""
    config = checkpoint["config"]
    assert isinstance(config, dict)
    found = published(config["quantization_config"])
    counted = 0
    for name, tensor in tensors(from_config(config)):
        counted += tensor.numel
        if (scheme := found.packs(name, tensor)) is not None:
            assert isinstance(scheme.layout, BlockScaled)
            rows, columns = tensor.shape[-2:]
            counted += prod(tensor.shape[:-2]) * (-(-rows // 128)) * (-(-columns // 128))

    assert counted == checkpoint["elements"]


def test_a_method_that_is_not_known_has_no_size() -> None:
    """No guess: AQLM's codebooks are not here."""
    weight = Tensor("attn_q", (4096, 4096), "linear", "self_attn.q_proj")

    assert (
        stored(published({"quant_method": "aqlm"}), [("layers.0.self_attn.q_proj", weight)]) is None
    )


def test_kept_tensors_take_the_type_that_they_say() -> None:
    """A router's correction stays in fp32 in an FP8 checkpoint."""
    found = published({"quant_method": "fp8", "weight_block_size": [128, 128]})
    bias = Tensor("exp_probs_b", (256,), "bias", "mlp.gate", dtype="float32")
    held = stored(found, [("layers.3.mlp.gate", bias)])

    assert held is not None
    assert held.kept == 1024
