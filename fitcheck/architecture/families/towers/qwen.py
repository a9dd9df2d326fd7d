"""The vision towers of Qwen2-VL to Qwen3.5, GLM-4V and Kimi K2.5: patches of video, then merged.

Source: transformers 5.23.0, models/<model_type>/modeling_<model_type>.py.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.towers.encoder import Block, block, blocks, patches, positions
from fitcheck.architecture.families.towers.vit import grid, side
from fitcheck.architecture.tensor import Tensor

QWEN2: Final = Block(norms=("norm1", "norm2"), attention=("attn.qkv",), out="attn.proj")
QWEN2_5: Final = Block(
    norms=("norm1", "norm2"),
    norm_bias=False,
    attention=("attn.qkv",),
    out="attn.proj",
    mlp=("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
)
QWEN3: Final = Block(
    norms=("norm1", "norm2"),
    attention=("attn.qkv",),
    out="attn.proj",
    mlp=("mlp.linear_fc1", "mlp.linear_fc2"),
)
MOON: Final = Block(
    norms=("norm1", "norm2"),
    attention=("attn.q_proj", "attn.k_proj", "attn.v_proj"),
    out="attn.proj",
)


def _patches(c: Config, width: int, at: str, *, bias: bool) -> Iterable[Tensor]:
    return patches(
        width,
        side(c, "patch_size", 14),
        f"{at}patch_embed.proj",
        bias=bias,
        channels=c.whole("in_channels", default=3),
        frames=side(c, "temporal_patch_size", 2),
    )


def _merged(c: Config) -> int:
    return c.whole("spatial_merge_size", default=2) ** 2


def qwen2_vl(c: Config, at: str) -> Iterable[Tensor]:
    """Qwen2-VL: `hidden_size` is the language model's, `embed_dim` the tower's own."""
    width, out = c.whole("embed_dim", default=1280), c.whole("hidden_size", default=3584)
    inner = int(width * c.number("mlp_ratio", 4))
    yield from _patches(c, width, at, bias=False)
    count = c.layer_count("depth") if "depth" in c else 32
    yield from blocks(f"{at}blocks.", count, block(QWEN2, width, inner))
    yield from parts.norm("v.post_ln", width, f"{at}merger.ln_q", True)
    yield from _merger(width * _merged(c), out, f"{at}merger.mlp.", ("0", "2"))


def _merger(merged: int, out: int, at: str, names: tuple[str, str]) -> Iterable[Tensor]:
    yield from parts.linear("mm.0", merged, merged, f"{at}{names[0]}", True)
    yield from parts.linear("mm.2", out, merged, f"{at}{names[1]}", True)


def qwen2_5_omni(c: Config, at: str) -> Iterable[Tensor]:
    """Qwen2.5-Omni: Qwen2.5-VL's with projections of their own."""
    names = ("attn.q", "attn.k", "attn.v")
    return qwen2_5_vl(c, at, msgspec.structs.replace(QWEN2_5, attention=names))


def qwen2_5_vl(c: Config, at: str, one: Block = QWEN2_5) -> Iterable[Tensor]:
    """Qwen2.5-VL: windows in most layers, gated MLPs."""
    width, inner = c.whole("hidden_size", default=3584), c.whole("intermediate_size", default=3420)
    yield from _patches(c, width, at, bias=False)
    count = c.layer_count("depth") if "depth" in c else 32
    yield from blocks(f"{at}blocks.", count, block(one, width, inner))
    yield from parts.norm("v.post_ln", width, f"{at}merger.ln_q")
    out = c.whole("out_hidden_size", default=3584)
    yield from _merger(width * _merged(c), out, f"{at}merger.mlp.", ("0", "2"))


def qwen3_vl(c: Config, at: str) -> Iterable[Tensor]:
    """Qwen3-VL: learned positions, and outputs of some layers merged on their own (deepstack)."""
    yield from qwen3_5(c, at)
    listed = c.items("deepstack_visual_indexes")
    width, out = c.whole("hidden_size", default=1152), c.whole("out_hidden_size", default=3584)
    merged = width * _merged(c)
    for i in range(3 if listed is None else len(listed)):
        inside = f"{at}deepstack_merger_list.{i}."
        yield from parts.norm("v.deepstack.norm", merged, f"{inside}norm", True)
        yield from parts.linear("v.deepstack.fc1", merged, merged, f"{inside}linear_fc1", True)
        yield from parts.linear("v.deepstack.fc2", out, merged, f"{inside}linear_fc2", True)


def qwen3_5(c: Config, at: str) -> Iterable[Tensor]:
    """Qwen3.5: as Qwen3-VL, merged once, at the end."""
    c = c.over(patch_size=16)
    width, inner = c.whole("hidden_size", default=1152), c.whole("intermediate_size", default=4304)
    yield from _patches(c, width, at, bias=True)
    yield positions(c.whole("num_position_embeddings", default=2304), width, f"{at}pos_embed")
    count = c.layer_count("depth") if "depth" in c else 27
    yield from blocks(f"{at}blocks.", count, block(QWEN3, width, inner))
    yield from parts.norm("v.post_ln", width, f"{at}merger.norm", True)
    out = c.whole("out_hidden_size", default=3584)
    yield from _merger(width * _merged(c), out, f"{at}merger.", ("linear_fc1", "linear_fc2"))


def glm4v(c: Config, at: str) -> Iterable[Tensor]:
    """GLM-4.1V to 4.6V: a convolution merges patches, then a gated MLP follows."""
    c = c.over(image_size=336, patch_size=14, hidden_size=1536, out_hidden_size=4096)
    width, out = c.whole("hidden_size"), c.whole("out_hidden_size")
    inner = c.whole("intermediate_size", default=13696)
    bias, merge = c.flag("attention_bias"), c.whole("spatial_merge_size", default=2)
    yield positions(grid(c), width, f"{at}embeddings.position_embedding")
    yield from _patches(c, width, at, bias=True)
    yield from parts.norm("v.norm_embd", width, f"{at}post_conv_layernorm")
    one = Block(
        norms=("norm1", "norm2"),
        norm_bias=False,
        attention=("attn.qkv",),
        attention_bias=bias,
        out="attn.proj",
        out_bias=False,
        mlp=("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
        mlp_bias=False,
    )
    count = c.layer_count("depth") if "depth" in c else 24
    yield from blocks(f"{at}blocks.", count, block(one, width, out))
    yield from parts.norm("v.post_ln", width, f"{at}post_layernorm")
    yield Tensor("mm.patch_merger", (out, width, merge, merge), "conv", f"{at}downsample")
    yield Tensor("mm.patch_merger.bias", (out,), "bias", f"{at}downsample")
    yield from _glm_merger(out, inner, f"{at}merger.")


def _glm_merger(out: int, inner: int, at: str) -> Iterable[Tensor]:
    yield Tensor("mm.model.fc", (out, out), "linear", f"{at}proj")
    yield from parts.norm("mm.post_norm", out, f"{at}post_projection_norm", True)
    yield Tensor("mm.gate", (inner, out), "linear", f"{at}gate_proj")
    yield Tensor("mm.up", (inner, out), "linear", f"{at}up_proj")
    yield Tensor("mm.down", (out, inner), "linear", f"{at}down_proj")


def kimi_k25(c: Config, at: str) -> Iterable[Tensor]:
    """Kimi K2.5's MoonViT; the hub's own keys begin with `vt_`."""
    width = c.whole("hidden_size", "vt_hidden_size", default=1152)
    inner = c.whole("intermediate_size", "vt_intermediate_size", default=4304)
    module = f"{at}patch_embed."
    yield from patches(width, side(c, "patch_size", 14), f"{module}proj", bias=True)
    size = (
        c.whole("pos_emb_height", "init_pos_emb_height", default=64),
        c.whole("pos_emb_width", "init_pos_emb_width", default=64),
        width,
    )
    yield Tensor("v.position_embd", size, "embedding", f"{module}pos_emb.position_embeddings")
    keys = ("num_hidden_layers", "vt_num_hidden_layers")
    count = c.layer_count(*keys) if any(key in c for key in keys) else 27
    yield from blocks(f"{at}layers.", count, block(MOON, width, inner))
    yield from parts.norm("v.post_ln", width, f"{at}final_layernorm", True)
