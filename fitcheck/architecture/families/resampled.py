"""Models whose queries look at a picture: Idefics 2 and Aria; and DeepSeek-VL, which has none.

Source: transformers 5.23.0, models/<model_type>/modeling_<model_type>.py.
"""

from collections.abc import Iterable, Mapping

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.language import (
    Language,
    Outer,
    joined,
    language_model,
    without,
)
from fitcheck.architecture.families.towers.encoder import blocks
from fitcheck.architecture.families.towers.projector import projector, two_matrices
from fitcheck.architecture.families.towers.vit import encoder, siglip
from fitcheck.architecture.model import Model, Tower
from fitcheck.architecture.tensor import Tensor


def idefics2(c: Config, language: Language) -> Model:
    """Idefics 2: an MLP widens the patches, 64 queries of a perceiver gather them."""
    outer = Outer(default="mistral", inside="model.text_model.")
    inner = language_model(c, language, outer)
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    v = v.over(hidden_size=768, intermediate_size=3072, num_hidden_layers=12)
    v = v.over(image_size=224, patch_size=32)
    text = c.section("text_config") or Config({})
    h, wide = inner.hidden_size, text.whole("intermediate_size", default=14336)
    p = c.section("perceiver_config") or Config({})
    tokens = p.whole("resampler_n_latents", default=64)
    width, at = v.whole("hidden_size"), "model.connector."
    join = (
        *parts.linear("mm.gate", wide, width, f"{at}modality_projection.gate_proj"),
        *parts.linear("mm.up", wide, width, f"{at}modality_projection.up_proj"),
        *parts.linear("mm.down", h, wide, f"{at}modality_projection.down_proj"),
        *_perceiver(p, h, tokens, f"{at}perceiver_resampler."),
    )
    tower = Tower(name="vision", tensors=tuple(siglip(v, "model.vision_model.")))
    return joined(inner, tower, projector(join, tokens))


def _perceiver(p: Config, h: int, tokens: int, at: str) -> Iterable[Tensor]:
    head_dim = p.whole("resampler_head_dim", default=96)
    queries = p.whole("resampler_n_heads", default=16) * head_dim
    keys = p.whole("num_key_value_heads", default=4) * head_dim
    yield Tensor("resampler.query", (tokens, h), "embedding", f"{at}latents")
    one = (
        *parts.norm("resampler.ln_q", h, "input_latents_norm"),
        *parts.norm("resampler.ln_kv", h, "input_context_norm"),
        *parts.linear("resampler.attn.q", queries, h, "self_attn.q_proj"),
        *parts.linear("resampler.attn.k", keys, h, "self_attn.k_proj"),
        *parts.linear("resampler.attn.v", keys, h, "self_attn.v_proj"),
        *parts.linear("resampler.attn.out", h, queries, "self_attn.o_proj"),
        *parts.norm("resampler.ln_post", h, "post_attention_layernorm"),
        *parts.gated_mlp(h, 4 * h),
    )
    depth = p.layer_count("resampler_depth") if "resampler_depth" in p else 3
    yield from blocks(f"{at}layers.", depth, one)
    yield from parts.norm("resampler.norm", h, f"{at}norm")


def aria(c: Config, language: Language) -> Model:
    """Aria: as many queries as the largest picture asks for, over a language model of experts."""
    inner = language_model(c, language, Outer(default="aria_text", fixed=True))
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    v = v.over(hidden_size=1152, intermediate_size=3072, num_hidden_layers=12)
    v = v.over(image_size=224, patch_size=32)
    listed = c.values.get("projector_patch_to_query_dict")
    sizes = list(listed.values()) if isinstance(listed, Mapping) and listed else [128, 256]
    queries = max(c.having(queries=size).whole("queries") for size in sizes)
    tower = encoder(v, "model.vision_tower.", "idefics3_vision")
    return joined(
        inner, tower, projector(_aria(v.whole("hidden_size"), inner.hidden_size, queries))
    )


def _aria(width: int, h: int, queries: int) -> Iterable[Tensor]:
    at = "model.multi_modal_projector."
    cross = f"{at}cross_attn."
    yield Tensor("resampler.query", (queries, width), "embedding", f"{at}query")
    for name in "qkv":
        yield Tensor(f"resampler.{name}", (width, width), "linear", f"{cross}{name}_proj")
    inside = f"{cross}multihead_attn."
    yield from parts.linear("resampler.attn.qkv", 3 * width, width, f"{inside}in_proj", True)
    yield from parts.linear("resampler.attn.out", width, width, f"{inside}out_proj", True)
    yield from parts.linear("resampler.out", width, width, f"{cross}linear", True)
    yield from parts.norm("resampler.ln_q", width, f"{cross}layer_norm", True)
    yield from parts.norm("resampler.ln_kv", width, f"{cross}layer_norm_kv", True)
    yield from parts.norm("resampler.ln_post", width, f"{at}layer_norm", True)
    names = ("linear_in", "linear_out")
    yield from two_matrices(width, h, h, f"{at}feed_forward.", bias=False, names=names)


def deepseek_vl(c: Config, language: Language) -> Model:
    """DeepSeek-VL (and Janus's understanding half): SigLIP and two matrices."""
    inner = language_model(c, language, Outer(default="llama", tied=True))
    v = c.section("vision_config")
    if v is None:
        return without(inner, "vision")
    width, h = v.whole("hidden_size", default=768), inner.hidden_size
    join = two_matrices(width, h, h, "model.aligner.", names=("linear1", "linear2"))
    tower = encoder(v, "model.vision_model.", "siglip_vision_model")
    return joined(inner, tower, projector(join))
