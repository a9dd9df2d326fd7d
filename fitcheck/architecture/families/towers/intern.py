"""InternViT (transformers' class and the hub's code) and Step 3.7's encoder: scaled residuals."""

from collections.abc import Iterable
from typing import Final

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.towers.encoder import Block, block, blocks, patches, positions
from fitcheck.architecture.families.towers.vit import grid, side
from fitcheck.architecture.tensor import Tensor

PROJECTIONS: Final = ("attention.q_proj", "attention.k_proj", "attention.v_proj")


def internvl(c: Config, at: str) -> Iterable[Tensor]:
    """InternViT. Source: transformers 5.23.0, models/internvl/modeling_internvl.py."""
    c = _defaults(c)
    width, inside = c.whole("hidden_size"), f"{at}embeddings."
    bias, layer_norm = c.flag("attention_bias"), _layer_norm(c)
    yield Tensor("v.class_embd", (1, 1, width), "embedding", f"{inside}cls_token")
    if c.flag("use_mask_token"):
        yield Tensor("v.mask_embd", (1, 1, width), "embedding", f"{inside}mask_token")
    if c.flag("use_absolute_position_embeddings", default=True):
        rows = (1, grid(c) + 1, width)
        yield Tensor("v.position_embd", rows, "embedding", f"{inside}position_embeddings")
    yield from _patches(c, f"{inside}patch_embeddings.projection")
    one = Block(
        norms=("layernorm_before", "layernorm_after"),
        norm_bias=layer_norm,
        attention=PROJECTIONS,
        attention_bias=bias,
        out="attention.projection_layer",
    )
    extra = _scales(c, ("lambda_1", "lambda_2"), "attention.", "use_qk_norm")
    yield from _encoder(c, one, f"{at}encoder.layer.", extra)
    if not c.flag("use_mean_pooling", default=True):
        yield from parts.norm("v.post_ln", width, f"{at}layernorm", True)


def internvl_chat(c: Config, at: str) -> Iterable[Tensor]:
    """InternViT as the hub's code has it (modeling_intern_vit.py of InternVL 1.5 to 3)."""
    c = _defaults(c)
    width, inside = c.whole("hidden_size"), f"{at}embeddings."
    yield Tensor("v.class_embd", (1, 1, width), "embedding", f"{inside}class_embedding")
    rows = (1, grid(c) + 1, width)
    yield Tensor("v.position_embd", rows, "embedding", f"{inside}position_embedding")
    yield from _patches(c, f"{inside}patch_embedding")
    one = Block(
        norms=("norm1", "norm2"),
        norm_bias=_layer_norm(c),
        attention=("attn.qkv",),
        attention_bias=c.flag("qkv_bias", default=True),
        out="attn.proj",
    )
    extra = _scales(c, ("ls1", "ls2"), "attn.", "qk_normalization")
    yield from _encoder(c, one, f"{at}encoder.layers.", extra)


def _defaults(c: Config) -> Config:
    c = c.over(hidden_size=1024, num_hidden_layers=24, intermediate_size=4096)
    return c.over(image_size=448, patch_size=14)


def _layer_norm(c: Config) -> bool:
    return c.text("norm_type", default="layer_norm") == "layer_norm"


def _patches(c: Config, module: str) -> Iterable[Tensor]:
    channels = c.whole("num_channels", default=3)
    patch = side(c, "patch_size")
    return patches(c.whole("hidden_size"), patch, module, bias=True, channels=channels)


def _scales(c: Config, names: tuple[str, str], attention: str, key: str) -> Iterable[Tensor]:
    """A scale for either residual, and norms of queries and keys if `key` asks for them."""
    width = c.whole("hidden_size")
    yield Tensor("v.ls1", (width,), "state", names[0])
    yield Tensor("v.ls2", (width,), "state", names[1])
    if c.flag(key):
        yield from parts.norm("v.attn_q_norm", width, f"{attention}q_norm")
        yield from parts.norm("v.attn_k_norm", width, f"{attention}k_norm")


def _encoder(c: Config, b: Block, at: str, extra: Iterable[Tensor]) -> Iterable[Tensor]:
    one = block(b, c.whole("hidden_size"), c.whole("intermediate_size"), extra)
    return blocks(at, c.layer_count("num_hidden_layers"), one)


def step3p7(c: Config, at: str) -> Iterable[Tensor]:
    """Step 3.7's encoder: an MLP of a ratio, two convolutions that halve the picture.

    Source: transformers 5.23.0, models/step3p7/modeling_step3p7.py.
    """
    c = c.over(patch_size=14, image_size=728)
    width = c.whole("width", "hidden_size", default=1536)
    inner = int(width * c.number("mlp_ratio", 8960 / 1536))
    inside = f"{at}embeddings."
    channels = c.whole("num_channels", default=3)
    patch = side(c, "patch_size")
    yield from patches(width, patch, f"{inside}patch_embedding", bias=False, channels=channels)
    yield positions(grid(c), width, f"{inside}position_embedding")
    yield from parts.norm("v.pre_ln", width, f"{at}pre_layernorm", True)
    one = Block(norms=("layernorm_before", "layernorm_after"))
    scales = (
        Tensor("v.ls1", (width,), "state", "lambda_1"),
        Tensor("v.ls2", (width,), "state", "lambda_2"),
    )
    count = c.over(num_hidden_layers=47).layer_count("layers", "num_hidden_layers")
    yield from blocks(f"{at}layers.", count, block(one, width, inner, scales))
    for i in (1, 2):
        out = width << i
        yield Tensor("v.downsample", (out, out // 2, 3, 3), "conv", f"{at}downsampler{i}")
        yield Tensor("v.downsample.bias", (out,), "bias", f"{at}downsampler{i}")
