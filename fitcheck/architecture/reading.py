"""config.json's words to a model: which family reads them, and what is beside its dimensions."""

from collections.abc import Mapping
from typing import Final

import msgspec

from fitcheck.architecture.config import Config, short
from fitcheck.architecture.families import FAMILIES, Family, parts, unknown
from fitcheck.architecture.model import Model
from fitcheck.architecture.rope import rope_scaling, rotated_share
from fitcheck.errors import BadInput, printable

# What a class name ends with, the longest first.
_ENDINGS: Final = (
    "ForConditionalGeneration",
    "ForImageTextToText",
    "ForCausalLM",
    "ForMaskedLM",
    "LMHeadModel",
    "Model",
)
# More numbers than any model has; what is beyond is a broken or a hostile file.
_MOST_PARAMETERS: Final = 10**16


def read(values: Mapping[str, object], name: str) -> Model:
    """See `architecture.from_config`. Raises BadInput."""
    if not isinstance(values, Mapping):
        raise BadInput(f"{name}: is no mapping of names to values")
    config = Config(values, name)
    model = _read(config)
    if model.parameters > _MOST_PARAMETERS:
        raise BadInput(f"{name}: describes {model.parameters:.1e} parameters, which no model has")
    return msgspec.structs.replace(
        model,
        quantization_config=_quantization(config),
        rope_scaling=rope_scaling(values),
        partial_rotary_factor=rotated_share(values),
        scales_embeddings=bool(values.get("embedding_multiplier")),
    )


def _quantization(config: Config) -> dict[str, object] | None:
    """quantization_config, of the file or of its text model alone.

    DeepSeek V4 says `expert_dtype` beside it; here it stands inside, as transformers moves it.
    """
    for where in (config, config.section("text_config")):
        quantized = None if where is None else where.section("quantization_config")
        if where is not None and quantized is not None:
            beside = {k: where.values[k] for k in ("expert_dtype",) if k in where.values}
            return beside | dict(quantized.values)
    return None


def _read(config: Config) -> Model:
    family = FAMILIES.get(config.model_type)
    named = _named_by_class(config)
    text = unknown.text_part(config)
    whole = any(key in config for key in parts.HIDDEN)
    if text is None or whole:
        return (family or named or unknown.guess)(config)
    return _with_text_part(config, text, family, named)


def _with_text_part(
    config: Config, text: Config, family: Family | None, named: Family | None
) -> Model:
    """The model of a file whose dimensions lie in a nested configuration."""
    for found in (family, named):
        if found is not None and found is not FAMILIES.get(text.model_type):
            return found(config)
    inner = FAMILIES.get(text.model_type, unknown.guess)
    model = inner(text)
    kind = printable(short(config.model_type))
    why = f"model_type {kind} is not known: only its {text.path[:-1]} is counted"
    return msgspec.structs.replace(model, approximate=(*model.approximate, why))


def _named_by_class(config: Config) -> Family | None:
    """The family that `architectures` names, as DeepseekV4ForCausalLM does deepseek_v4."""
    named = config.values.get("architectures")
    first = named[0] if isinstance(named, list) and named else None
    if not isinstance(first, str):
        return None
    ending = next((e for e in _ENDINGS if first.endswith(e)), "")
    return _BY_CLASS.get(first.removesuffix(ending).lower())


_BY_CLASS: Final = {k.replace("_", "").replace("-", ""): f for k, f in FAMILIES.items()}
