"""The language model inside a multimodal one.

A `text_config` holds only what differs from its class's defaults, so that the dimensions of the
classes must be known here. Its weights hang below another path than they would alone.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.model import Model, Tower
from fitcheck.architecture.tensor import Tensor

# Reads a configuration by its `model_type`, whatever family that is.
Language = Callable[[Config], Model]


def _dimensions(
    hidden_size: int, intermediate_size: int, layers: int, heads: int, vocab_size: int, **more: int
) -> Mapping[str, object]:
    return {
        "hidden_size": hidden_size,
        "intermediate_size": intermediate_size,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "vocab_size": vocab_size,
        **more,
    }


TEXT: Final = ("text_config", "llm_config", "language_config")

# What each class takes for what a nested configuration does not say: transformers 5.23.0,
# models/<model_type>/configuration_<model_type>.py. Read 2026-11-21.
DIMENSIONS: Final[dict[str, Mapping[str, object]]] = {
    "aria_text": _dimensions(4096, 4096, 32, 32, 32000, max_position_embeddings=2048),
    "cohere": _dimensions(8192, 22528, 40, 64, 256000, max_position_embeddings=8192),
    "cohere2": _dimensions(8192, 22528, 40, 64, 256000, max_position_embeddings=8192),
    "deepseek_v2": _dimensions(4096, 11008, 32, 32, 102400, max_position_embeddings=2048),
    "deepseek_v3": _dimensions(7168, 18432, 61, 128, 129280, max_position_embeddings=4096),
    "gemma": _dimensions(3072, 24576, 28, 16, 256000, max_position_embeddings=8192),
    "gemma2": _dimensions(2304, 9216, 26, 8, 256000, max_position_embeddings=8192),
    "gemma3_text": _dimensions(2304, 9216, 26, 8, 262208, max_position_embeddings=131072),
    "gemma3n_text": _dimensions(2048, 16384, 35, 8, 262400, max_position_embeddings=32768),
    "gemma4_text": _dimensions(2304, 9216, 30, 8, 262144, max_position_embeddings=131072),
    "glm4v_moe_text": _dimensions(4096, 10944, 46, 96, 151424, max_position_embeddings=65536),
    "glm4v_text": _dimensions(4096, 13696, 40, 32, 151552, max_position_embeddings=32768),
    "granite": _dimensions(4096, 11008, 32, 32, 32000, max_position_embeddings=2048),
    "lfm2": _dimensions(2560, 12288, 32, 32, 65536, max_position_embeddings=128000),
    "llama": _dimensions(4096, 11008, 32, 32, 32000, max_position_embeddings=2048),
    "llama4_text": _dimensions(5120, 8192, 48, 40, 202048, max_position_embeddings=131072),
    "minimax_m3_vl_text": _dimensions(
        6144,
        3072,
        60,
        64,
        200064,
        dense_intermediate_size=12288,
        max_position_embeddings=524288,
    ),
    "ministral3": _dimensions(4096, 14336, 34, 32, 131072, max_position_embeddings=262144),
    "mistral": _dimensions(4096, 14336, 32, 32, 32000, max_position_embeddings=131072),
    "mixtral": _dimensions(4096, 14336, 32, 32, 32000, max_position_embeddings=131072),
    "mllama_text_model": _dimensions(4096, 14336, 40, 32, 128256, max_position_embeddings=131072),
    "opt": _dimensions(768, 3072, 12, 12, 50272, ffn_dim=3072, max_position_embeddings=2048),
    "phi": _dimensions(2048, 8192, 24, 32, 51200, max_position_embeddings=2048),
    "phi3": _dimensions(3072, 8192, 32, 32, 32064, max_position_embeddings=4096),
    "qwen2": _dimensions(4096, 22016, 32, 32, 151936, max_position_embeddings=32768),
    "qwen2_5_omni_text": _dimensions(3584, 18944, 28, 28, 152064, max_position_embeddings=32768),
    "qwen2_5_vl_text": _dimensions(8192, 29568, 80, 64, 152064, max_position_embeddings=32768),
    "qwen2_moe": _dimensions(2048, 5632, 24, 16, 151936, max_position_embeddings=32768),
    "qwen2_vl_text": _dimensions(8192, 29568, 80, 64, 152064, max_position_embeddings=32768),
    "qwen3": _dimensions(4096, 22016, 32, 32, 151936, max_position_embeddings=32768),
    "qwen3_5_moe_text": _dimensions(2048, 512, 40, 16, 248320, max_position_embeddings=32768),
    "qwen3_5_text": _dimensions(4096, 12288, 32, 16, 248320, max_position_embeddings=32768),
    "qwen3_moe": _dimensions(2048, 6144, 24, 32, 151936, max_position_embeddings=32768),
    "qwen3_vl_moe_text": _dimensions(2048, 5632, 24, 16, 151936, max_position_embeddings=128000),
    "qwen3_vl_text": _dimensions(4096, 22016, 32, 32, 151936, max_position_embeddings=128000),
    "smollm3": _dimensions(2048, 11008, 36, 16, 128256, max_position_embeddings=32768),
    "step3p5": _dimensions(4096, 11264, 45, 64, 128815, max_position_embeddings=128000),
}


class Outer(msgspec.Struct, frozen=True, kw_only=True):
    """How a multimodal class holds its language model.

    `default` is the `model_type` where text_config names none, or whatever it names if the class is
    `fixed`. `tied` is what the class takes for `tie_word_embeddings` where it is not said outside;
    `text_may_tie` if text_config may say so too. What is below `model.` alone is below `inside`,
    the head below `head`. A head of the whole model (no `head`) has no bias; another is tied as
    text_config says.
    """

    default: str
    fixed: bool = False
    tied: bool = False
    text_may_tie: bool = False
    inside: str = "model.language_model."
    head: str = ""


def language_model(
    c: Config, language: Language, outer: Outer, text: Config | None = None
) -> Model:
    """What `text_config` describes, its weights below the whole model's paths."""
    given = text or c.section(*TEXT)
    if given is None:
        raise c.missing(*TEXT)
    inner = language(text_config(c, given, outer))
    return msgspec.structs.replace(
        inner,
        model_type=c.model_type,
        tensors=tuple(_moved(t, outer) for t in inner.tensors if _kept(t, outer)),
        layers_path=_path(inner.layers_path, outer),
    )


def joined(inner: Model, *towers: Tower, tensors: Iterable[Tensor] = ()) -> Model:
    """A language model with its towers, and what stands beside both."""
    return msgspec.structs.replace(
        inner, towers=(*inner.towers, *towers), tensors=(*inner.tensors, *tensors)
    )


def without(inner: Model, name: str) -> Model:
    """A language model whose tower config.json does not describe."""
    note = f"config.json has no {name}_config: the {name} tower is left out"
    return msgspec.structs.replace(inner, approximate=(*inner.approximate, note))


def text_config(c: Config, text: Config, outer: Outer) -> Config:
    """text_config over its class's defaults, tied or not as the whole model is."""
    model_type = outer.default if outer.fixed else text.model_type or outer.default
    tied = _tied(c, text, outer, model_type)
    said = {"dtype": c.dtype} if "dtype" in c or "torch_dtype" in c else {}
    found = text.over(**DIMENSIONS.get(model_type, {}))
    return found.having(model_type=model_type, tie_word_embeddings=tied, **said)


def _tied(c: Config, text: Config, outer: Outer, model_type: str) -> bool:
    if outer.head:
        own = outer.tied and model_type == outer.default
        return text.flag("tie_word_embeddings", default=own)
    said = c.flag("tie_word_embeddings", default=outer.tied)
    return said or (outer.text_may_tie and text.flag("tie_word_embeddings"))


def _kept(t: Tensor, outer: Outer) -> bool:
    return bool(outer.head) or t.role != "output.bias"


def _moved(t: Tensor, outer: Outer) -> Tensor:
    return msgspec.structs.replace(t, module=_path(t.module, outer))


def _path(module: str, outer: Outer) -> str:
    if module.startswith("model."):
        return outer.inside + module.removeprefix("model.")
    return outer.head + module
