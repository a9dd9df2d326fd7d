"""RWKV 4 to 7: time mixing that remembers one matrix a head, channel mixing instead of an MLP.

Versions 5 to 7 are not classes of transformers. Their parameters are those of the papers: Eagle and
Finch (arXiv 2404.05892, appendix) and Goose (arXiv 2503.14456, table of released models).
None of these three ties its head to the embeddings, whatever config.json says.
"""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Final

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.feed_forward import DenseMLP
from fitcheck.architecture.mixers import LinearAttention
from fitcheck.architecture.model import Layer, Model
from fitcheck.architecture.tensor import Tensor

HEAD_SIZE: Final = 64
WORDS: Final = {"k": "key", "v": "value", "r": "receptance", "g": "gate"}


def rwkv4(c: Config) -> Model:
    """RWKV 4: five numbers a channel are remembered. Source: transformers 5.23.0, models/rwkv."""
    hidden_size = c.whole("hidden_size")
    wide = c.whole("attention_hidden_size", default=hidden_size)
    time = (
        Tensor("time_mix_decay", (wide,), "state", "attention.time_decay", "float32"),
        Tensor("time_mix_first", (wide,), "state", "attention.time_first", "float32"),
        *_lerps("time_mix", hidden_size, _words("attention.time_mix_", "kvr")),
        *_projections("krv", wide, hidden_size),
    )
    mixer = LinearAttention(
        num_heads=wide, key_head_dim=1, value_head_dim=3, extra_state=2 * hidden_size
    )
    width = c.whole("intermediate_size", default=4 * hidden_size)
    tied = c.flag("tie_word_embeddings")
    return _model(c, "rwkv", mixer, (*time, *_channel(hidden_size, width)), width=width, tied=tied)


def rwkv5(c: Config) -> Model:
    """RWKV 5 (Eagle), with the output gate of version 5.2."""
    hidden_size = c.whole("hidden_size")
    mixer = _matrix_state(c, hidden_size)
    heads = (mixer.num_heads, mixer.key_head_dim)
    time = (
        Tensor("time_mix_decay", heads, "state", "attention.time_decay"),
        Tensor("time_mix_first", heads, "state", "attention.time_faaaa"),
        *_lerps("time_mix", hidden_size, _words("attention.time_mix_", "kvrg")),
        *_projections("krvg", hidden_size, hidden_size),
        *parts.norm("time_mix_ln", hidden_size, "attention.ln_x", True),
    )
    width = _eagle_width(c, hidden_size)
    return _model(c, "rwkv", mixer, (*time, *_channel(hidden_size, width)), width=width)


def rwkv6(c: Config) -> Model:
    """RWKV 6 (Finch): what is mixed and how fast it fades depends on the token."""
    hidden_size = c.whole("hidden_size")
    mixer = _matrix_state(c, hidden_size)
    large = hidden_size >= 4096
    shift = c.whole("lora_rank_tokenshift", default=64 if large else 32)
    decay = c.whole("lora_rank_decay", default=128 if large else 64)
    at = "attention.time_"
    time = (
        *_lerps("time_mix", hidden_size, {name: f"{at}maa_{name}" for name in "xwkvrg"}),
        Tensor("time_mix_w1", (hidden_size, 5 * shift), "state", f"{at}maa_w1"),
        Tensor("time_mix_w2", (5, shift, hidden_size), "state", f"{at}maa_w2"),
        Tensor("time_mix_decay", (1, 1, hidden_size), "state", f"{at}decay"),
        Tensor("time_mix_decay_w1", (hidden_size, decay), "state", f"{at}decay_w1"),
        Tensor("time_mix_decay_w2", (decay, hidden_size), "state", f"{at}decay_w2"),
        Tensor("time_mix_first", (mixer.num_heads, mixer.key_head_dim), "state", f"{at}faaaa"),
        *_projections("krvg", hidden_size, hidden_size),
        *parts.norm("time_mix_ln", hidden_size, "attention.ln_x", True),
    )
    width = _eagle_width(c, hidden_size)
    return _model(c, "rwkv", mixer, (*time, *_channel(hidden_size, width)), width=width)


def rwkv7(c: Config) -> Model:
    """RWKV 7 (Goose): a generalised delta rule, its gates behind low-rank projections.

    The first layer has no value residual (`v0` to `v2`).
    """
    hidden_size = c.whole("hidden_size")
    mixer = _matrix_state(c, hidden_size)
    width = c.whole("intermediate_size", default=4 * hidden_size)
    channel = (
        Tensor("channel_mix_lerp_k", (hidden_size,), "state", "ffn.x_k"),
        Tensor("channel_mix_key", (width, hidden_size), "linear", "ffn.key"),
        Tensor("channel_mix_value", (hidden_size, width), "linear", "ffn.value"),
    )
    first = (*_goose(c, hidden_size, False), *channel)
    rest = (*_goose(c, hidden_size, True), *channel)
    return _model(c, "model", mixer, rest, width=width, first=first)


def _goose(c: Config, hidden_size: int, residual: bool) -> Iterable[Tensor]:
    ranks = {
        "w": _rank(c, hidden_size, 0.5, 1.8, "decay_low_rank_dim", "lora_rank_decay"),
        "a": _rank(c, hidden_size, 0.5, 1.8, "a_low_rank_dim", "lora_rank_iclr"),
        "v": _rank(c, hidden_size, 0.5, 1.3, "v_low_rank_dim", "lora_rank_value_residual_mix"),
        "g": _rank(c, hidden_size, 0.8, 0.6, "gate_low_rank_dim", "lora_rank_gate"),
    }
    yield from _lerps("time_mix", hidden_size, {name: f"attn.x_{name}" for name in "rwkvag"})
    for name, rank in ranks.items():
        if name == "v" and not residual:
            continue
        if name != "g":
            yield Tensor(f"time_mix_{name}0", (hidden_size,), "state", f"attn.{name}_lora.lora.2")
        yield Tensor(f"time_mix_{name}1", (rank, hidden_size), "state", f"attn.{name}_lora.lora.0")
        yield Tensor(f"time_mix_{name}2", (hidden_size, rank), "state", f"attn.{name}_lora.lora.2")
    for name in ("k_k", "k_a", "r_k"):
        yield Tensor(f"time_mix_{name}", (hidden_size,), "state", f"attn.{name}")
    yield from _projections("rkv", hidden_size, hidden_size)
    yield from parts.norm("time_mix_ln", hidden_size, "attn.g_norm", True)


def _rank(c: Config, hidden_size: int, exponent: float, factor: float, *keys: str) -> int:
    """A low rank that grows with the width, in steps of 32 (llama.cpp, conversion/rwkv.py)."""
    default = max(1, round(hidden_size**exponent * factor / 32)) * 32
    return c.whole(*keys, default=default)


def _matrix_state(c: Config, hidden_size: int) -> LinearAttention:
    """A matrix a head, and the last input of time and of channel mixing."""
    size = c.whole("head_size", "head_dim", "attention_head_dim", default=HEAD_SIZE)
    return LinearAttention(
        num_heads=ceil(hidden_size / size),
        key_head_dim=size,
        value_head_dim=size,
        extra_state=2 * hidden_size,
    )


def _eagle_width(c: Config, hidden_size: int) -> int:
    return c.whole("intermediate_size", default=int(hidden_size * 3.5) // 32 * 32)


def _words(module: str, names: str) -> dict[str, str]:
    """The modules of these letters, under their whole names."""
    return {name: f"{module}{WORDS[name]}" for name in names}


def _lerps(role: str, hidden_size: int, modules: Mapping[str, str]) -> Iterable[Tensor]:
    """How much of the last token's input is mixed into each of these."""
    for name, module in modules.items():
        yield Tensor(f"{role}_lerp_{name}", (1, 1, hidden_size), "state", module)


def _projections(names: str, wide: int, hidden_size: int) -> Iterable[Tensor]:
    for word in (WORDS[name] for name in names):
        yield Tensor(f"time_mix_{word}", (wide, hidden_size), "linear", f"attention.{word}")
    yield Tensor("time_mix_output", (hidden_size, wide), "linear", "attention.output")


def _channel(hidden_size: int, width: int) -> Iterable[Tensor]:
    at = "feed_forward."
    yield from _lerps("channel_mix", hidden_size, _words(f"{at}time_mix_", "kr"))
    yield Tensor("channel_mix_key", (width, hidden_size), "linear", f"{at}key")
    yield Tensor("channel_mix_receptance", (hidden_size,) * 2, "linear", f"{at}receptance")
    yield Tensor("channel_mix_value", (hidden_size, width), "linear", f"{at}value")


def _model(
    c: Config,
    at: str,
    mixer: LinearAttention,
    tensors: tuple[Tensor, ...],
    *,
    width: int,
    first: tuple[Tensor, ...] | None = None,
    tied: bool = False,
) -> Model:
    """Layers with a norm before either half; the embeddings pass a norm of their own."""
    hidden_size = c.whole("hidden_size")

    def layer(i: int) -> Layer:
        inside = tensors if i or first is None else first
        return Layer(
            mixers=(mixer,),
            feed_forward=DenseMLP(intermediate_size=width, gated=False),
            tensors=(
                *parts.norm("attn_norm", hidden_size, "ln1", True),
                *parts.norm("attn_norm_2", hidden_size, "ln2", True),
                *inside,
            ),
        )

    outer = (
        *parts.outer_tensors(
            c,
            tied=tied,
            norm_bias=True,
            embeddings=f"{at}.embeddings",
            final_norm=f"{at}.ln_out",
            head="head",
        ),
        *parts.norm("token_embd_norm", hidden_size, f"{at}.blocks.0.pre_ln", True),
    )
    count = parts.layer_count(c)
    layers = parts.each((min(i, 1) for i in range(count)), layer)
    return parts.decoder(
        c.having(tie_word_embeddings=tied), layers, tensors=outer, layers_path=f"{at}.blocks"
    )
