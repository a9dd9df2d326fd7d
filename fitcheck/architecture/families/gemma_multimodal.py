"""Gemma 3n and 4 with their towers for pictures and sound."""

from collections.abc import Iterable

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.language import (
    Language,
    Outer,
    joined,
    language_model,
    without,
)
from fitcheck.architecture.families.towers import gemma
from fitcheck.architecture.families.towers.projector import projector
from fitcheck.architecture.model import Model, Tower
from fitcheck.architecture.tensor import Tensor


def gemma4(c: Config, language: Language) -> Model:
    """Gemma 4: a picture is at most 280 tokens by default; only the small models hear."""
    inner = language_model(c, language, Outer(default="gemma4_text", fixed=True, tied=True))
    v, a = c.section("vision_config"), c.section("audio_config")
    towers, joins = [], []
    if v is not None:
        at = "model.vision_tower."
        towers.append(Tower(name="vision", tensors=tuple(gemma.gemma4_vision(v, at))))
        width = v.whole("hidden_size", default=768)
        joins.append(_projection(width, inner, "model.embed_vision."))
    if a is not None:
        at = "model.audio_tower."
        towers.append(Tower(name="audio", tensors=tuple(gemma.gemma4_audio(a, at))))
        width = a.whole("output_proj_dims", default=1536)
        joins.append(_projection(width, inner, "model.embed_audio."))
    return joined(inner, *towers, *([projector(joins)] if joins else []))


def _projection(width: int, inner: Model, at: str) -> Tensor:
    shape = (inner.hidden_size, width)
    return Tensor("mm.input_projection", shape, "linear", f"{at}embedding_projection")


def gemma3n(c: Config, language: Language) -> Model:
    """Gemma 3n: 256 tokens a picture, 188 a clip of sound."""
    inner = language_model(c, language, Outer(default="gemma3n_text", fixed=True, tied=True))
    v, a = c.section("vision_config"), c.section("audio_config")
    towers: list[Tower] = []
    joins: list[Tensor] = []
    if v is not None:
        tokens = c.whole("vision_soft_tokens_per_image", default=256)
        tensors = tuple(gemma.mobilenet("model.vision_tower."))
        towers.append(Tower(name="vision", tensors=tensors, output_tokens=tokens))
        joins += _embedder(v, inner, v.whole("hidden_size", default=2048), "model.embed_vision.")
        inner = _in_one_piece(inner, v)
    if a is not None:
        tokens = c.whole("audio_soft_tokens_per_image", default=188)
        tensors = tuple(gemma.gemma3n_audio(a, "model.audio_tower."))
        towers.append(Tower(name="audio", tensors=tensors, output_tokens=tokens))
        joins += _embedder(a, inner, a.whole("hidden_size", default=1536), "model.embed_audio.")
    missing = without(inner, "vision") if v is None else inner
    return joined(missing, *towers, *([projector(joins)] if joins else []))


def _in_one_piece(inner: Model, v: Config) -> Model:
    name = v.text("architecture", default="mobilenetv5_300m_enc")
    note = (
        f"the vision tower {name[:40]} is counted as the published MobileNetV5 300M, in one piece"
    )
    return msgspec.structs.replace(inner, approximate=(*inner.approximate, note))


def _embedder(c: Config, inner: Model, width: int, at: str) -> Iterable[Tensor]:
    """Embeddings of the tokens that stand for pictures or sound, and their projection."""
    rows = c.whole("vocab_size", default=128)
    yield Tensor("mm.token_embd", (rows, width), "embedding", f"{at}embedding")
    yield from parts.norm("mm.hard_emb_norm", width, f"{at}hard_embedding_norm")
    yield from parts.norm("mm.soft_emb_norm", width, f"{at}soft_embedding_norm")
    yield _projection(width, inner, at)
