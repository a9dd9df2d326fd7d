"""How vLLM divides a model's tensors over tensor-parallel ranks.

Every rank holds the same share of the same tensors. Source: vLLM 0.33.0,
model_executor/layers/linear.py (ColumnParallelLinear, RowParallelLinear, QKVParallelLinear,
ReplicatedLinear), vocab_parallel_embedding.py, fused_moe/layer.py, mamba/mamba_mixer2.py and the
model classes.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from fitcheck.architecture import Attention, Layer, Mamba2, Tensor
from fitcheck.errors import BadInput
from fitcheck.units import round_up

# vocab_parallel_embedding.py, DEFAULT_VOCAB_PADDING_SIZE.
VOCABULARY_PADDING: Final = 64


class Place(msgspec.Struct, frozen=True):
    """Where a tensor stands: its model's type and its layer, None outside of layers."""

    model_type: str
    layer: Layer | None = None

    @property
    def attention(self) -> Attention | None:
        """The layer's attention with heads of its own, if it has one."""
        mixers = () if self.layer is None else self.layer.mixers
        return next((m for m in mixers if isinstance(m, Attention)), None)

    @property
    def mamba2(self) -> Mamba2 | None:
        """The layer's Mamba 2 mixer, if it has one."""
        mixers = () if self.layer is None else self.layer.mixers
        return next((m for m in mixers if isinstance(m, Mamba2)), None)


Shape = tuple[int, ...]
Way = Callable[[Tensor, Place, int], Shape]


def _evenly(number: int, ranks: int, what: str) -> int:
    if number % ranks:
        raise BadInput(f"vLLM cannot divide {what} of {number} over {ranks} cards")
    return number // ranks


def _whole(tensor: Tensor, place: Place, ranks: int) -> Shape:
    return tensor.shape


def _columns(tensor: Tensor, place: Place, ranks: int) -> Shape:
    """Outputs are divided: the only dimension of vectors, the rows of matrices, each expert's."""
    at = len(tensor.shape) - 2 if tensor.kind in ("linear", "experts") else 0
    if tensor.kind == "bias" and len(tensor.shape) > 1:
        at = len(tensor.shape) - 1
    shape = list(tensor.shape)
    shape[at] = _evenly(shape[at], ranks, f"the outputs of {tensor.role}")
    return tuple(shape)


def _rows(tensor: Tensor, place: Place, ranks: int) -> Shape:
    """Inputs are divided."""
    *front, inputs = tensor.shape
    return (*front, _evenly(inputs, ranks, f"the inputs of {tensor.role}"))


def _vocabulary(tensor: Tensor, place: Place, ranks: int) -> Shape:
    """Rows are filled up to a multiple of 64, then divided."""
    rows = round_up(tensor.shape[0], VOCABULARY_PADDING)
    return (_evenly(rows, ranks, "a vocabulary"), *tensor.shape[1:])


def kv_heads(attention: Attention, ranks: int) -> int:
    """Key-value heads on each rank; where there are fewer than ranks, several hold the same."""
    heads = attention.num_key_value_heads
    if heads < ranks:
        _evenly(ranks, heads, f"{ranks} cards' worth of {heads} key-value heads, copies")
        return 1
    return _evenly(heads, ranks, "key-value heads")


def _norms(tensor: Tensor, place: Place, ranks: int) -> Shape:
    """A norm of each head by itself (Cohere) is divided as heads are, and Mamba 2's as columns."""
    attention = place.attention
    if len(tensor.shape) == 2 and attention is not None:
        keys = tensor.role == "attn_k_norm"
        heads = kv_heads(attention, ranks) if keys else _evenly(tensor.shape[0], ranks, "heads")
        return (heads, *tensor.shape[1:])
    if tensor.role == "ssm_norm" and place.mamba2 is not None:
        return _columns(tensor, place, ranks)
    return tensor.shape


def _padded_sinks(tensor: Tensor, place: Place, ranks: int) -> Shape:
    """DeepSeek V4's kernels take 64 heads or more."""
    return (max(tensor.shape[0] // ranks, min(64, tensor.shape[0])),)


def _index_queries(tensor: Tensor, place: Place, ranks: int) -> Shape:
    """MiniMax M3's indexer: copies of a head where there are fewer heads than ranks."""
    attention = place.attention
    width = (attention.index_head_dim if attention else None) or tensor.shape[0]
    heads = max(1, tensor.shape[0] // width // ranks)
    return (heads * width, *tensor.shape[1:])


def _keys(tensor: Tensor, place: Place, ranks: int) -> Shape:
    attention = place.attention
    if attention is None:
        return _columns(tensor, place, ranks)
    rows = tensor.shape[0] // attention.num_key_value_heads * kv_heads(attention, ranks)
    return (rows, *tensor.shape[1:])


def _queries_keys_values(tensor: Tensor, place: Place, ranks: int) -> Shape:
    attention = place.attention
    if attention is None:
        return _columns(tensor, place, ranks)
    width = attention.head_dim + attention.value_head_dim
    queries = tensor.shape[0] - attention.num_key_value_heads * width
    rows = _evenly(queries, ranks, "queries") + kv_heads(attention, ranks) * width
    return (rows, *tensor.shape[1:])


def ssm_groups(mixer: Mamba2, ranks: int) -> int:
    """Groups of B and C over all ranks: a single one is copied to each.

    Raises BadInput where several do not divide by the ranks.
    """
    if mixer.n_groups % ranks == 0:
        return mixer.n_groups
    if mixer.n_groups != 1:
        raise BadInput(f"vLLM cannot divide {mixer.n_groups} state groups over {ranks} cards")
    return ranks


def _with_groups(tensor: Tensor, place: Place, ranks: int) -> Shape:
    """Mamba 2's projection and convolution: as columns, with B and C copied where they must be."""
    mixer, rows = place.mamba2, tensor.shape[0]
    if mixer is not None:
        rows += 2 * (ssm_groups(mixer, ranks) - mixer.n_groups) * mixer.d_state
    return (_evenly(rows, ranks, f"the outputs of {tensor.role}"), *tensor.shape[1:])


def _table(**words: str) -> dict[str, Way]:
    ways: dict[str, Way] = {
        "columns": _columns,
        "rows": _rows,
        "keys": _keys,
        "norms": _norms,
        "index_queries": _index_queries,
        "queries_keys_values": _queries_keys_values,
        "vocabulary": _vocabulary,
        "with_groups": _with_groups,
    }
    return {role: ways[way] for way, roles in words.items() for role in roles.split()}


# What is not named here is on every rank: norms, routers, MLA's down projections, biases behind a
# product whose inputs are divided.
_WAYS: Final = _table(
    vocabulary="token_embd token_embd_new output output.bias per_layer_token_embd",
    index_queries="indexer.q_proj",
    norms="attn_q_norm attn_k_norm ssm_norm",
    columns="attn_q attn_q.bias attn_q_b attn_kv_b attn_gate attn_sinks attn_output_a"
    " ffn_up ffn_up.bias ffn_gate ffn_gate.bias ffn_gate_up ffn_up_exps ffn_gate_exps"
    " ffn_gate_up_exps ffn_gate_up_exps.bias ffn_up_shexp ffn_gate_shexp"
    " shortconv.in_proj shortconv.conv"
    " ssm_a ssm_d ssm_alpha ssm_beta ssm_ba ssm_conv1d_q ssm_conv1d_k"
    " ssm_conv1d_v ssm_dt ssm_dt.bias ssm_f_b ssm_g ssm_g_b"
    " per_layer_model_proj altup_proj altup_unembd_proj laurel_l"
    " ffn_gate_up.lora_a ffn_gate_up.lora_b attn_q.lora_a attn_q.lora_b attn_k.lora_a"
    " attn_k.lora_b attn_v.lora_a attn_v.lora_b"
    " cross_attn_q cross_attn_q.bias cross_attn_k cross_attn_k.bias cross_attn_v cross_attn_v.bias",
    with_groups="ssm_in ssm_conv1d ssm_conv1d.bias",
    keys="attn_k attn_k.bias attn_v attn_v.bias",
    queries_keys_values="attn_qkv attn_qkv.bias",
    rows="attn_output attn_output_b ffn_down ffn_down_exps ffn_down_shexp ssm_out ssm_x"
    " shortconv.out_proj laurel_r cross_attn_output",
)

# Some classes do not divide what others do.
_BY_TYPE: Final[dict[str, dict[str, Way]]] = {
    # Through transformers, whose tp_plan names attention alone.
    "gpt_bigcode": dict.fromkeys(("ffn_up", "ffn_up.bias", "ffn_down"), _whole),
    "deepseek_v4": {"attn_sinks": _padded_sinks},
    # minimax_m2.py: one norm over all heads, divided with them.
    "minimax_m2": {"attn_q_norm": _columns, "attn_k_norm": _columns},
    # whisper.py: embeddings as nn.Embedding, and a head tied to them.
    "whisper": {"token_embd": _whole},
    # bert.py: every embedding is VocabParallelEmbedding.
    **{
        name: {"token_types": _vocabulary, "position_embd": _vocabulary}
        for name in ("bert", "roberta", "xlm-roberta")
    },
}

_ALWAYS: Final = frozenset({"token_embd", "output", "output.bias", "token_types"})


def share(tensor: Tensor, place: Place, ranks: int) -> Shape:
    """Shape of a tensor of the language model on each of `ranks` ranks.

    Raises BadInput where vLLM does not start because a dimension does not divide.
    """
    if ranks == 1 and tensor.role not in _ALWAYS:
        return tensor.shape
    own = _BY_TYPE.get(place.model_type, {})
    way = own.get(tensor.role) or _WAYS.get(tensor.role, _whole)
    return way(tensor, place, ranks)


def head_divides(layer: Layer, ranks: int) -> None:
    """Raises BadInput where the attention heads of a layer do not divide over the ranks.

    Source: config/model.py, verify_with_parallel_config.
    """
    for mixer in layer.mixers:
        heads = getattr(mixer, "num_attention_heads", None)
        if heads is not None:
            _evenly(heads, ranks, "attention heads")
