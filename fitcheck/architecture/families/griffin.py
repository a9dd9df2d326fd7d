"""RecurrentGemma (Griffin): linear recurrences and local attention in turn."""

from collections.abc import Iterable

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.state_space import conv1d
from fitcheck.architecture.feed_forward import DenseMLP
from fitcheck.architecture.mixers import Attention, RecurrentBlock
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor


def recurrent_gemma(c: Config) -> Model:
    """Two recurrent blocks, then one of local attention, and so on; an MLP in each.

    `intermediate_size` counts gate and up together.
    Source: transformers 5.23.0, models/recurrent_gemma/modeling_recurrent_gemma.py.
    """
    c = c.over(attention_window_size=2048, tie_word_embeddings=True)
    cycle = c.items("block_types", "_block_types") or ["recurrent", "recurrent", "attention"]
    kinds = (cycle[i % len(cycle)] == "recurrent" for i in range(parts.layer_count(c)))
    outer = parts.outer_tensors(
        c, tied=c.flag("tie_word_embeddings"), final_norm="model.final_norm"
    )
    return parts.decoder(c, parts.each(kinds, lambda kind: _layer(c, kind)), tensors=outer)


def _layer(c: Config, recurrent: bool) -> Layer:
    hidden_size = c.whole("hidden_size")
    width = c.whole("intermediate_size", default=3 * hidden_size) // 2
    mixer: RecurrentBlock | Attention
    if recurrent:
        mixer = RecurrentBlock(
            lru_width=c.whole("lru_width", default=hidden_size),
            d_conv=c.whole("conv1d_width", default=4),
        )
        tensors = _recurrence(c, hidden_size, mixer)
    else:
        mixer = parts.attention(c, sliding_window=c.whole("attention_window_size"))
        tensors = _attention(hidden_size, mixer, c.flag("attention_bias"))
    return Layer(
        mixers=(mixer,),
        feed_forward=DenseMLP(intermediate_size=width),
        tensors=(
            *parts.norm("attn_norm", hidden_size, "temporal_pre_norm"),
            *tensors,
            *parts.norm("ffn_norm", hidden_size, "channel_pre_norm"),
            *parts.gated_mlp(hidden_size, width, bias=True, prefix="mlp_block."),
        ),
    )


def _attention(hidden_size: int, a: Attention, bias: bool) -> Iterable[Tensor]:
    return parts.split_attention(hidden_size, a, bias=bias, out_bias=True, prefix="temporal_block.")


def _recurrence(c: Config, hidden_size: int, r: RecurrentBlock) -> Iterable[Tensor]:
    """The recurrence and its gates, block-diagonal by heads; GGUF has no names for them."""
    heads, wide, at = c.whole(*parts.HEADS), r.lru_width, "temporal_block."
    if wide % heads:
        raise c.fault("lru_width", f"is {wide}, which {heads} heads cannot share")
    block = wide // heads
    yield from parts.linear("rec_y", wide, hidden_size, f"{at}linear_y", True)
    yield from parts.linear("rec_x", wide, hidden_size, f"{at}linear_x", True)
    yield from conv1d("rec_conv1d", wide, r.d_conv, f"{at}conv_1d", True)
    yield Tensor("rec_a", (wide,), "state", f"{at}rg_lru.recurrent_param")
    for gate in ("input_gate", "recurrent_gate"):
        yield Tensor(f"rec_{gate}", (heads, block, block), "state", f"{at}rg_lru.{gate}_weight")
        yield Tensor(f"rec_{gate}.bias", (heads, block), "state", f"{at}rg_lru.{gate}_bias")
    yield from parts.linear("rec_output", hidden_size, wide, f"{at}linear_out", True)
