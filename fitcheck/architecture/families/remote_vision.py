"""Multimodal models by the hub's own code: Molmo, MiniCPM-V, DeepSeek-VL2, Kimi K3."""

from collections.abc import Iterable
from typing import Final

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import deepseek, parts
from fitcheck.architecture.families.language import Language, Outer, joined, language_model
from fitcheck.architecture.families.towers.encoder import Block, block, blocks, patches, positions
from fitcheck.architecture.families.towers.projector import projector, two_matrices
from fitcheck.architecture.families.towers.vit import siglip
from fitcheck.architecture.feed_forward import DenseMLP
from fitcheck.architecture.model import Layer, Model, Tower
from fitcheck.architecture.tensor import Tensor

MOLMO: Final = Block(
    norms=("attention_norm", "ffn_norm"),
    attention=("attention.wq", "attention.wk", "attention.wv"),
    out="attention.wo",
    mlp=("feed_forward.w1", "feed_forward.w2"),
)


def molmo(c: Config) -> Model:
    """Molmo: OLMo's blocks with fused matrices, CLIP's first 23 layers, pooling by attention.

    `intermediate_size` counts gate and up together. With these parts Molmo-7B-D-0924 has the
    8,021,025,280 parameters that the hub counts. Source: the hub's modeling_molmo.py.
    """
    hidden_size, double = c.whole("hidden_size"), c.whole("intermediate_size")
    a, width, at = parts.attention(c), double // 2, "model.transformer."
    joint = (a.num_attention_heads + 2 * a.num_key_value_heads) * a.head_dim
    layer = Layer(
        mixers=(a,),
        feed_forward=DenseMLP(intermediate_size=width, fused=True),
        tensors=(
            *parts.norm("attn_norm", hidden_size, "attn_norm"),
            *parts.linear("attn_qkv", joint, hidden_size, "att_proj", c.flag("qkv_bias")),
            *parts.linear("attn_output", hidden_size, hidden_size, "attn_out"),
            *parts.norm("ffn_norm", hidden_size, "ff_norm"),
            *parts.linear("ffn_gate_up", double, hidden_size, "ff_proj"),
            *parts.linear("ffn_down", hidden_size, width, "ff_out"),
        ),
    )
    c = c.having(tie_word_embeddings=c.flag("weight_tying", "tie_word_embeddings"))
    rows = c.whole("embedding_size", "vocab_size")
    more = c.whole("additional_vocab_size", default=128)
    outer = [
        Tensor("token_embd", (rows, hidden_size), "embedding", f"{at}wte.embedding"),
        Tensor("token_embd_new", (more, hidden_size), "embedding", f"{at}wte.new_embedding"),
        *parts.norm("output_norm", hidden_size, f"{at}ln_f"),
    ]
    if not c.flag("tie_word_embeddings"):
        outer += parts.linear("output", rows, hidden_size, f"{at}ff_out")
    inner = parts.decoder(c, layer, tensors=tuple(outer), layers_path=f"{at}blocks")
    return joined(inner, *_molmo_towers(hidden_size, width))


def _molmo_towers(hidden_size: int, width: int) -> Iterable[Tower]:
    at = "model.vision_backbone."
    clip = (
        Tensor("v.class_embd", (1024,), "embedding", f"{at}image_vit.class_embedding"),
        positions(577, 1024, f"{at}image_vit.positional_embedding"),
        Tensor("v.patch_embd", (1024, 588), "linear", f"{at}image_vit.patch_embedding"),
        *parts.norm("v.pre_ln", 1024, f"{at}image_vit.pre_ln", True),
        *blocks(f"{at}image_vit.transformer.resblocks.", 23, block(MOLMO, 1024, 4096)),
    )
    yield Tower(name="vision", tensors=clip)
    pool, join = f"{at}image_pooling_2d.", f"{at}image_projector."
    yield projector(
        (
            Tensor("v.pad_embd", (2, 2048), "embedding", f"{at}pad_embed"),
            *parts.linear("mm.pool.attn_q", 1024, 2048, f"{pool}wq", True),
            *parts.linear("mm.pool.attn_k", 1024, 2048, f"{pool}wk", True),
            *parts.linear("mm.pool.attn_v", 1024, 2048, f"{pool}wv", True),
            *parts.linear("mm.pool.attn_out", 1024, 1024, f"{pool}wo", True),
            *parts.linear("mm.gate", width, 1024, f"{join}w1"),
            *parts.linear("mm.up", width, 1024, f"{join}w3"),
            *parts.linear("mm.down", hidden_size, width, f"{join}w2"),
        )
    )


# Which language model a MiniCPM-V of that `version` holds; its keys stand at the top.
MINICPMV_LANGUAGE: Final = {
    "2.5": "llama",
    "2.6": "qwen2",
    "4": "llama",
    "4.0": "llama",
    "4.5": "qwen3",
}
SIGLIP_SO400M: Final[dict[str, object]] = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "image_size": 980,
    "patch_size": 14,
}


def minicpmv(c: Config, language: Language) -> Model:
    """MiniCPM-V 2.5 to 4.5: SigLIP, and 64 or 96 queries that look at each slice.

    With these parts MiniCPM-V-2_6 has the 8,099,175,152 parameters that the hub counts.
    Source: the hub's modeling_minicpmv.py and resampler.py.
    """
    version = str(c.values.get("version", "2.6"))
    kind = MINICPMV_LANGUAGE.get(version)
    outer = Outer(default=kind or "qwen2", fixed=True, inside="llm.model.", head="llm.")
    inner = language_model(c, language, outer, c if "hidden_size" in c else None)
    v = (c.section("vision_config") or Config({})).over(**SIGLIP_SO400M)
    if c.flag("drop_vision_last_layer"):
        v = v.having(num_hidden_layers=v.whole("num_hidden_layers") - 1)
    tokens = c.whole("query_num", default=64)
    towers = (
        Tower(name="vision", tensors=tuple(siglip(v, "vpm."))),
        projector(_resampler(inner.hidden_size, v.whole("hidden_size"), tokens), tokens),
    )
    if kind is None:
        note = f"MiniCPM-V {version[:10]!r} is not known: its language model is read as Qwen 2"
        inner = msgspec.structs.replace(inner, approximate=(*inner.approximate, note))
    return joined(inner, *towers)


def _resampler(h: int, width: int, queries: int) -> Iterable[Tensor]:
    at = "resampler."
    yield Tensor("resampler.query", (queries, h), "embedding", f"{at}query")
    yield Tensor("resampler.kv", (h, width), "linear", f"{at}kv_proj")
    yield from parts.linear("resampler.attn.qkv", 3 * h, h, f"{at}attn.in_proj", True)
    yield from parts.linear("resampler.attn.out", h, h, f"{at}attn.out_proj", True)
    for name in ("q", "kv", "post"):
        yield from parts.norm(f"resampler.ln_{name}", h, f"{at}ln_{name}", True)
    yield Tensor("resampler.proj", (h, h), "linear", f"{at}proj")


VL2_NOTE: Final = "DeepSeek-VL2's tower is counted by its code, which no published total confirms"
TIMM: Final = Block(norms=("norm1", "norm2"), attention=("attn.qkv",), out="attn.proj")


def deepseek_vl2(c: Config) -> Model:
    """DeepSeek-VL2: timm's SigLIP, four patches to a token, DeepSeek V2 or MoE.

    Source: github.com/deepseek-ai/DeepSeek-VL2, deepseek_vl2/models/modeling_deepseek_vl_v2.py and
    siglip_vit.py.
    """
    text = c.required_section("language_config", "text_config")
    text = text.over(model_type="deepseek_v2", num_hidden_layers=30, num_attention_heads=32)
    latent = text.flag("use_mla", default=True)
    inner = deepseek.deepseek_v2(text) if latent else deepseek.deepseek(text)
    tensors = tuple(
        msgspec.structs.replace(t, module=f"language.{t.module}") for t in inner.tensors
    )
    v, p = c.section("vision_config") or Config({}), c.section("projector_config") or Config({})
    width, h = v.whole("width", default=1152), p.whole("n_embed", default=inner.hidden_size)
    merged = p.whole("input_dim", default=width) * p.whole("downsample_ratio", default=2) ** 2
    between = h * p.whole("mlp_ratio", default=1)
    separators = (
        Tensor("v.image_newline", (h,), "embedding", "image_newline"),
        Tensor("v.view_seperator", (h,), "embedding", "view_seperator"),
    )
    join = two_matrices(merged, between, h, "projector.layers.", names=("0", "2"))
    inner = msgspec.structs.replace(
        inner,
        model_type=c.model_type,
        tensors=tensors,
        layers_path=f"language.{inner.layers_path}",
        approximate=(*inner.approximate, VL2_NOTE),
    )
    tower = Tower(name="vision", tensors=tuple(_timm_siglip(v, width, "vision.")))
    return joined(inner, tower, projector((*join, *separators)))


def _timm_siglip(v: Config, width: int, at: str) -> Iterable[Tensor]:
    inner = int(width * v.number("mlp_ratio", 3.7362))
    patch = v.whole("patch_size", default=14)
    places = (v.whole("image_size", default=384) // patch) ** 2
    yield from patches(width, patch, f"{at}patch_embed.proj", bias=True)
    yield Tensor("v.position_embd", (1, places, width), "embedding", f"{at}pos_embed")
    count = v.layer_count("layers") if "layers" in v else 27
    yield from blocks(f"{at}blocks.", count, block(TIMM, width, inner))
    yield from parts.norm("v.post_ln", width, f"{at}norm", True)
    pool = f"{at}attn_pool."
    yield Tensor("v.pool.latent", (1, 1, width), "embedding", f"{pool}latent")
    yield from parts.linear("v.pool.attn_q", width, width, f"{pool}q", True)
    yield from parts.linear("v.pool.attn_kv", 2 * width, width, f"{pool}kv", True)
    yield from parts.linear("v.pool.attn_out", width, width, f"{pool}proj", True)
    yield from parts.norm("v.pool.norm", width, f"{pool}norm", True)
    yield from parts.linear("v.pool.ffn_up", inner, width, f"{pool}mlp.fc1", True)
    yield from parts.linear("v.pool.ffn_down", width, inner, f"{pool}mlp.fc2", True)


KIMI_K3_NOTE: Final = "Kimi K3's vision tower and projector are left out: their code is not known"


def kimi_k3(c: Config, language: Language) -> Model:
    """Kimi K3: its language model alone, Kimi Linear with experts in a narrower space."""
    inner = language_model(
        c,
        language,
        Outer(default="kimi_linear", inside="language_model.model.", head="language_model."),
    )
    return msgspec.structs.replace(inner, approximate=(*inner.approximate, KIMI_K3_NOTE))
