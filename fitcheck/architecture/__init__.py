"""From config.json's words to a model with every weight tensor in it."""

from collections.abc import Mapping

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import FAMILIES
from fitcheck.architecture.feed_forward import DenseMLP, Experts, FeedForward
from fitcheck.architecture.mixers import (
    Attention,
    CompressedAttention,
    CrossAttention,
    GatedDeltaNet,
    LatentAttention,
    LinearAttention,
    Mamba,
    Mamba2,
    Mixer,
    RecurrentBlock,
    ShortConv,
)
from fitcheck.architecture.model import Layer, Model, Tower
from fitcheck.architecture.rope import RopeScaling, rope_scaling
from fitcheck.architecture.tensor import Kind, Tensor
from fitcheck.errors import BadInput

__all__ = [
    "Attention",
    "CompressedAttention",
    "Config",
    "CrossAttention",
    "DenseMLP",
    "Experts",
    "FeedForward",
    "GatedDeltaNet",
    "Kind",
    "LatentAttention",
    "Layer",
    "LinearAttention",
    "Mamba",
    "Mamba2",
    "Mixer",
    "Model",
    "RecurrentBlock",
    "RopeScaling",
    "ShortConv",
    "Tensor",
    "Tower",
    "from_config",
]


def from_config(values: Mapping[str, object], name: str = "config.json") -> Model:
    """The model that a config.json describes; `name` stands in front of complaints.

    Raises BadInput where a key is missing or no number that a model could have.
    """
    config = Config(values, name)
    family = FAMILIES.get(config.model_type)
    if family is None:
        raise BadInput(f"{name}: model_type '{config.model_type}' is not known")
    quantized = config.section("quantization_config")
    return msgspec.structs.replace(
        family(config),
        quantization_config=None if quantized is None else dict(quantized.values),
        rope_scaling=rope_scaling(values),
    )
