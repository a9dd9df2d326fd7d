"""The towers of Phi-4 Multimodal: SigLIP, and a conformer for speech.

Source: transformers 5.23.0, models/phi4_multimodal/modeling_phi4_multimodal.py.
"""

from collections.abc import Iterable
from math import ceil, log2

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.towers.encoder import blocks
from fitcheck.architecture.tensor import Tensor


def phi4_audio(c: Config, at: str) -> Iterable[Tensor]:
    """A conformer of 24 blocks on an eighth of the frames."""
    width = c.whole("hidden_size", "attention_dim", default=1024)
    heads = c.whole("num_attention_heads", "attention_heads", default=16)
    bands = (c.whole("input_size", default=80),)
    for name in ("global_mean", "global_invstd"):
        yield Tensor(f"a.{name}", bands, "state", f"{at}encoder_embedding.{name}", "", True)
    yield from _subsample(c, width, f"{at}embed.")
    distance = c.whole("bias_max_distance", default=1000)
    rows = distance if c.flag("bias_symmetric") else 2 * distance
    module = f"{at}relative_attention_bias_layer.bias_values"
    yield Tensor("a.attn_rel_b", (rows, heads), "embedding", module)
    count = c.layer_count("num_blocks") if "num_blocks" in c else 24
    yield from blocks(f"{at}encoders.", count, list(_block(c, width)))


def _subsample(c: Config, width: int, at: str) -> Iterable[Tensor]:
    """Convolutions that halve time and bands, the later ones depthwise, then a matrix."""
    channels = c.whole("nemo_conv_channels", default=1024)
    bands, stages = (
        c.whole("input_size", default=80),
        int(log2(c.whole("time_reduction", default=8))),
    )
    yield from _conv("a.conv2d.0", (channels, 1, 3, 3), f"{at}conv.0")
    for i in range(1, stages):
        yield from _conv("a.conv2d.dw", (channels, 1, 3, 3), f"{at}conv.{3 * i - 1}")
        yield from _conv("a.conv2d.pw", (channels, channels, 1, 1), f"{at}conv.{3 * i}")
    for _ in range(stages):
        bands = ceil(bands / 2)
    yield from parts.linear("a.conv_out", width, channels * bands, f"{at}out", True)


def _conv(role: str, shape: tuple[int, ...], module: str) -> Iterable[Tensor]:
    yield Tensor(role, shape, "conv", module)
    yield Tensor(f"{role}.bias", shape[:1], "bias", module)


def _block(c: Config, width: int) -> Iterable[Tensor]:
    inner = c.whole("intermediate_size", "linear_units", default=1536)
    for name in ("in", "out"):
        at = f"feed_forward_{name}."
        yield from parts.norm(f"a.ffn_{name}_norm", width, f"{at}layer_norm", True)
        yield from parts.linear(
            f"a.ffn_{name}_gate_up", 2 * inner, width, f"{at}gate_up_proj", True
        )
        yield from parts.linear(f"a.ffn_{name}_down", width, inner, f"{at}down_proj", True)
    for name in "qkvo":
        role = "a.attn_out" if name == "o" else f"a.attn_{name}"
        yield from parts.linear(role, width, width, f"self_attn.{name}_proj", True)
    yield from _convolution(c, width)
    yield from parts.norm("a.ln1", width, "layer_norm_att", True)
    yield from parts.norm("a.ln2", width, "layer_norm", True)


def _convolution(c: Config, width: int) -> Iterable[Tensor]:
    out = c.whole("ext_pw_out_channel", default=1024)
    separable = c.whole("depthwise_separable_out_channel", default=1024)
    kernel, multiplier = (
        c.whole("kernel_size", default=3),
        c.whole("depthwise_multiplier", default=1),
    )
    yield from parts.norm("a.conv_norm", width, "conv.layer_norm", True)
    yield Tensor("a.conv_glu_b1", (1, out, 1), "state", "conv.glu.b1")
    yield Tensor("a.conv_glu_b2", (1, out, 1), "state", "conv.glu.b2")
    yield from _conv("a.conv_pw1", (2 * out, width, 1), "conv.glu.ext_pw_conv_1d")
    wide = width * multiplier
    yield from _conv("a.conv_dw", (wide, 1, kernel), "conv.dw_sep_conv_1d.dw_conv")
    yield from _conv("a.conv_pw", (separable, wide, 1), "conv.dw_sep_conv_1d.pw_conv")
    yield from _conv("a.conv_pw2", (out, width, 1), "conv.ext_pw_conv_1d")
