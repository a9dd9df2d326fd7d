"""How a class of the library writes its block, where that decides what stays alive.

Two classes can hold the same tensors and differ in what Python still refers to while the next
matrix is multiplied: a table of rotations, the embeddings, a score matrix that nobody reads again.
A style is that difference, read from a class's `forward` and checked against runs of it.

Source of all: transformers 5.23.0, models/*/modeling_*.py (2026).
"""

from typing import Final, Literal

import msgspec


class Softmax(msgspec.Struct, frozen=True):
    """What eager attention holds of its scores, in bytes for each head and pair of tokens (16 bit).

    `scores` is what the softmax reads and what lives beside it, `inside` what it makes at its
    worst, `kept` what is held until the layer returns. With `fp32_inputs` queries and keys are
    copied to fp32 first.
    """

    scores: int = 2
    inside: int = 8
    kept: int = 2
    fp32_inputs: bool = False


class Rope(msgspec.Struct, frozen=True):
    """How queries and keys are rotated: a share of head_dim, by tables of some type.

    `tables` are held for as many kinds of layer; `product_bytes` is what a rotated number takes,
    `result_bytes` what it is left in (None: as the rest), `upcast` whether fp32 copies are made: of
    queries and keys as a `whole`, or of the `parts` that are multiplied. Tables that a layer
    spreads out anew are `remade`; from one for all positions its rows are `gathered`, as many
    numbers as are rotated, out of a copy for each sequence if it is `spread`. With `kept` queries
    and keys before the rotation are held until attention is done.
    """

    share: float = 1.0
    tables: int = 1
    table_bytes: int | None = None
    product_bytes: int | None = None
    upcast: Literal["none", "whole", "parts"] = "none"
    remade: bool = False
    gathered: int = 0
    spread: bool = False
    kept: bool = False
    result_bytes: int | None = None


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """A class's habits. The defaults are Llama's, which most classes since 2023 were made from.

    Around a layer: `ids` counts the rows of positions that a step has beside the usual,
    `embeddings` the copies of the embedded tokens that the model's forward keeps beside a layer's
    input; with `previous` it still holds what the layer before gave, scores and all.

    In a layer: `norm` is computed in fp32 copies (`rms`, `cohere`) or by one kernel (`layer`);
    None tells it from whether norms have a bias. `post` layers norm behind attention and MLP.
    `keep_normed` and `keep_mixed`: what attention read and what it gave are held while the MLP
    works; `drop_normed`: what the MLP read is not. `activation` is what an MLP without a gate holds
    for each number of its width while it is activated, in bytes; with `norm_inside` a gated one
    norms what it gives to its last matrix.

    Attention: `spare_masks` are made and not used; with `always_masked` SDPA is always given one,
    with `bare_sdpa` it is called without repeating keys and values for it. `repeats_before` says
    that they are repeated before they are cached, `copies_heads` that a matrix of all three is cut
    up into copies; a `gate` of every head is there while scores are. `sdpa`, `flash`: whether the
    class runs them.

    Experts: `router_bytes` is what the router's logits take, `routed_bytes` the weights it gives
    (None: as the rest); with `shared_first` the shared expert's output waits for the others, with
    `all_experts` every token goes to every one.

    Recurrent layers read `chunk` tokens at once; with `fp32_stream` the residual stream is
    fp32. A delta net's inputs come of one matrix or are `split_delta`; with `channel_decay` each
    channel decays by itself (Kimi's KDA).
    """

    ids: int = 0
    embeddings: int = 1
    previous: bool = False
    norm: Literal["rms", "layer", "cohere"] | None = None
    post: bool = False
    keep_normed: bool = False
    keep_mixed: bool = False
    drop_normed: bool = False
    activation: int = 4
    norm_inside: bool = False
    rope: Rope = Rope()
    softmax: Softmax = Softmax()
    spare_masks: int = 0
    always_masked: bool = False
    bare_sdpa: bool = False
    repeats_before: bool = False
    copies_heads: bool = False
    gate: bool = False
    sdpa: bool = True
    flash: bool = True
    router_bytes: int | None = None
    routed_bytes: int | None = None
    shared_first: bool = False
    all_experts: bool = False
    clamped_experts: bool = False
    expert_bias: bool = False
    chunk: int = 256
    fp32_stream: bool = False
    split_delta: bool = False
    channel_decay: bool = False


LLAMA: Final = Style()

# Bytes for each number of the width: the tanh formula of GELU written out in Python, and the rest.
_GELU_NEW: Final = 8
_GELU_BLOOM: Final = 10

_FP32_ROUTER: Final = Style(router_bytes=4, routed_bytes=4)
_INDEXED: Final = msgspec.structs.replace(_FP32_ROUTER, flash=False)
_RECURRENT: Final = Style(fp32_stream=True, sdpa=False, flash=False)
_LLAMA4: Final = Style(all_experts=True, keep_mixed=True, flash=False, softmax=Softmax(2, 2, 2))
_COHERE: Final = Style(norm="cohere", rope=Rope(product_bytes=4, upcast="whole"))
_ERNIE: Final = Rope(table_bytes=4, product_bytes=4, upcast="parts", remade=True)
_OLMO: Final = Rope(table_bytes=4, product_bytes=4)
_GLM: Final = Rope(share=0.5, remade=True)
_GPT2: Final = Style(embeddings=2, keep_mixed=True, activation=_GELU_NEW, softmax=Softmax(2, 2, 2))
_GPTJ: Final = Style(
    previous=True,
    activation=_GELU_NEW,
    rope=Rope(tables=0, gathered=64, spread=True, kept=True),
    softmax=Softmax(4, 4, 2, fp32_inputs=True),
    sdpa=False,
)
_CODEGEN: Final = msgspec.structs.replace(
    _GPTJ,
    rope=Rope(tables=0, gathered=64, product_bytes=4, result_bytes=4, kept=True),
    copies_heads=True,
    flash=False,
)
# A product with itself behind ReLU: the matrix, what is left of it, and its square.
_RELU2: Final = 6
STYLES: Final[dict[str, Style]] = {
    "afmoe": Style(gate=True, router_bytes=4, routed_bytes=4, shared_first=True),
    "apertus": Style(activation=11),
    "arcee": Style(activation=_RELU2),
    "bamba": Style(previous=True),
    "biogpt": Style(embeddings=2, drop_normed=True, softmax=Softmax(2, 2, 2)),
    "bitnet": Style(norm_inside=True),
    "bloom": Style(
        previous=True, activation=_GELU_BLOOM, softmax=Softmax(4, 8, 2), sdpa=False, flash=False
    ),
    "codegen": _CODEGEN,
    "cohere": _COHERE,
    "cohere2": _COHERE,
    "deepseek_v2": _FP32_ROUTER,
    "deepseek_v3": _FP32_ROUTER,
    "deepseek_v32": _INDEXED,
    "deepseek_v4": Style(router_bytes=4, routed_bytes=4, sdpa=False, flash=False),
    "dots1": _FP32_ROUTER,
    "ernie4_5": Style(rope=_ERNIE),
    "ernie4_5_moe": Style(rope=_ERNIE, router_bytes=4, shared_first=True),
    "exaone4": Style(post=True),
    "exaone_moe": _FP32_ROUTER,
    "falcon": Style(
        previous=True,
        softmax=Softmax(4, 2, 2),
        always_masked=True,
        bare_sdpa=True,
        repeats_before=True,
    ),
    "falcon_mamba": _RECURRENT,
    "gemma2": Style(sdpa=False),
    "gemma3": Style(rope=Rope(tables=2)),
    "gemma3_text": Style(rope=Rope(tables=2)),
    "gemma4": Style(rope=Rope(tables=2), routed_bytes=4),
    "gemma4_text": Style(rope=Rope(tables=2), routed_bytes=4),
    "glm": Style(rope=_GLM),
    "glm4": Style(rope=_GLM),
    "glm4_moe": Style(rope=Rope(share=0.5), router_bytes=4, routed_bytes=4),
    "glm4_moe_lite": _FP32_ROUTER,
    "glm4v": Style(ids=6, rope=_GLM),
    "glm4v_text": Style(ids=6, rope=_GLM),
    "glm_moe_dsa": _INDEXED,
    "gpt2": _GPT2,
    "gpt_bigcode": Style(embeddings=2, keep_mixed=True),
    "gpt_neo": Style(
        embeddings=2,
        previous=True,
        activation=_GELU_NEW,
        softmax=Softmax(4, 4, 2, fp32_inputs=True),
        sdpa=False,
    ),
    "gpt_neox": Style(rope=Rope(share=0.25)),
    "gpt_oss": Style(clamped_experts=True, expert_bias=True, sdpa=False, softmax=Softmax(2, 4, 2)),
    "gptj": _GPTJ,
    "hunyuan_v1_moe": Style(shared_first=True, router_bytes=4, routed_bytes=4),
    "hy_v3": _FP32_ROUTER,
    "jais2": Style(activation=_RELU2),
    "kimi_k2": _FP32_ROUTER,
    "kimi_k25": _FP32_ROUTER,
    "kimi_linear": Style(router_bytes=4, routed_bytes=4, chunk=64, channel_decay=True),
    "laguna": Style(rope=Rope(share=0.5), router_bytes=4, shared_first=True),
    "llama4": _LLAMA4,
    "llama4_text": _LLAMA4,
    "mamba": _RECURRENT,
    "mamba2": _RECURRENT,
    "mimo_v2_flash": Style(router_bytes=4, routed_bytes=4, sdpa=False, softmax=Softmax(2, 2, 2)),
    "minimax_m2": Style(rope=Rope(share=0.5), router_bytes=4, routed_bytes=4),
    "mixtral": Style(routed_bytes=4),
    "mllama": Style(flash=False),
    "mpt": Style(previous=True, norm="layer", softmax=Softmax(2, 8, 2), sdpa=False, flash=False),
    "nanochat": Style(activation=_RELU2),
    "nemotron": Style(activation=_RELU2, rope=Rope(share=0.5)),
    "nemotron_h": Style(chunk=128, router_bytes=4, routed_bytes=4, activation=_RELU2),
    "openai-gpt": Style(activation=_GELU_NEW, sdpa=False, flash=False),
    "olmo": Style(norm="layer", rope=_OLMO),
    "olmo2": Style(post=True, rope=_OLMO),
    "olmo3": Style(post=True, rope=Rope(tables=2, table_bytes=4, product_bytes=4)),
    "opt": Style(embeddings=2, drop_normed=True),
    "persimmon": Style(activation=_RELU2, rope=Rope(share=0.5, kept=True)),
    "phi": Style(activation=_GELU_NEW, rope=Rope(share=0.4, kept=True)),
    "qwen2_5_vl": Style(ids=6),
    "qwen2_5_vl_text": Style(ids=6),
    "qwen2_moe": Style(shared_first=True, spare_masks=1),
    "qwen2_vl": Style(ids=6),
    "qwen2_vl_text": Style(ids=6),
    "qwen3_5": Style(chunk=64, split_delta=True),
    "qwen3_5_moe": Style(chunk=64, split_delta=True, shared_first=True),
    "qwen3_5_text": Style(chunk=64, split_delta=True),
    "qwen3_next": Style(chunk=64, shared_first=True),
    "qwen3_vl": Style(ids=6),
    "qwen3_vl_moe": Style(ids=6),
    "qwen3_vl_moe_text": Style(ids=6),
    "qwen3_vl_text": Style(ids=6),
    "solar_open": _FP32_ROUTER,
    "stablelm": Style(
        norm="layer", rope=Rope(share=0.25, kept=True), keep_normed=True, keep_mixed=True
    ),
    "xglm": Style(softmax=Softmax(2, 2, 2), sdpa=False, flash=False),
}


def style(model_type: str) -> Style:
    """The habits of that class, Llama's where the class is not known."""
    return STYLES.get(model_type, LLAMA)
