"""config.json on disk: the model that it describes."""

from collections.abc import Mapping
from typing import Final

from fitcheck.architecture import Model, from_config
from fitcheck.errors import BadInput

# What other programs keep in a config.json, by a key that gives them away.
_STRANGERS: Final = {
    "_diffusers_version": "is a part of a diffusion pipeline; fitcheck knows language models",
    "peft_type": "is an adapter's; ask about its base model",
}


def model(values: Mapping[str, object], name: str) -> Model:
    """The model in a config.json's values. Raises BadInput where it describes none."""
    for key, what in _STRANGERS.items():
        if key in values:
            raise BadInput(f"{name}: {what}")
    return from_config(values, name)


def bits(quantization: Mapping[str, object] | None) -> int | None:
    """Bits of a weight, as a quantization_config says in one of its ways; None if it does not."""
    if quantization is None:
        return None
    groups = quantization.get("config_groups")
    first = next(iter(groups.values()), None) if isinstance(groups, Mapping) else None
    weights = first.get("weights") if isinstance(first, Mapping) else None
    said = weights.get("num_bits") if isinstance(weights, Mapping) else quantization.get("bits")
    return said if isinstance(said, int) and 0 < said <= 16 else None
