"""A model's weight tensors as vLLM's own classes hold them, where they are not as published.

Source: vLLM 0.33.0, model_executor/models and models/, by the names given with each rule; every
rule was seen by building the classes without storage.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from fitcheck.architecture import Attention, Layer, Model, Tensor

# Routers that are kept in fp32: glm4_moe.py, minimax_m2.py, minimax_m3, mimo_v2.py, step3p5.py,
# afmoe.py, hy_v3.py, ernie45_moe.py (`params_dtype=torch.float32`).
_FP32_ROUTERS: Final = frozenset(
    {
        "glm4_moe",
        "glm4v_moe",
        "minimax_m2",
        "minimax_m3",
        "minimax_m3_vl",
        "mimo_v2_flash",
        "step3p5",
        "step3p7",
        "afmoe",
        "hy_v3",
        "ernie4_5_moe",
    }
)
# A_log of every state-space and gated-delta-rule layer (mamba_mixer.py, mamba_mixer2.py, gdn/).
_FP32_ROLES: Final = frozenset({"ssm_a"})
# The indexer's norm of DeepSeek V3.2 (deepseek_v2.py, Indexer.k_norm).
_FP32_INDEXER: Final = frozenset({"indexer.k_norm", "indexer.k_norm.bias"})

# Bytes of a number in the checkpoint.
ITEMSIZE: Final[Mapping[str, int]] = {"float32": 4, "int64": 8, "float16": 2, "bfloat16": 2}
# Heads that a class makes whatever tie_word_embeddings says, or never (lfm2.py, lfm2_moe.py).
_OWN_HEAD: Final = frozenset({"qwen3_next", "jamba"})
_TIED: Final = frozenset({"lfm2", "lfm2_moe"})
_BERT: Final = frozenset({"bert", "roberta", "xlm-roberta"})


def itemsize(tensor: Tensor, model_type: str, dtype_bytes: int) -> int:
    """Bytes of one number where no scheme packs the tensor; `dtype_bytes` are the model's.

    Hash tables of expert numbers (DeepSeek V4) are loaded as int32.
    """
    role = tensor.role
    if role in _FP32_ROLES or (role == "ffn_gate_inp" and model_type in _FP32_ROUTERS):
        return 4
    if role in _FP32_INDEXER and model_type in ("deepseek_v32", "glm_moe_dsa"):
        return 4
    if tensor.kind == "norm" and model_type.startswith("deepseek_v4"):
        return dtype_bytes
    if tensor.dtype == "int64":
        return 4
    return ITEMSIZE.get(tensor.dtype, dtype_bytes)


def outside(model: Model) -> Iterator[Tensor]:
    """Tensors outside of layers; BERT's tied decoder is stored a second time (bert.py)."""
    kind = model.model_type
    has_head = any(t.role == "output" for t in model.tensors)
    for tensor in model.tensors:
        if tensor.role == "output.bias" and kind == "phi":
            continue  # transformers' own code is run, and vLLM's head beside it has no bias
        if tensor.role != "output" or kind not in _TIED:
            yield tensor
    # A stage before the last has no vocabulary, and no head.
    if not has_head and model.vocab_size and kind in _BERT | _OWN_HEAD:
        embedding = next(t for t in model.tensors if t.role == "token_embd")
        role = "mlm_head" if kind in _BERT else "output"
        yield Tensor(role=role, shape=embedding.shape, kind="linear", module=role)


def _key_bias(model_type: str, query_bias: Tensor) -> Iterator[Tensor]:
    """Whisper's keys have no bias, but the product they are part of has (whisper.py)."""
    head, _, bias = query_bias.role.rpartition("_q.bias")
    if model_type == "whisper" and head and not bias:
        yield msgspec.structs.replace(query_bias, role=f"{head}_k.bias")


def tower(model_type: str, tensors: Iterable[Tensor]) -> Iterator[Tensor]:
    """A tower's tensors."""
    for tensor in tensors:
        yield tensor
        yield from _key_bias(model_type, tensor)


def inside(model_type: str, layer: Layer) -> Iterator[Tensor]:
    """A layer's tensors; keys that serve as values too are stored twice (gemma4.py)."""
    roles = {t.role for t in layer.tensors}
    doubled = "attn_v" not in roles and any(
        isinstance(m, Attention) and not m.shares_cache for m in layer.mixers
    )
    for tensor in layer.tensors:
        if tensor.unloaded:
            continue
        yield tensor
        yield from _key_bias(model_type, tensor)
        if doubled and tensor.role == "attn_k":
            yield msgspec.structs.replace(tensor, role="attn_v")
