"""How vLLM divides the towers beside a language model: vision and audio encoders, projectors.

`--mm-encoder-tp-mode weights` is the default: a tower's blocks are divided like the language
model's where its class is written with vLLM's parallel layers. Source: vLLM 0.33.0, model classes
(siglip.py, clip.py, qwen2_5_vl.py, qwen3_vl.py, llama4 in mllama4.py, glm4_1v.py, molmo.py,
interns1_vit.py, minimax_m3, gemma4_mm.py).
"""

from typing import Final, Literal

from fitcheck.architecture import Tensor, Tower

Way = Literal["columns", "rows", "whole"]


def _ways(columns: str = "", rows: str = "", whole: str = "") -> dict[str, Way]:
    found: dict[str, Way] = {}
    for role in columns.split():
        found |= {role: "columns", f"{role}.bias": "columns"}
    for role in rows.split():
        found[role] = "rows"
    for role in whole.split():
        found |= {role: "whole", f"{role}.bias": "whole"}
    return found


_ENCODER: Final = _ways(
    columns="attn_q attn_k attn_v attn_qkv ffn_up ffn_gate ffn_gate_up", rows="attn_out ffn_down"
)
_MERGER: Final = _ways(columns="mm.0 v.deepstack.fc1", rows="mm.2 v.deepstack.fc2")

_MERGED: Final = (
    "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe", "minimax_m3_vl",
)  # fmt: skip

_BY_TYPE: Final[dict[str, dict[str, Way]]] = {
    **dict.fromkeys(_MERGED, _MERGER),
    "llama4": _ways(columns="v.patch_embd mm.model.mlp.1 mm.model.fc", rows="mm.model.mlp.2"),
    "glm4v": _ways(columns="mm.model.fc mm.gate mm.up", rows="mm.down"),
    "glm4v_moe": _ways(columns="mm.model.fc mm.gate mm.up", rows="mm.down"),
    "molmo": _ways(
        columns="mm.pool.attn_q mm.pool.attn_k mm.pool.attn_v mm.gate mm.up",
        rows="mm.pool.attn_out mm.down",
    ),
    "internvl": _ways(whole="v.attn_q v.attn_k v.attn_v v.attn_out"),
}
# Run by transformers' or timm's own code, undivided.
_UNDIVIDED: Final = frozenset({"gemma3n", "gemma4"})
_UNDIVIDED_TOWERS: Final = frozenset({"qformer"})


def share(model_type: str, tower: Tower, tensor: Tensor, ranks: int) -> tuple[int, ...]:
    """Shape of a tower's tensor on each rank; a dimension that does not divide stays whole."""
    if ranks == 1 or model_type in _UNDIVIDED or tower.name in _UNDIVIDED_TOWERS:
        return tensor.shape
    own = _BY_TYPE.get(model_type, {})
    way = own.get(tensor.role) or _ENCODER.get(tensor.role.partition(".")[2], "whole")
    shape = list(tensor.shape)
    at = {"columns": 0, "rows": len(shape) - 1}.get(way)
    if at is not None and shape[at] % ranks == 0:
        shape[at] //= ranks
    return tuple(shape)
