"""What llama.cpp's architectures do that their tensors do not show.

Source: llama.cpp 0c1e57098, src/models/*.cpp (October 2026), a file for each architecture.
"""

from typing import Final, Literal

import msgspec

from fitcheck.architecture import Model
from fitcheck.engines.llama_cpp.gguf import GgufFile


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """How an architecture's graph differs from Llama's.

    `rows`: where the wanted tokens are singled out, in the last layer, behind it, or behind the
    last norm. `keeps_hidden`: the last layer's result is an output too. `residual_first`: which
    sums have what went in as their first term. `norm_first`: attention's norm is computed before
    anything else of the layer. `layer_norm`: norms subtract the mean; None: those with a shift do.
    With `norms_behind_rope` queries and keys are normed after their positions are turned in.
    `bare_norms` are computed without weights. `position_axes`: numbers in a token's position.
    `turned_positions`: positions are turned into latent queries and keys.

    `scaled_*`: multiplied by a constant or a vector; embeddings `first` of all or `later`, a
    layer's queries by position where no position is turned in (`scaled_positions`) or where one is
    (`heated_queries`), the `head`'s input. `windows`: layers with a sliding window have caches of
    their own size, if `windows_at` is set only in models of so many layers; `chunks` is a window
    that the file does not name. `deep_inputs`: first layers with an input of their own, beside the
    embeddings. `normed_embeddings` are normed before the first layer.
    """

    rows: Literal["layer", "behind", "norm"] = "layer"
    keeps_hidden: bool = False
    residual_first: Literal["none", "mlp", "both"] = "none"
    norm_first: bool = False
    layer_norm: bool | None = None
    norms_behind_rope: bool = False
    bare_norms: tuple[str, ...] = ()
    position_axes: int = 1
    turned_positions: bool = True
    windows: bool = False
    windows_at: int = 0
    chunks: int = 0
    capped_scores: bool = False
    deep_inputs: int = 0
    normed_embeddings: bool = False
    scaled_embeddings: Literal["no", "first", "later"] = "no"
    scaled_positions: bool = False
    heated_queries: bool = False
    scaled_queries: bool = False
    scaled_residual: bool = False
    scaled_head: bool = False
    softmax_of_chosen: bool = False
    normed_weights: bool = True
    scaled_weights: bool = False
    weights_before_experts: bool = False
    shared_gate_is_silu: bool = False
    squared_relu: bool = False


_GEMMA: Final = Traits(scaled_embeddings="later", scaled_queries=True)
_GRANITE: Final = Traits(scaled_embeddings="first", scaled_residual=True)
_QWEN_NEXT: Final = Traits(rows="norm", norm_first=True)
_QWEN_35: Final = Traits(rows="norm", norm_first=True, position_axes=4)

# Architectures of which a part is only sketched: graph/feed_forward.py, unknown.
ROUGH: Final = frozenset(
    (
        "arctic",
        "bert",
        "deepseek4",
        "grok",
        "kimi-k3",
        "minimax-m3",
        "openelm",
        "rwkv6",
        "rwkv7",
    )
)
PLAIN: Final = Traits()
TRAITS: Final[dict[str, Traits]] = {
    "afmoe": Traits(windows=True, scaled_embeddings="later", scaled_weights=True),
    "arcee": Traits(squared_relu=True),
    "bloom": Traits(normed_embeddings=True),
    "cohere2": Traits(layer_norm=True, windows=True),
    "cohere2moe": Traits(rows="norm", layer_norm=True, windows=True),
    "command-r": Traits(layer_norm=True),
    "dbrx": Traits(layer_norm=True),
    "deepseek": Traits(normed_weights=False),
    "deepseek2": Traits(scaled_weights=True),
    "deepseek4": Traits(windows=True),
    "deepseek32": Traits(scaled_weights=True),
    "exaone-moe": Traits(windows=True, scaled_weights=True),
    "exaone4": Traits(windows=True, windows_at=64),
    "gemma": _GEMMA,
    "gemma2": Traits(
        scaled_embeddings="later", scaled_queries=True, windows=True, capped_scores=True
    ),
    "gemma3": Traits(scaled_embeddings="later", scaled_queries=True, windows=True),
    "gemma3n": Traits(rows="behind", scaled_embeddings="later", windows=True),
    "gemma4": Traits(rows="norm", scaled_embeddings="later", windows=True),
    "glm-dsa": Traits(scaled_weights=True),
    "gpt-oss": Traits(
        rows="behind", keeps_hidden=True, windows=True, softmax_of_chosen=True, normed_weights=False
    ),
    "granite": _GRANITE,
    "granite_swa": Traits(scaled_embeddings="first", scaled_residual=True, windows=True),
    "granitehybrid": _GRANITE,
    "granitemoe": _GRANITE,
    "hunyuan-dense": Traits(norms_behind_rope=True),
    "hunyuan-moe": Traits(norms_behind_rope=True),
    "jais2": Traits(squared_relu=True),
    "jamba": Traits(residual_first="both", normed_weights=False),
    "kimi-linear": Traits(norm_first=True, scaled_weights=True, turned_positions=False),
    "laguna": Traits(windows=True, scaled_weights=True),
    "lfm2": Traits(residual_first="both"),
    "lfm2moe": Traits(residual_first="both"),
    "llama4": Traits(
        windows=True,
        chunks=8192,
        scaled_positions=True,
        norms_behind_rope=True,
        bare_norms=("attn_q_norm", "attn_k_norm"),
        normed_weights=False,
        weights_before_experts=True,
    ),
    "mellum": Traits(windows=True),
    "mimo2": Traits(windows=True),
    "minicpm": _GRANITE,
    "minicpm3": Traits(scaled_embeddings="later", scaled_residual=True, scaled_head=True),
    "mpt": Traits(layer_norm=True),
    "nemotron": Traits(squared_relu=True),
    "nemotron_h": Traits(rows="norm", squared_relu=True),
    "nemotron_h_moe": Traits(rows="norm", squared_relu=True, scaled_weights=True),
    "olmo": Traits(layer_norm=True, bare_norms=("attn_norm", "ffn_norm", "output_norm")),
    "olmo2": Traits(windows=True),
    "olmoe": Traits(normed_weights=False),
    "phi2": Traits(scaled_queries=True),
    "phi3": Traits(scaled_queries=True, residual_first="mlp"),
    "phimoe": Traits(scaled_queries=True, residual_first="mlp", layer_norm=False),
    "qwen2moe": Traits(normed_weights=False, shared_gate_is_silu=True),
    "qwen2vl": Traits(position_axes=4),
    "qwen3next": _QWEN_NEXT,
    "qwen3vl": Traits(position_axes=4, deep_inputs=3),
    "qwen3vlmoe": Traits(position_axes=4, deep_inputs=3),
    "qwen35": _QWEN_35,
    "qwen35moe": _QWEN_35,
    "step35": Traits(rows="behind", keeps_hidden=True, windows=True, scaled_weights=True),
}

# Whose file says by what embeddings are multiplied, if at all: conversion/granite.py.
_BY_CONFIG: Final = frozenset(("granite", "granite_swa", "granitehybrid", "granitemoe"))
# Llama 4 Maverick, which does not norm queries and keys: src/models/llama4.cpp.
_WITHOUT_NORMS: Final = 128


def traits(model: Model, file: GgufFile) -> Traits:
    """What the architecture does, and what the file's metadata turn on or off."""
    found = TRAITS.get(file.arch, PLAIN)
    if file.arch == "llama4" and file.experts == _WITHOUT_NORMS:
        return msgspec.structs.replace(found, bare_norms=())
    if file.arch == "mistral3" and model.rope_scaling is not None:
        return msgspec.structs.replace(found, heated_queries=model.rope_scaling.by_position)
    if file.arch in _BY_CONFIG and not model.scales_embeddings:
        found = msgspec.structs.replace(found, scaled_embeddings="no")
    if model.model_type == "bamba":
        return msgspec.structs.replace(found, scaled_residual=False)
    return found
