"""From config.json's words to a model with every weight tensor in it."""

from collections.abc import Mapping

from fitcheck.architecture.config import Config
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
from fitcheck.architecture.rope import RopeScaling
from fitcheck.architecture.tensor import Kind, Tensor

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

    Where `model_type` is not known, `architectures` may name a class that is; else the dimensions
    are read as a Llama-like decoder's, and `approximate` says so. Raises BadInput where a key is
    missing or no number that a model could have.
    """
    # Sixty families are not imported by who asks about a model that is already worked out.
    from fitcheck.architecture.reading import read

    return read(values, name)
