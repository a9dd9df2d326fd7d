"""What a workload may ask of transformers, and what it gets where it asks nothing."""

from collections.abc import Mapping
from typing import Final

import msgspec

from fitcheck.architecture import Attention as Attends
from fitcheck.architecture import LatentAttention, Model
from fitcheck.engines.base import Workload
from fitcheck.engines.transformers.activations.step import Attention
from fitcheck.engines.transformers.activations.style import style
from fitcheck.engines.transformers.eras import NOW, Era, era
from fitcheck.errors import BadInput

_YES: Final = frozenset({"1", "yes", "true", "on"})
_NO: Final = frozenset({"0", "no", "false", "off"})
_SIXTEEN: Final = frozenset({"fp16", "bf16", "float16", "bfloat16", "auto"})


class Settings(msgspec.Struct, frozen=True):
    """A workload's settings beyond its size.

    `era`: what the version of transformers does otherwise; `padded`: prompts of one batch differ in
    length; `kernels`: whether those for recurrent layers (mamba-ssm, causal-conv1d,
    flash-linear-attention) are installed, None if that is not known.
    """

    attention: Attention
    padded: bool = False
    kernels: bool | None = None
    era: Era = NOW


def settle(model: Model, workload: Workload, *, fp32: bool) -> Workload:
    """The workload with the library's defaults. Raises BadInput on what it cannot do."""
    own = "fp32" if fp32 else "fp16"
    _refuse_cache(workload.kv_cache, own)
    return msgspec.structs.replace(
        workload, kv_cache=own, attention=_attention(model, workload.attention)
    )


def read(workload: Workload) -> Settings:
    """The settings of a settled workload. Raises BadInput on a value that means nothing."""
    given = workload.settings
    return Settings(
        attention=_known(workload.attention or "sdpa"),
        padded=_flag(given, "padded") or False,
        kernels=_flag(given, "kernels"),
        era=era(_version(given["transformers"])) if "transformers" in given else NOW,
    )


def accepts(workload: Workload) -> None:
    """Raises BadInput on a value that means nothing, whatever the model."""
    if workload.kv_cache != "fp32":
        _refuse_cache(workload.kv_cache, "fp16")
    if workload.attention not in (None, "auto"):
        _known(workload.attention)
    read(msgspec.structs.replace(workload, attention=None))


def _refuse_cache(asked: str | None, own: str) -> None:
    cache = (asked or "auto").lower()
    if cache not in _SIXTEEN and cache != own:
        raise BadInput(
            f"transformers keeps keys and values in the model's own type, {own}, not in {cache};"
            " its quantized caches (quanto, hqq) are not counted here"
        )


def _attention(model: Model, asked: str | None) -> Attention:
    """What from_pretrained takes: sdpa where the class has it, else eager."""
    habits = style(model.model_type)
    attends = any(
        isinstance(m, Attends | LatentAttention) for this, _ in model.kinds for m in this.mixers
    )
    if asked in (None, "auto"):
        return "sdpa" if habits.sdpa and attends else "eager"
    implementation = _known(asked)
    if attends and not (implementation == "eager" or getattr(habits, implementation)):
        raise BadInput(f"transformers' {model.model_type} has no {implementation} attention")
    return implementation


def _known(name: str | None) -> Attention:
    match name:
        case "eager" | "sdpa" | "flash":
            return name
        case "flash_attention_2" | "flash2" | "fa2":
            return "flash"
        case _:
            raise BadInput(f"attention is auto, flash, sdpa or eager, not {name}")


def _flag(given: Mapping[str, str], name: str) -> bool | None:
    word = given.get(name, "").lower()
    if not word or word in _YES or word in _NO:
        return word in _YES if word else None
    raise BadInput(f"{name} is yes or no, not {word}")


def _version(text: str) -> tuple[int, int]:
    parts = text.split(".")
    if not all(part.isdigit() for part in parts[:2]):
        raise BadInput(f"a version of transformers looks like 4.38, not {text}")
    return int(parts[0]), int(parts[1]) if len(parts) > 1 else 0
