"""Qwen2-VL to Qwen3.5 with their vision towers, GLM-4V, and Kimi K2.5.

A picture becomes as many tokens as its size asks for.
"""

from collections.abc import Callable, Iterable

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import glm, parts, qwen
from fitcheck.architecture.families.language import (
    Language,
    Outer,
    joined,
    language_model,
    without,
)
from fitcheck.architecture.families.towers import qwen as towers
from fitcheck.architecture.families.towers.projector import projector, two_matrices
from fitcheck.architecture.model import Model, Tower
from fitcheck.architecture.tensor import Tensor

Encoder = Callable[[Config, str], Iterable[Tensor]]


def qwen2_vl(c: Config, language: Language) -> Model:
    """Qwen2-VL; the hub's files have the language model's keys at the top."""
    outer = Outer(default="qwen2_vl_text", fixed=True, text_may_tie=True)
    return _with_vision(c, language, outer, towers.qwen2_vl, flat=True)


def qwen2_5_vl(c: Config, language: Language) -> Model:
    """Qwen2.5-VL."""
    outer = Outer(default="qwen2_5_vl_text", fixed=True, text_may_tie=True)
    return _with_vision(c, language, outer, towers.qwen2_5_vl, flat=True)


def qwen3_vl(c: Config, language: Language) -> Model:
    """Qwen3-VL, dense."""
    return _with_vision(c, language, Outer(default="qwen3_vl_text", fixed=True), towers.qwen3_vl)


def qwen3_vl_moe(c: Config, language: Language) -> Model:
    """Qwen3-VL with experts."""
    return _with_vision(
        c, language, Outer(default="qwen3_vl_moe_text", fixed=True), towers.qwen3_vl
    )


def qwen3_5(c: Config, language: Language) -> Model:
    """Qwen3.5, dense."""
    return _with_vision(c, language, Outer(default="qwen3_5_text", fixed=True), towers.qwen3_5)


def qwen3_5_moe(c: Config, language: Language) -> Model:
    """Qwen3.5 with experts."""
    return _with_vision(c, language, Outer(default="qwen3_5_moe_text", fixed=True), towers.qwen3_5)


def glm4v(c: Config, language: Language) -> Model:
    """GLM-4.1V."""
    outer = Outer(default="glm4v_text", fixed=True, text_may_tie=True)
    return _with_vision(c, language, outer, towers.glm4v, flat=True)


def glm46v(c: Config, language: Language) -> Model:
    """GLM-4.6V Flash."""
    return _with_vision(c, language, Outer(default="glm4v_text"), towers.glm4v)


def glm4v_moe(c: Config, language: Language) -> Model:
    """GLM-4.5V and 4.6V."""
    outer = Outer(default="glm4v_moe_text", fixed=True, text_may_tie=True)
    return _with_vision(c, language, outer, towers.glm4v, flat=True)


def qwen2_text(c: Config) -> Model:
    """The language model of Qwen2-VL and 2.5-VL: Qwen 2 with other defaults."""
    return qwen.qwen2(c.over(num_key_value_heads=8, max_window_layers=80))


def qwen3_moe_text(c: Config) -> Model:
    """The language model of Qwen3-VL with experts: Qwen 3 MoE with other defaults."""
    c = c.over(num_key_value_heads=16, num_experts=60, num_experts_per_tok=4)
    return qwen.qwen3_moe(c.over(moe_intermediate_size=1408))


def glm4v_text(c: Config) -> Model:
    """The language model of GLM-4.1V: GLM-4 0414 with heads as wide as they come out."""
    return glm.glm4(c.having(head_dim=None))


def glm4v_moe_text(c: Config) -> Model:
    """The language model of GLM-4.5V: GLM-4.5 Air without a layer to predict ahead."""
    return glm.glm4_moe(c.over(attention_bias=True, num_nextn_predict_layers=0))


def _with_vision(
    c: Config, language: Language, outer: Outer, read: Encoder, *, flat: bool = False
) -> Model:
    text = c if flat and "text_config" not in c and "hidden_size" in c else None
    inner = language_model(c, language, outer, text)
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    return joined(inner, Tower(name="vision", tensors=tuple(read(v, "model.visual."))))


def kimi_k25(c: Config, language: Language) -> Model:
    """Kimi K2.5 and 2.6: Kimi K2 with a tower; four patches merge in the projector."""
    inner = language_model(c, language, Outer(default="deepseek_v3", tied=True))
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    tower = Tower(name="vision", tensors=tuple(towers.kimi_k25(v, "model.vision_tower.")))
    at = "model.mm_projector."
    width = c.whole("projection_hidden_size", default=v.whole("mm_hidden_size", default=1152))
    merged = v.whole("hidden_size", "vt_hidden_size", default=1152) * _kernel(v)
    tensors = (
        *parts.norm("mm.input_norm", width, f"{at}pre_norm", True),
        *two_matrices(merged, merged, inner.hidden_size, at, names=("in_proj", "out_proj")),
    )
    return joined(inner, tower, projector(tensors))


def _kernel(v: Config) -> int:
    """Patches merged into one token: `merge_kernel_size` has a number for either side."""
    rows, columns = v.pair("merge_kernel_size", (2, 2))
    return rows * columns
