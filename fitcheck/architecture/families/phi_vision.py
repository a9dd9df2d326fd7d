"""Phi-3 Vision, and Phi-4 Multimodal by transformers and by the hub's own code."""

from collections.abc import Iterable
from typing import Final

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import fused
from fitcheck.architecture.families.language import joined
from fitcheck.architecture.families.towers.phi import phi4_audio
from fitcheck.architecture.families.towers.projector import projector, two_matrices
from fitcheck.architecture.families.towers.vit import clip, siglip_with_head
from fitcheck.architecture.model import Layer, Model, Tower
from fitcheck.architecture.tensor import Tensor

# openai/clip-vit-large-patch14-336, which config.json only names.
CLIP_L: Final[dict[str, object]] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "image_size": 336,
    "patch_size": 14,
}
# The SigLIP of Phi-4 Multimodal: Phi4MultimodalVisionConfig of transformers 5.23.0.
SIGLIP_448: Final[dict[str, object]] = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "image_size": 448,
    "patch_size": 14,
}


def phi3_v(c: Config) -> Model:
    """Phi-3 and 3.5 Vision: CLIP, four patches to a token, two matrices, two separators.

    With these parts Phi-3.5-vision-instruct has the 4,146,621,440 parameters that the hub counts.
    Source: the hub's modeling_phi3_v.py.
    """
    inner, at = fused.phi3(c), "model.vision_embed_tokens."
    merged = 4 * 1024
    join = two_matrices(
        merged, inner.hidden_size, inner.hidden_size, f"{at}img_projection.", names=("0", "2")
    )
    separators = (
        Tensor("v.view_separator", (1, 1, merged), "embedding", f"{at}glb_GN"),
        Tensor("v.image_newline", (1, 1, 1, merged), "embedding", f"{at}sub_GN"),
    )
    tower = tuple(clip(Config(CLIP_L), f"{at}img_processor.vision_model."))
    return joined(inner, Tower(name="vision", tensors=tower), projector((*join, *separators)))


def phi4_multimodal(c: Config) -> Model:
    """Phi-4 Multimodal without its adapters.

    Source: transformers 5.23.0, models/phi4_multimodal/modeling_phi4_multimodal.py.
    """
    inner = fused.phi3(c)
    v, a = c.section("vision_config") or Config({}), c.section("audio_config") or Config({})
    return joined(inner, *_towers(inner.hidden_size, v.over(**SIGLIP_448), a))


def phi4mm(c: Config) -> Model:
    """Phi-4 Multimodal by the hub's own code: low-rank adapters for pictures and for speech.

    With 160 numbers that are no parameters it has the 5,574,460,384 that the hub counts.
    Source: the hub's modeling_phi4mm.py; ranks from `vision_lora` and `speech_lora`.
    """
    inner = fused.phi3(c.over(tie_word_embeddings=True))
    ranks = [
        lora.whole("r")
        for lora in (c.section("vision_lora"), c.section("speech_lora"))
        if lora is not None
    ]
    layers = {id(layer): _with_adapters(layer, ranks) for layer in inner.layers}
    inner = msgspec.structs.replace(
        inner, layers=tuple(layers[id(layer)] for layer in inner.layers)
    )
    heard = Config({"bias_max_distance": 500})
    return joined(inner, *_towers(inner.hidden_size, Config(SIGLIP_448), heard))


def _with_adapters(layer: Layer, ranks: list[int]) -> Layer:
    adapters = tuple(
        adapter
        for t in layer.tensors
        if t.kind == "linear"
        for rank in ranks
        for adapter in (
            Tensor(f"{t.role}.lora_a", (rank, t.shape[1]), "linear", f"{t.module}.lora_A"),
            Tensor(f"{t.role}.lora_b", (t.shape[0], rank), "linear", f"{t.module}.lora_B"),
        )
    )
    return msgspec.structs.replace(layer, tensors=(*layer.tensors, *adapters))


def _towers(h: int, v: Config, a: Config) -> Iterable[Tower]:
    at = "model.embed_tokens_extend."
    image, audio = f"{at}image_embed.", f"{at}audio_embed."
    width, heard = v.whole("hidden_size"), a.whole("hidden_size", default=1024)
    seen = siglip_with_head(v, f"{image}img_processor.")
    yield Tower(name="vision", tensors=tuple(seen))
    yield Tower(name="audio", tensors=tuple(phi4_audio(a, f"{audio}encoder.")))
    tensors = [
        Tensor(
            "v.view_separator", (1, 1, width), "embedding", f"{image}global_img_feature_extensor"
        ),
        Tensor(
            "v.image_newline", (1, 1, 1, width), "embedding", f"{image}sub_img_feature_extensor"
        ),
        *two_matrices(width, h, h, image, names=("img_projection_up", "img_projection_down")),
    ]
    for kind in ("speech", "vision_speech"):
        names = (f"up_proj_for_{kind}", f"down_proj_for_{kind}")
        tensors += two_matrices(heard, h, h, audio, names=names)
    yield projector(tensors)
