"""Gemma 1 to 3's language models; Gemma 3n and 4 have modules of their own.

Source of shapes and defaults: transformers 5.23.0, models/gemma, gemma2, gemma3, vaultgemma.
"""

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.llama import biased
from fitcheck.architecture.families.stack import (
    SANDWICH,
    Norms,
    Style,
    every,
    gated,
    stack,
    windows,
)
from fitcheck.architecture.model import Model


def gemma(c: Config) -> Model:
    """Gemma 1: heads of 256, tied."""
    c = c.over(num_key_value_heads=16, head_dim=256)
    return stack(c, gated(c), biased(c), tied=True)


def gemma2(c: Config) -> Model:
    """Gemma 2: norms on either side, every second layer with a window."""
    c = c.over(num_key_value_heads=4, head_dim=256, sliding_window=4096)
    full = every(parts.layer_count(c), 2)
    return stack(c, gated(c), biased(c, SANDWICH), windows=windows(c, full), tied=True)


def vaultgemma(c: Config) -> Model:
    """VaultGemma: Gemma 2 without the norms that follow."""
    c = c.over(num_key_value_heads=4, head_dim=256, sliding_window=4096)
    norms: Norms = (("attn_norm", "input_layernorm"), ("ffn_norm", "pre_feedforward_layernorm"))
    full = every(parts.layer_count(c), 2)
    return stack(c, gated(c), biased(c, norms), windows=windows(c, full), tied=True)


def gemma3(c: Config) -> Model:
    """Gemma 3's text part: five layers of six with a window, a norm on each head.

    EmbeddingGemma sees both ways, half a window to either side.
    """
    c = c.over(num_key_value_heads=4, head_dim=256, sliding_window=4096)
    both = c.flag("use_bidirectional_attention")
    style = Style(
        bias=c.flag("attention_bias"),
        out_bias=c.flag("attention_bias"),
        norms=SANDWICH,
        qk_norm="head",
        bidirectional=both,
    )
    seen = windows(c, every(parts.layer_count(c), c.whole("sliding_window_pattern", default=6)))
    seen = [w // 2 + 1 if w and both else w for w in seen]
    return stack(c, gated(c), style, windows=seen, tied=True)
