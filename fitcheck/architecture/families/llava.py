"""LLaVA and its kin: an image encoder, a projector, and any language model.

Source: transformers 5.23.0, models/<model_type>/modeling_<model_type>.py. The modules' paths are
those of that version; checkpoints may have older ones.
"""

from typing import Final

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.language import (
    Language,
    Outer,
    joined,
    language_model,
    without,
)
from fitcheck.architecture.families.towers.projector import (
    feature_layers,
    projector,
    two_matrices,
)
from fitcheck.architecture.families.towers.vit import encoder, grid
from fitcheck.architecture.model import Model
from fitcheck.architecture.tensor import Tensor

VISION: Final = "model.vision_tower."
PROJECTOR: Final = "model.multi_modal_projector."


def llava(c: Config, language: Language) -> Model:
    """LLaVA 1.5, also with Pixtral's or SigLIP's encoder: two matrices join the two."""
    return _llava(c, language, text_may_tie=True)


def vipllava(c: Config, language: Language) -> Model:
    """ViP-LLaVA: several of the tower's layers, normed together."""
    inner = language_model(c, language, Outer(default="llama"))
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    layers = c.items("vision_feature_layers")
    width = v.whole("hidden_size", default=768) * (5 if layers is None else len(layers))
    tensors = (
        *parts.norm("mm.input_norm", width, f"{PROJECTOR}projector_layernorm", True),
        *two_matrices(width, inner.hidden_size, inner.hidden_size, PROJECTOR),
    )
    tower = encoder(v, VISION, "clip_vision_model", _tokens(c, v))
    return joined(inner, tower, projector(tensors, _tokens(c, v)))


def llava_next(c: Config, language: Language) -> Model:
    """LLaVA 1.6: images in tiles, with a learned end of line."""
    return _llava(c, language, newline=True, tiled=True)


def llava_next_video(c: Config, language: Language) -> Model:
    """LLaVA-NeXT-Video."""
    return _llava(c, language, newline=True, tiled=True, text_may_tie=True)


def llava_onevision(c: Config, language: Language) -> Model:
    """LLaVA-OneVision: as 1.6, with SigLIP and Qwen 2."""
    return _llava(
        c,
        language,
        newline=True,
        tiled=True,
        text_may_tie=True,
        text="qwen2",
        vision="siglip_vision_model",
    )


def _llava(
    c: Config,
    language: Language,
    *,
    newline: bool = False,
    tiled: bool = False,
    text_may_tie: bool = False,
    text: str = "llama",
    vision: str = "clip_vision_model",
) -> Model:
    inner = language_model(c, language, Outer(default=text, text_may_tie=text_may_tie))
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    h = inner.hidden_size
    tokens = None if tiled or v.model_type == "pixtral" else _tokens(c, v)
    bias = c.flag("multimodal_projector_bias", default=True)
    width = v.whole("hidden_size", default=768) * feature_layers(c)
    line = (Tensor("v.image_newline", (h,), "embedding", "model.image_newline"),)
    return joined(
        inner,
        encoder(v, VISION, vision, tokens),
        projector(two_matrices(width, h, h, PROJECTOR, bias=bias), tokens),
        tensors=line if newline else (),
    )


def _tokens(c: Config, v: Config) -> int | None:
    """A token for each patch, and one for the class if all are taken."""
    if "image_size" not in v or "patch_size" not in v:
        return None
    full = c.text("vision_feature_select_strategy", default="default") == "full"
    return grid(v) + full


def mistral3(c: Config, language: Language) -> Model:
    """Mistral Small 3.1 and Ministral 3: four patches merge before the projector."""
    inner = language_model(c, language, Outer(default="mistral", tied=True))
    return _merging(c, inner, VISION, PROJECTOR)


def lighton_ocr(c: Config, language: Language) -> Model:
    """LightOnOCR: as Mistral 3, over Qwen 3."""
    inner = language_model(c, language, Outer(default="qwen3", tied=True))
    return _merging(c, inner, "model.vision_encoder.", "model.vision_projection.")


def _merging(c: Config, inner: Model, vision: str, at: str) -> Model:
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    h, width = inner.hidden_size, v.whole("hidden_size", default=1024)
    merged = width * c.whole("spatial_merge_size", default=2) ** 2
    bias = c.flag("multimodal_projector_bias")
    tensors = (
        *parts.norm("mm.input_norm", width, f"{at}norm"),
        *parts.linear("mm.patch_merger", width, merged, f"{at}patch_merger.merging_layer"),
        *two_matrices(width * feature_layers(c), h, h, at, bias=bias),
    )
    return joined(inner, encoder(v, vision, "pixtral"), projector(tensors))


def paligemma(c: Config, language: Language) -> Model:
    """PaliGemma: SigLIP, one matrix, Gemma."""
    inner = language_model(c, language, Outer(default="gemma", tied=True))
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    v = v.over(image_size=224, patch_size=16)
    out = c.whole("projection_dim", default=2048)
    width = v.whole("hidden_size", default=768)
    matrix = parts.linear("mm.input_projection", out, width, f"{PROJECTOR}linear", True)
    tower = encoder(v, VISION, "siglip_vision_model", grid(v))
    return joined(inner, tower, projector(matrix, grid(v)))


def gemma3(c: Config, language: Language) -> Model:
    """Gemma 3 with vision: 256 tokens an image, pooled from 4096 patches."""
    inner = language_model(c, language, Outer(default="gemma3_text", tied=True))
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    width = v.whole("hidden_size", default=768)
    tokens = c.whole("mm_tokens_per_image", default=256)
    module = f"{PROJECTOR}mm_input_projection_weight"
    tensors = (
        Tensor("mm.input_projection", (width, inner.hidden_size), "linear", module),
        *parts.norm("mm.soft_emb_norm", width, f"{PROJECTOR}mm_soft_emb_norm"),
    )
    tower = encoder(v, VISION, "siglip_vision_model", tokens)
    return joined(inner, tower, projector(tensors, tokens))


def aya_vision(c: Config, language: Language) -> Model:
    """Aya Vision: SigLIP, four patches to a token, a gated projector with a norm before it."""
    inner = language_model(c, language, Outer(default="cohere2", tied=True))
    return _cohere(
        c, inner, c.whole("alignment_intermediate_size", default=inner.hidden_size), True
    )


def cohere2_vision(c: Config, language: Language) -> Model:
    """Command A Vision: as Aya, a wider projector without a norm."""
    inner = language_model(c, language, Outer(default="cohere2", tied=True))
    return _cohere(c, inner, c.whole("alignment_intermediate_size", default=36864), False)


def _cohere(c: Config, inner: Model, between: int, normed: bool) -> Model:
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    width = v.whole("hidden_size", default=768) * c.whole("downsample_factor", default=2) ** 2
    norm = parts.norm("mm.input_norm", width, f"{PROJECTOR}layernorm", True) if normed else ()
    matrices = two_matrices(width, between, inner.hidden_size, PROJECTOR, halved=True)
    tower = encoder(v, VISION, "siglip_vision_model")
    return joined(inner, tower, projector((*norm, *matrices)))


def lfm2_vl(c: Config, language: Language) -> Model:
    """LFM2-VL: SigLIP 2 for images of any shape."""
    inner = language_model(c, language, Outer(default="lfm2", tied=True))
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    width = v.whole("hidden_size", default=768) * c.whole("downsample_factor", default=2) ** 2
    normed = c.flag("projector_use_layernorm", default=True)
    norm = parts.norm("mm.input_norm", width, f"{PROJECTOR}layer_norm", True) if normed else ()
    bias = c.flag("projector_bias", default=True)
    between = c.whole("projector_hidden_size", default=2560)
    matrices = two_matrices(width, between, inner.hidden_size, PROJECTOR, bias=bias)
    tower = encoder(v, VISION, "siglip2_vision_model")
    return joined(inner, tower, projector((*norm, *matrices)))


def idefics3(c: Config, language: Language) -> Model:
    """Idefics 3 and SmolVLM: patches shuffled into fewer and wider tokens, one matrix."""
    outer = Outer(default="llama", inside="model.text_model.")
    inner = language_model(c, language, outer)
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    v = v.over(hidden_size=1152, image_size=224, patch_size=32)
    v = v.over(intermediate_size=3072, num_hidden_layers=12)
    width = v.whole("hidden_size") * c.whole("scale_factor", default=2) ** 2
    module = "model.connector.modality_projection.proj"
    matrix = parts.linear("mm.model.fc", inner.hidden_size, width, module)
    return joined(inner, encoder(v, "model.vision_model.", "idefics3"), projector(matrix))
