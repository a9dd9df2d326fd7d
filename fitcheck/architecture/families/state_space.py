"""Mamba 1 and 2, and the pieces that hybrids take from them."""

from collections.abc import Iterable
from math import ceil

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.mixers import Mamba, Mamba2
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


def mamba(c: Config) -> Model:
    """Mamba 1 and Falcon Mamba (whose extra norms have no weights).

    Source: transformers 5.23.0, models/mamba/modeling_mamba.py and models/falcon_mamba.
    """
    c = c.over(state_size=16, expand=2, conv_kernel=4, tie_word_embeddings=True)
    hidden_size = c.whole("hidden_size")
    m = Mamba(
        d_inner=_expanded(c, hidden_size),
        d_state=c.whole("state_size"),
        d_conv=c.whole("conv_kernel"),
        dt_rank=dt_rank(c, "time_step_rank", hidden_size),
    )
    tensors = mamba_tensors(
        hidden_size,
        m,
        prefix="mixer.",
        bias=c.flag("use_bias"),
        conv_bias=c.flag("use_conv_bias", default=True),
    )
    return _backbone(c, m, tensors)


def mamba2(c: Config) -> Model:
    """Mamba 2. Source: transformers 5.23.0, models/mamba2/modeling_mamba2.py."""
    c = c.over(state_size=128, conv_kernel=4, n_groups=8, num_heads=128, head_dim=64)
    hidden_size = c.whole("hidden_size")
    m = Mamba2(
        num_heads=c.whole("num_heads"),
        head_dim=c.whole("head_dim"),
        d_state=c.whole("state_size"),
        n_groups=c.whole("n_groups"),
        d_conv=c.whole("conv_kernel"),
    )
    bias = c.flag("use_bias")
    tensors = mamba2_tensors(
        hidden_size,
        m,
        prefix="mixer.",
        bias=bias,
        out_bias=bias,
        conv_bias=c.flag("use_conv_bias", default=True),
    )
    return _backbone(c, m, tensors)


def _expanded(c: Config, hidden_size: int) -> int:
    return c.optional_whole("intermediate_size") or int(c.number("expand") * hidden_size)


def _backbone(c: Config, mixer: Mamba | Mamba2, tensors: Iterable[Tensor]) -> Model:
    """Layers of a norm and a mixer, under the names that the Mamba classes share."""
    layer = Layer(
        mixers=(mixer,),
        feed_forward=None,
        tensors=(*parts.norm("attn_norm", c.whole("hidden_size"), "norm"), *tensors),
    )
    outer = parts.outer_tensors(
        c,
        tied=c.flag("tie_word_embeddings"),
        embeddings="backbone.embeddings",
        final_norm="backbone.norm_f",
    )
    return parts.decoder(c, layer, tensors=outer, layers_path="backbone.layers")


def dt_rank(c: Config, key: str, hidden_size: int) -> int:
    """The rank of the time step's projection: a sixteenth of hidden_size if "auto" or not said."""
    if c.values.get(key) in (None, "auto"):
        return ceil(hidden_size / 16)
    return c.whole(key)


def grouped_mamba2(c: Config, d_inner: int) -> Mamba2:
    """The mixer that Bamba's keys describe (`mamba_n_heads`, `mamba_d_head`, ...)."""
    heads = c.whole("mamba_n_heads")
    if d_inner % heads:
        raise c.fault("mamba_n_heads", f"is {heads}, which does not divide {d_inner} channels")
    named = c.values.get("mamba_d_head") not in (None, "auto")
    return Mamba2(
        num_heads=heads,
        head_dim=c.whole("mamba_d_head") if named else d_inner // heads,
        d_state=c.whole("mamba_d_state"),
        n_groups=c.whole("mamba_n_groups"),
        d_conv=c.whole("mamba_d_conv"),
    )


def mamba_tensors(
    hidden_size: int,
    m: Mamba,
    *,
    prefix: str,
    bias: bool = False,
    conv_bias: bool = True,
    norms: bool = False,
) -> Iterable[Tensor]:
    """A Mamba 1 mixer's weights; `norms` are Jamba's, on dt, B and C."""
    wide = m.d_inner
    yield from parts.linear("ssm_in", 2 * wide, hidden_size, f"{prefix}in_proj", bias)
    yield from conv1d("ssm_conv1d", wide, m.d_conv, f"{prefix}conv1d", conv_bias)
    yield Tensor("ssm_x", (m.dt_rank + 2 * m.d_state, wide), "linear", f"{prefix}x_proj")
    if norms:
        yield from parts.norm("ssm_dt_norm", m.dt_rank, f"{prefix}dt_layernorm")
        yield from parts.norm("ssm_b_norm", m.d_state, f"{prefix}b_layernorm")
        yield from parts.norm("ssm_c_norm", m.d_state, f"{prefix}c_layernorm")
    yield from parts.linear("ssm_dt", wide, m.dt_rank, f"{prefix}dt_proj", True)
    yield Tensor("ssm_a", (wide, m.d_state), "state", f"{prefix}A_log")
    yield Tensor("ssm_d", (wide,), "state", f"{prefix}D")
    yield from parts.linear("ssm_out", hidden_size, wide, f"{prefix}out_proj", bias)


def mamba2_tensors(
    hidden_size: int,
    m: Mamba2,
    *,
    prefix: str,
    bias: bool = False,
    out_bias: bool = False,
    conv_bias: bool = True,
    norm: bool = True,
) -> Iterable[Tensor]:
    """A Mamba 2 mixer's weights; the input projection makes gate, x, B, C and dt in one go."""
    projected = m.d_inner + m.conv_dim + m.num_heads
    yield from parts.linear("ssm_in", projected, hidden_size, f"{prefix}in_proj", bias)
    yield from conv1d("ssm_conv1d", m.conv_dim, m.d_conv, f"{prefix}conv1d", conv_bias)
    yield Tensor("ssm_dt.bias", (m.num_heads,), "state", f"{prefix}dt_bias")
    yield Tensor("ssm_a", (m.num_heads,), "state", f"{prefix}A_log")
    yield Tensor("ssm_d", (m.num_heads,), "state", f"{prefix}D")
    if norm:
        yield from parts.norm("ssm_norm", m.d_inner, f"{prefix}norm")
    yield from parts.linear("ssm_out", hidden_size, m.d_inner, f"{prefix}out_proj", out_bias)


def conv1d(role: str, channels: int, d_conv: int, module: str, bias: bool) -> Iterable[Tensor]:
    """A depthwise convolution over the last `d_conv` tokens."""
    yield Tensor(role, (channels, 1, d_conv), "conv", module)
    if bias:
        yield Tensor(f"{role}.bias", (channels,), "bias", module)
