"""Llama and the models that only differ from it in biases, norms and windows."""

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.feed_forward import DenseMLP
from fitcheck.architecture.model import Layer, Model


def llama(c: Config) -> Model:
    """Llama 1 to 3, Mistral, Yi, Vicuna, SmolLM and all that use Llama's class.

    Source: transformers, models/llama/modeling_llama.py (5.23.0).
    """
    bias = c.flag("attention_bias")
    return _stack(c, qkv_bias=bias, out_bias=bias, qk_norm=False)


def qwen2(c: Config) -> Model:
    """Qwen 1.5 to 2.5: biases on q, k and v. Source: models/qwen2/modeling_qwen2.py."""
    return _stack(c, qkv_bias=True, out_bias=False, qk_norm=False)


def qwen3(c: Config) -> Model:
    """Qwen 3: no biases, a norm on each head's queries and keys. Source: models/qwen3."""
    bias = c.flag("attention_bias")
    return _stack(c, qkv_bias=bias, out_bias=bias, qk_norm=True)


def _stack(c: Config, *, qkv_bias: bool, out_bias: bool, qk_norm: bool) -> Model:
    hidden_size = c.whole("hidden_size")
    intermediate_size = c.whole("intermediate_size")
    window = (
        c.optional_whole("sliding_window") if c.flag("use_sliding_window", default=True) else None
    )
    a = parts.attention(c, sliding_window=window)
    layer = Layer(
        mixers=(a,),
        feed_forward=DenseMLP(intermediate_size=intermediate_size),
        tensors=(
            *parts.block_norms(hidden_size),
            *parts.split_attention(
                hidden_size, a, bias=qkv_bias, out_bias=out_bias, qk_norm=qk_norm
            ),
            *parts.gated_mlp(hidden_size, intermediate_size, bias=c.flag("mlp_bias")),
        ),
    )
    return parts.decoder(c, layer)
