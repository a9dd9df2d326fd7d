"""Qwen2.5-Omni: a thinker that sees and hears, a talker, and what makes waves of its codes."""

from collections.abc import Iterable
from typing import Final

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts, qwen
from fitcheck.architecture.families.language import Language, Outer, joined, language_model
from fitcheck.architecture.families.sound import large_encoder
from fitcheck.architecture.families.towers.qwen import qwen2_5_omni
from fitcheck.architecture.model import Model, Tower
from fitcheck.architecture.tensor import Tensor

# Weights of the diffusion model and the vocoder with their classes' own dimensions, transformers
# 5.23.0, models/qwen2_5_omni: Qwen2_5OmniToken2WavModel, counted on the meta device 2026-11-21.
TOKEN2WAV: Final = 449_051_264
NOTE: Final = "what makes waves of the talker's codes is counted with its class's own dimensions"


def omni_text(c: Config) -> Model:
    """The thinker's language model: Qwen 2 with other defaults."""
    return qwen.qwen2(c.over(num_key_value_heads=4))


def thinker(c: Config, language: Language, at: str = "") -> Model:
    """The part that reads, sees, hears and writes text.

    Source: transformers 5.23.0, models/qwen2_5_omni/modeling_qwen2_5_omni.py.
    """
    inner = language_model(c, language, Outer(default="qwen2_5_omni_text", fixed=True))
    v, a = c.section("vision_config") or Config({}), c.section("audio_config") or Config({})
    seen = Tower(name="vision", tensors=tuple(qwen2_5_omni(v, f"{at}model.visual.")))
    heard = Tower(name="audio", tensors=tuple(large_encoder(a, f"{at}model.audio_tower.")))
    return joined(inner, seen, heard)


def omni(c: Config, language: Language) -> Model:
    """All of Qwen2.5-Omni; the talker and what follows it stand beside the thinker."""
    inner = thinker(c.required_section("thinker_config"), language, "thinker.")
    speaks = c.flag("enable_audio_output", default=True)
    tensors = tuple(msgspec.structs.replace(t, module=f"thinker.{t.module}") for t in inner.tensors)
    return msgspec.structs.replace(
        inner,
        model_type=c.model_type,
        tensors=tensors,
        layers_path=f"thinker.{inner.layers_path}",
        towers=(*inner.towers, *(_voice(c) if speaks else ())),
        approximate=(*inner.approximate, *((NOTE,) if speaks else ())),
    )


def _voice(c: Config) -> Iterable[Tower]:
    yield Tower(name="talker", tensors=tuple(_talker(c.section("talker_config") or Config({}))))
    waves = Tensor("a.token2wav", (TOKEN2WAV,), "conv", "token2wav")
    yield Tower(name="token2wav", tensors=(waves,))


def _talker(t: Config) -> Iterable[Tensor]:
    t = t.over(model_type="qwen2", hidden_size=3584, intermediate_size=18944, vocab_size=8448)
    t = t.over(num_hidden_layers=28, num_attention_heads=28, num_key_value_heads=4, head_dim=128)
    h, rows = t.whole("hidden_size"), t.whole("embedding_size", default=3584)
    codes = t.whole("vocab_size")
    yield from parts.linear("t.thinker", h, rows, "talker.thinker_to_talker_proj", True)
    yield Tensor("t.token_embd", (codes, rows), "embedding", "talker.model.embed_tokens")
    inner = qwen.qwen2(t)
    for i, layer in enumerate(inner.layers):
        for one in layer.tensors:
            yield msgspec.structs.replace(
                one, role=f"t.{one.role}", module=f"talker.model.layers.{i}.{one.module}"
            )
    yield from parts.norm("t.output_norm", h, "talker.model.norm")
    yield Tensor("t.output", (codes, h), "linear", "talker.codec_head")
