"""A model from the tensor list alone, for architectures that nobody has written a family for.

The weights are exact, since they are the file's own. What the layers remember is read from the
tensors' roles and the usual keys, which is right for most models; `approximate` says so.
"""

from typing import Final

from fitcheck.architecture import (
    Attention,
    DenseMLP,
    Experts,
    FeedForward,
    GatedDeltaNet,
    Kind,
    LatentAttention,
    Layer,
    Mamba,
    Mamba2,
    Mixer,
    Model,
    ShortConv,
    Tensor,
)
from fitcheck.architecture.checkpoint import StoredTensor, part
from fitcheck.sources.gguf.facts import Facts

Block = dict[str, StoredTensor]


def outline(f: Facts, why: str) -> Model:
    """The model that a header's tensors add up to; `why` is what is only near about it."""
    known: dict[tuple[object, ...], Layer] = {}
    layers = [_layer(f, i, block) for i, block in enumerate(f.blocks)]
    shared = [known.setdefault((la.mixers, la.feed_forward, la.tensors), la) for la in layers]
    return Model(
        model_type=f.architecture,
        hidden_size=f.whole("embedding_length"),
        vocab_size=f.vocab_size,
        context_length=f.whole("context_length") or None,
        layers=tuple(shared[: f.layers]),
        mtp_layers=tuple(shared[f.layers :]),
        tensors=tuple(
            tensor(role, stored)
            for role, stored in f.outside.items()
            if part(stored.name) == "language"
        ),
        tie_word_embeddings="output" not in f.outside,
        approximate=(why,),
    )


def tensor(role: str, stored: StoredTensor) -> Tensor:
    """A stored tensor with its purpose."""
    return Tensor(role, stored.shape, kind(role, stored.shape))


# Short parameters of state-space layers, routers' corrections, sinks: never a matrix product.
# Source: llama.cpp 0c1e57098 (2026-10), src/llama-arch.cpp, LLM_TENSOR_NAMES.
_STATE: Final = ("ssm_a", "ssm_d", "ssm_dt", "attn_sinks", "exp_probs_b", "time_mix", "layer_out")


def kind(role: str, shape: tuple[int, ...]) -> Kind:
    """What a tensor of this role is to a quantizer."""
    if role.endswith(".bias"):
        return "bias"
    if "norm" in role:
        return "norm"
    if "conv" in role and "proj" not in role:
        return "conv"
    if len(shape) < 2 or (role.startswith(_STATE) and role != "ssm_dt"):
        return "state"
    if role.endswith("_embd") or role == "token_types":
        return "embedding"
    return "experts" if len(shape) > 2 and "exps" in role else "linear"


def _layer(f: Facts, index: int, block: Block) -> Layer:
    return Layer(
        mixers=tuple(_mixers(f, index, block)),
        feed_forward=_feed_forward(f, block),
        tensors=tuple(tensor(role, stored) for role, stored in block.items()),
        parallel="ffn_norm" not in block and "post_attention_norm" not in block,
    )


def _mixers(f: Facts, index: int, block: Block) -> list[Mixer]:
    found: list[Mixer] = []
    if "shortconv.conv" in block:
        found.append(
            ShortConv(
                channels=block["shortconv.conv"].shape[0], d_conv=f.whole("shortconv.l_cache", 3)
            )
        )
    recurs = "ssm_conv1d" in block or "ssm_conv1d_q" in block
    if recurs:
        found.append(_recurrent(f, block))
    if "attn_kv_a_mqa" in block:
        found.append(_latent(f, block))
    elif not recurs or "attn_k" in block:
        found.extend(_attention(f, index, block))
    return found


def _attention(f: Facts, index: int, block: Block) -> list[Mixer]:
    if not block.keys() & {"attn_q", "attn_k", "attn_qkv", "attn_q_a"}:
        return []
    heads = _at(f.each("attention.head_count"), index) or f.heads
    slides = f.sliding
    window = f.window if slides and _at(slides, index) else None
    narrow = f.whole("attention.key_length_swa") if window else 0
    return [
        Attention(
            num_attention_heads=heads,
            num_key_value_heads=_at(f.each("attention.head_count_kv"), index) or f.key_value_heads,
            head_dim=narrow or f.head_dim,
            value_head_dim=(f.whole("attention.value_length_swa") if narrow else 0)
            or f.whole("attention.value_length") or f.head_dim,
            sliding_window=window,
            chunked=window is not None and f.architecture == "llama4",
            shares_cache=f.layers - f.whole("attention.shared_kv_layers") <= index < f.layers,
        )
    ]  # fmt: skip


def _latent(f: Facts, block: Block) -> LatentAttention:
    rope = f.whole("rope.dimension_count")
    indexed = f.whole("attention.indexer.key_length") if "indexer.attn_k" in block else 0
    return LatentAttention(
        num_attention_heads=f.heads,
        q_lora_rank=f.whole("attention.q_lora_rank") or None,
        kv_lora_rank=f.whole("attention.kv_lora_rank"),
        qk_nope_head_dim=f.whole("attention.key_length_mla", f.head_dim) - rope,
        qk_rope_head_dim=rope,
        v_head_dim=f.whole("attention.value_length_mla") or f.whole("attention.value_length"),
        index_head_dim=indexed or None,
    )


def _recurrent(f: Facts, block: Block) -> Mixer:
    inner, heads = f.whole("ssm.inner_size"), f.whole("ssm.time_step_rank", 1) or 1
    d_state, d_conv = f.whole("ssm.state_size"), f.whole("ssm.conv_kernel", 4)
    if "ssm_x" in block:
        return Mamba(d_inner=inner, d_state=d_state, d_conv=d_conv, dt_rank=heads)
    if "ssm_in" in block:
        return Mamba2(
            num_heads=heads,
            head_dim=inner // heads,
            d_state=d_state,
            n_groups=f.whole("ssm.group_count", 1),
            d_conv=d_conv,
        )
    if "ssm_conv1d_q" in block:  # Kimi's KDA: every head alike
        dim = f.whole("kda.head_dim", f.head_dim)
        return GatedDeltaNet(
            num_key_heads=f.heads,
            num_value_heads=f.heads,
            key_head_dim=dim,
            value_head_dim=dim,
            d_conv=d_conv,
        )
    return GatedDeltaNet(
        num_key_heads=f.whole("ssm.group_count", 1),
        num_value_heads=heads,
        key_head_dim=d_state,
        value_head_dim=inner // heads,
        d_conv=d_conv,
    )


def _feed_forward(f: Facts, block: Block) -> FeedForward | None:
    down, routed = block.get("ffn_down"), block.get("ffn_down_exps") or block.get("ffn_down.0")
    dense = down.shape[-1] if down else 0
    if routed is not None:
        shared = block.get("ffn_down_shexp")
        return Experts(
            num_experts=f.whole("expert_count", 1),
            num_experts_per_tok=f.whole("expert_used_count", 1),
            intermediate_size=routed.shape[-1],
            shared_intermediate_size=shared.shape[-1] if shared else 0,
            dense_intermediate_size=dense,
            gated="ffn_up_exps" not in block or "ffn_gate_exps" in block,
        )
    if not dense:
        return None
    up = block.get("ffn_up")
    fused = "ffn_gate" not in block and up is not None and up.shape[0] == 2 * dense
    return DenseMLP(intermediate_size=dense, gated=fused or "ffn_gate" in block, fused=fused)


def _at(values: list[int] | list[bool], index: int) -> int:
    return values[index] if index < len(values) else 0
