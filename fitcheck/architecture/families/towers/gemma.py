"""The towers of Gemma 3n and 4: pictures and sound.

Source: transformers 5.23.0, models/gemma3n/modeling_gemma3n.py, models/gemma4/modeling_gemma4.py.
"""

from collections.abc import Iterable
from typing import Final

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.towers.encoder import blocks
from fitcheck.architecture.families.towers.vit import side
from fitcheck.architecture.tensor import Tensor

# MobileNetV5 300M of the timm library, as the hub counts it: google/gemma-3n-E4B-it has
# 7,849,978,192 weights. The audio tower (681,348,640), both projectors (7,805,952), the language
# model (6,835,235,568) and the keys and values that no layer uses (31,461,120) leave these.
# Read 2026-11-21.
MOBILENET_V5_300M: Final = 294_126_912


def mobilenet(at: str) -> Iterable[Tensor]:
    """Gemma 3n's vision tower, in one piece."""
    yield Tensor("v.mobilenet_v5", (MOBILENET_V5_300M,), "conv", at.removesuffix("."))


def gemma4_vision(c: Config, at: str) -> Iterable[Tensor]:
    """A table of positions for either axis; blocks as in the language model."""
    c = c.over(hidden_size=768, num_hidden_layers=16, position_embedding_size=10240)
    width, inside = c.whole("hidden_size"), f"{at}patch_embedder."
    rows = (2, c.whole("position_embedding_size"), width)
    yield Tensor("v.position_embd", rows, "embedding", f"{inside}position_embedding_table")
    patch = 3 * side(c, "patch_size", 16) ** 2
    yield Tensor("v.patch_embd", (width, patch), "linear", f"{inside}input_proj")
    count = c.layer_count("num_hidden_layers")
    yield from blocks(f"{at}encoder.layers.", count, list(_gemma4_block(c, width)))
    if c.flag("standardize"):
        yield Tensor("v.std_bias", (width,), "state", f"{at}std_bias", "", True)
        yield Tensor("v.std_scale", (width,), "state", f"{at}std_scale", "", True)


def _gemma4_block(c: Config, width: int) -> Iterable[Tensor]:
    head_dim, inner = c.whole("head_dim", default=64), c.whole("intermediate_size", default=3072)
    queries = c.whole("num_attention_heads", default=12) * head_dim
    keys = c.whole("num_key_value_heads", default=12) * head_dim
    for role, out, in_, module in (
        ("v.attn_q", queries, width, "self_attn.q_proj"),
        ("v.attn_k", keys, width, "self_attn.k_proj"),
        ("v.attn_v", keys, width, "self_attn.v_proj"),
        ("v.attn_out", width, queries, "self_attn.o_proj"),
        ("v.ffn_gate", inner, width, "mlp.gate_proj"),
        ("v.ffn_up", inner, width, "mlp.up_proj"),
        ("v.ffn_down", width, inner, "mlp.down_proj"),
    ):
        yield Tensor(role, (out, in_), "linear", f"{module}.linear")
    for role, size, module in (
        ("v.attn_q_norm", head_dim, "self_attn.q_norm"),
        ("v.attn_k_norm", head_dim, "self_attn.k_norm"),
        ("v.ln1", width, "input_layernorm"),
        ("v.attn_post_norm", width, "post_attention_layernorm"),
        ("v.ln2", width, "pre_feedforward_layernorm"),
        ("v.ffn_post_norm", width, "post_feedforward_layernorm"),
    ):
        yield from parts.norm(role, size, module)


def gemma4_audio(c: Config, at: str) -> Iterable[Tensor]:
    """A conformer behind two convolutions."""
    width = c.whole("hidden_size", default=1024)
    yield from _subsample(c, "subsampling_conv_channels", width, at, ("layer0", "layer1"))
    heads = c.whole("num_attention_heads", default=8)
    kernel = c.whole("conv_kernel_size", default=5)
    count = c.layer_count("num_hidden_layers") if "num_hidden_layers" in c else 12
    names = {
        "first": "feed_forward1.",
        "last": "feed_forward2.",
        "attention": "self_attn.",
        "position": "relative_k_proj",
        "post": "self_attn.post",
        "pre_norm": "norm_pre_attn",
        "post_norm": "norm_post_attn",
        "norm": "norm_out",
        "suffix": ".linear",
    }
    one = list(_conformer(width, width // heads, kernel, names))
    yield from blocks(f"{at}layers.", count, one)
    out = c.whole("output_proj_dims", default=1536)
    yield from parts.linear("mm.a.fc", out, width, f"{at}output_proj", True)


def gemma3n_audio(c: Config, at: str) -> Iterable[Tensor]:
    """The same conformer by its older names."""
    width = c.whole("hidden_size", default=1536)
    names = ("conv_0", "conv_1")
    yield from _subsample(c, "sscp_conv_channel_size", width, at, names)
    heads = c.whole("conf_num_attention_heads", default=8)
    kernel = c.whole("conf_conv_kernel_size", default=5)
    count = c.layer_count("conf_num_hidden_layers") if "conf_num_hidden_layers" in c else 12
    modules = {
        "first": "ffw_layer_start.",
        "last": "ffw_layer_end.",
        "attention": "attention.attn.",
        "position": "relative_position_embedding.pos_proj",
        "post": "attention.post",
        "pre_norm": "attention.pre_attn_norm",
        "post_norm": "attention.post_norm",
        "norm": "norm",
        "suffix": "",
    }
    one = list(_conformer(width, width // heads, kernel, modules))
    yield from blocks(f"{at}conformer.", count, one)


def _subsample(
    c: Config, key: str, width: int, at: str, names: tuple[str, str]
) -> Iterable[Tensor]:
    """Two convolutions by half each way over 128 bands, then a matrix."""
    first, second = c.pair(key, (128, 32))
    inside = f"{at}subsample_conv_projection."
    for role, channels, before, name in (
        ("a.conv2d.0", first, 1, names[0]),
        ("a.conv2d.1", second, first, names[1]),
    ):
        yield Tensor(role, (channels, before, 3, 3), "conv", f"{inside}{name}.conv")
        yield from parts.norm(f"{role}.norm", channels, f"{inside}{name}.norm")
    bands = c.whole("input_feat_size", default=first) // 4
    yield Tensor("a.conv_out", (width, bands * second), "linear", f"{inside}input_proj_linear")


def _conformer(width: int, head_dim: int, kernel: int, names: dict[str, str]) -> Iterable[Tensor]:
    attention, linear, post = names["attention"], names["suffix"], names["post"]
    for half in ("first", "last"):
        yield from _half_mlp(width, f"a.ffn_{half}", names[half], linear)
    yield from parts.norm("a.attn_pre_norm", width, names["pre_norm"])
    yield Tensor("a.per_dim_scale", (head_dim,), "state", f"{attention}per_dim_scale")
    for name in "qkv":
        module = f"{attention}{name}_proj{linear}"
        yield Tensor(f"a.attn_{name}", (width, width), "linear", module)
    yield Tensor("a.attn_k_rel", (width, width), "linear", f"{attention}{names['position']}")
    yield Tensor("a.attn_out", (width, width), "linear", f"{post}{linear}")
    yield from parts.norm("a.attn_post_norm", width, names["post_norm"])
    yield from parts.norm("a.conv_pre_norm", width, "lconv1d.pre_layer_norm")
    yield Tensor("a.conv_pw1", (2 * width, width), "linear", f"lconv1d.linear_start{linear}")
    yield Tensor("a.conv_dw", (width, 1, kernel), "conv", "lconv1d.depthwise_conv1d")
    yield from parts.norm("a.conv_norm", width, "lconv1d.conv_norm")
    yield Tensor("a.conv_pw2", (width, width), "linear", f"lconv1d.linear_end{linear}")
    yield from parts.norm("a.ln2", width, names["norm"])


def _half_mlp(width: int, role: str, at: str, linear: str) -> Iterable[Tensor]:
    yield from parts.norm(f"{role}_norm", width, f"{at}pre_layer_norm")
    yield Tensor(f"{role}_up", (4 * width, width), "linear", f"{at}ffw_layer_1{linear}")
    yield Tensor(f"{role}_down", (width, 4 * width), "linear", f"{at}ffw_layer_2{linear}")
    yield from parts.norm(f"{role}_post_norm", width, f"{at}post_layer_norm")
