"""Whisper, and language models that listen through its encoder: Qwen2-Audio, Voxtral."""

from collections.abc import Iterable
from typing import Final

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
from fitcheck.architecture.families.towers.encoder import Block, block, blocks
from fitcheck.architecture.families.towers.projector import projector, two_matrices
from fitcheck.architecture.feed_forward import DenseMLP
from fitcheck.architecture.mixers import Attention, CrossAttention
from fitcheck.architecture.model import Layer, Model, Tower
from fitcheck.architecture.tensor import Tensor

ENCODER: Final = Block(
    norms=("self_attn_layer_norm", "final_layer_norm"),
    key_bias=False,
    mlp=("fc1", "fc2"),
    prefix="a",
)
WIDTH: Final = ("d_model", "hidden_size")
LAYERS: Final = ("encoder_layers", "num_hidden_layers")
INNER: Final = ("encoder_ffn_dim", "intermediate_size")


def _encoder(c: Config, at: str) -> Iterable[Tensor]:
    """Two convolutions over a spectrogram, learned positions, blocks without biases for keys."""
    width, bands = c.whole(*WIDTH), c.whole("num_mel_bins", default=80)
    yield Tensor("a.conv1d.1", (width, bands, 3), "conv", f"{at}conv1")
    yield Tensor("a.conv1d.1.bias", (width,), "bias", f"{at}conv1")
    yield Tensor("a.conv1d.2", (width, width, 3), "conv", f"{at}conv2")
    yield Tensor("a.conv1d.2.bias", (width,), "bias", f"{at}conv2")
    places = (c.whole("max_source_positions", default=1500), width)
    yield Tensor("a.position_embd", places, "embedding", f"{at}embed_positions")
    yield from blocks(
        f"{at}layers.", c.layer_count(*LAYERS), block(ENCODER, width, c.whole(*INNER))
    )
    yield from parts.norm("a.post_ln", width, f"{at}layer_norm", True)


def whisper(c: Config) -> Model:
    """Whisper: the decoder's layers also attend to what the encoder made of 30 seconds.

    Source: transformers 5.23.0, models/whisper/modeling_whisper.py.
    """
    c = c.over(encoder_layers=4, decoder_layers=4, encoder_ffn_dim=1536)
    c = c.over(decoder_attention_heads=6, decoder_ffn_dim=1536, max_source_positions=1500)
    c = c.over(max_target_positions=448, vocab_size=51865, tie_word_embeddings=True)
    width, heard = c.whole("d_model"), c.whole("max_source_positions")
    c = c.having(
        hidden_size=width,
        num_hidden_layers=c.whole("decoder_layers"),
        num_attention_heads=c.whole("decoder_attention_heads"),
        num_key_value_heads=None,
        head_dim=None,
        max_position_embeddings=c.whole("max_target_positions"),
    )
    places = (c.whole("max_target_positions"), width)
    outer = (
        *parts.outer_tensors(
            c,
            tied=c.flag("tie_word_embeddings"),
            norm_bias=True,
            embeddings="model.decoder.embed_tokens",
            final_norm="model.decoder.layer_norm",
            head="proj_out",
        ),
        Tensor("position_embd", places, "embedding", "model.decoder.embed_positions"),
    )
    tower = Tower(name="encoder", tensors=tuple(_encoder(c, "model.encoder.")), output_tokens=heard)
    layer = _whisper_layer(width, parts.attention(c, position="learned"), c, heard)
    return parts.decoder(
        c, layer, tensors=outer, towers=(tower,), layers_path="model.decoder.layers"
    )


def _whisper_layer(width: int, a: Attention, c: Config, heard: int) -> Layer:
    inner = c.whole("decoder_ffn_dim")
    x = CrossAttention(
        num_attention_heads=a.num_attention_heads,
        num_key_value_heads=a.num_key_value_heads,
        head_dim=a.head_dim,
        source_tokens=heard,
    )
    return Layer(
        mixers=(a, x),
        feed_forward=DenseMLP(intermediate_size=inner, gated=False),
        tensors=(
            *parts.norm("attn_norm", width, "self_attn_layer_norm", True),
            *_attention("attn", width, "self_attn."),
            *parts.norm("cross_attn_norm", width, "encoder_attn_layer_norm", True),
            *_attention("cross_attn", width, "encoder_attn."),
            *parts.norm("ffn_norm", width, "final_layer_norm", True),
            *parts.plain_mlp(width, inner, "fc1", "fc2"),
        ),
    )


def _attention(role: str, width: int, at: str) -> Iterable[Tensor]:
    """Square projections, all with biases but that of keys."""
    for name, module in (("q", "q_proj"), ("k", "k_proj"), ("v", "v_proj"), ("output", "out_proj")):
        yield from parts.linear(f"{role}_{name}", width, width, f"{at}{module}", name != "k")


def qwen2_audio(c: Config, language: Language) -> Model:
    """Qwen2-Audio: Whisper's encoder and one matrix; the head is never tied.

    Source: transformers 5.23.0, models/qwen2_audio/modeling_qwen2_audio.py.
    """
    inner = language_model(c.having(tie_word_embeddings=False), language, Outer(default="qwen2"))
    a = c.section("audio_config")
    if a is None:
        return without(inner, "audio")
    a = _large(a)
    at = "model.multi_modal_projector.linear"
    join = parts.linear("mm.a.fc", inner.hidden_size, a.whole(*WIDTH), at, True)
    return joined(inner, _audio(a), projector(join))


def voxtral(c: Config, language: Language) -> Model:
    """Voxtral: four frames make a token; the head is never tied.

    Source: transformers 5.23.0, models/voxtral/modeling_voxtral.py.
    """
    given = c.section("text_config")
    text = None if given is None else given.over(**VOXTRAL_TEXT)
    c = c.having(tie_word_embeddings=False)
    inner = language_model(c, language, Outer(default="llama"), text)
    a = c.section("audio_config")
    if a is None:
        return without(inner, "audio")
    a, h = _large(a), inner.hidden_size
    at = "model.multi_modal_projector."
    return joined(inner, _audio(a), projector(two_matrices(a.whole(*INNER), h, h, at, bias=False)))


# What the class takes for what text_config does not say.
VOXTRAL_TEXT: Final[dict[str, object]] = {
    "vocab_size": 131072,
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 30,
    "num_key_value_heads": 8,
    "head_dim": 128,
}


def _large(a: Config) -> Config:
    """Whisper large v3's encoder, where audio_config does not say otherwise."""
    known = {
        "d_model": a.whole(*WIDTH, default=1280),
        "encoder_layers": a.whole(*LAYERS, default=32),
        "encoder_ffn_dim": a.whole(*INNER, default=5120),
    }
    return a.over(num_mel_bins=128).having(**known)


def large_encoder(a: Config, at: str) -> Iterable[Tensor]:
    """Qwen2.5-Omni's encoder: Whisper's blocks, positions that are not learned, a projection."""
    a = _large(a)
    width, out = a.whole(*WIDTH), a.whole("output_dim", default=3584)
    renamed = {f"{at}layer_norm": f"{at}ln_post"}
    for t in _encoder(a, at):
        if t.role != "a.position_embd":
            yield msgspec.structs.replace(t, module=renamed.get(t.module, t.module))
    yield Tensor("a.boundary_embd", (2, out), "embedding", f"{at}audio_bos_eos_token")
    yield from parts.linear("mm.a.fc", out, width, f"{at}proj", True)


def _audio(a: Config) -> Tower:
    return Tower(name="audio", tensors=tuple(_encoder(a, "model.audio_tower.")))
