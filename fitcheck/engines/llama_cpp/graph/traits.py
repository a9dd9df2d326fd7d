"""What llama.cpp's architectures do that their tensors do not show.

Source: llama.cpp 0c1e57098, src/models/*.cpp (October 2026), a file for each architecture.
"""

from typing import Final, Literal

import msgspec


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """How an architecture's graph differs from Llama's.

    `rows`: where the wanted tokens are singled out, in the last layer, behind it, or behind the
    last norm. `keeps_hidden`: the last layer's result is an output too. `residual_first`: which
    sums have what went in as their first term. `norm_first`: attention's norm is computed before
    anything else of the layer. `layer_norm`: norms subtract the mean, even without a shift.
    `position_axes`: numbers in a token's position. `scaled_*`: multiplied by a constant or a
    vector. `windows`: layers with a sliding window have caches of their own size.
    """

    rows: Literal["layer", "behind", "norm"] = "layer"
    keeps_hidden: bool = False
    residual_first: Literal["none", "mlp", "both"] = "none"
    norm_first: bool = False
    layer_norm: bool = False
    position_axes: int = 1
    windows: bool = False
    capped_scores: bool = False
    scaled_embeddings: bool = False
    scaled_positions: bool = False
    scaled_queries: bool = False
    scaled_residual: bool = False
    softmax_of_chosen: bool = False
    normed_weights: bool = True
    scaled_weights: bool = False
    weights_before_experts: bool = False
    shared_gate_is_silu: bool = False
    squared_relu: bool = False


_GEMMA: Final = Traits(scaled_embeddings=True, scaled_queries=True)
_GRANITE: Final = Traits(scaled_embeddings=True, scaled_residual=True)
_QWEN_NEXT: Final = Traits(rows="norm", norm_first=True)
_QWEN_35: Final = Traits(rows="norm", norm_first=True, position_axes=4)

PLAIN: Final = Traits()
TRAITS: Final[dict[str, Traits]] = {
    "cohere2": Traits(layer_norm=True, windows=True),
    "command-r": Traits(layer_norm=True),
    "deepseek": Traits(normed_weights=False),
    "deepseek2": Traits(scaled_weights=True),
    "gemma": _GEMMA,
    "gemma2": Traits(scaled_embeddings=True, scaled_queries=True, windows=True, capped_scores=True),
    "gemma3": Traits(scaled_embeddings=True, scaled_queries=True, windows=True),
    "gemma3n": Traits(rows="behind", scaled_embeddings=True, windows=True),
    "gemma4": Traits(rows="norm", scaled_embeddings=True, windows=True),
    "gpt-oss": Traits(
        rows="behind", keeps_hidden=True, windows=True, softmax_of_chosen=True, normed_weights=False
    ),
    "granite": _GRANITE,
    "granitehybrid": _GRANITE,
    "granitemoe": _GRANITE,
    "jamba": Traits(residual_first="both", normed_weights=False),
    "lfm2": Traits(residual_first="both"),
    "lfm2moe": Traits(residual_first="both"),
    "llama4": Traits(
        windows=True, scaled_positions=True, normed_weights=False, weights_before_experts=True
    ),
    "nemotron_h": Traits(rows="norm", squared_relu=True),
    "nemotron_h_moe": Traits(rows="norm", squared_relu=True, scaled_weights=True),
    "phi2": Traits(scaled_queries=True),
    "phi3": Traits(scaled_queries=True, residual_first="mlp"),
    "qwen2moe": Traits(normed_weights=False, shared_gate_is_silu=True),
    "qwen3next": _QWEN_NEXT,
    "qwen35": _QWEN_35,
    "qwen35moe": _QWEN_35,
}
