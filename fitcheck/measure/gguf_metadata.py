"""What llama.cpp's loader must read in a GGUF file's header before it makes room for the tensors.

Every fact of the model is written for every architecture, which reads what it knows; numbers that
change no shape (epsilons, scales, frequencies) are those of any model. Source: llama.cpp 0c1e57098
(2026-10), src/models/ (load_arch_hparams), src/llama-model.cpp, src/llama-arch.cpp for the keys'
names, src/llama-vocab.cpp for a file without a tokenizer.
"""

from collections.abc import Iterator
from typing import Final

from fitcheck.architecture import Attention, Experts, LatentAttention, Layer, Model
from fitcheck.architecture.feed_forward import FeedForward
from fitcheck.architecture.mixers import GatedDeltaNet, Mamba, Mamba2, Mixer, ShortConv
from fitcheck.errors import BadInput
from fitcheck.measure.gguf_writer import Value

# llama.cpp 0c1e57098 loaded files of theirs that were written so, one for each model of the catalog
# (2026-11-21); the tensors of others need keys that nobody here has worked out.
_LOADED: Final = (
    "baichuan bloom chatglm cohere2 command-r deepseek deepseek2 dots1 ernie4_5"
    " ernie4_5-moe exaone4 falcon gemma gemma2 gemma3 gemma4 glm4 glm4moe gpt-oss gpt2"
    " gptneox granite granitehybrid granitemoe hunyuan-dense hunyuan-moe internlm2 jamba"
    " lfm2 lfm2moe llama llama4 mamba minicpm minimax-m2 mistral3 mpt olmo olmo2 olmoe phi2"
    " phi3 phimoe qwen2 qwen2moe qwen2vl qwen3 qwen35 qwen35moe qwen3moe qwen3next qwen3vl"
    " qwen3vlmoe seed_oss smollm3 stablelm starcoder starcoder2"
)
WRITTEN: Final = frozenset(_LOADED.split())
_SIGMOID: Final = 2
_SOFTMAX: Final = 1
Keys = Iterator[tuple[str, Value]]

_CONSTANTS: Final[dict[str, Value]] = {
    "attention.layer_norm_epsilon": 1e-5,
    "attention.layer_norm_rms_epsilon": 1e-5,
    "use_parallel_residual": True,
    "logit_scale": 0.0625,
    "expert_weights_scale": 1.0,
    "rope.freq_base": 10000.0,
    "attn_logit_softcapping": 50.0,
}
_OF_ONE: Final[dict[str, dict[str, Value]]] = {
    "phi3": {"rope.scaling.original_context_length": 4096, "rope.scaling.attn_factor": 1.19},
    "gpt-oss": {"rope.scaling.type": "yarn", "rope.scaling.factor": 32.0},
    "granitehybrid": {"rope.scaling.finetuned": False},
}
# Read which layers see a window only; others know it by heart.
_PATTERNED: Final = frozenset(("gemma4",))
_SECTIONS: Final = (11, 11, 10, 0)


def metadata(arch: str, model: Model, block_count: int) -> dict[str, Value]:
    """The header's keys. Raises BadInput for an architecture that is not written here."""
    if arch not in WRITTEN:
        raise BadInput(f"measure writes no {arch} file without weights: name a .gguf")
    found: dict[str, Value] = {
        "general.architecture": arch,
        "general.quantization_version": 2,
        "tokenizer.ggml.model": "none",
    }
    own = dict(_OF_ONE.get(arch, {}))
    if arch in _PATTERNED:
        own["attention.sliding_window_pattern"] = tuple(_slides(y) for y in model.layers)
        own["embedding_length_per_layer_input"] = _per_layer(model)
    for key, value in (*_CONSTANTS.items(), *_facts(model, block_count), *own.items()):
        found[f"{arch}.{key}"] = value
    return found


def _facts(model: Model, block_count: int) -> Keys:
    yield "block_count", block_count
    yield "nextn_predict_layers", block_count - len(model.layers)
    yield "context_length", model.context_length or 4096
    yield "embedding_length", model.hidden_size
    yield "vocab_size", model.vocab_size
    yield "rope.dimension_sections", _SECTIONS
    yield from _attention(model)
    yield from _latent(model)
    yield from _feed_forward(model)
    yield from _state_space(model)


def _per_layer(model: Model) -> int:
    """Width of the embeddings that each layer has of its own, 0 where there are none."""
    found = (t.shape[-1] for t in model.tensors if t.role == "per_layer_proj_norm")
    return next(found, 0)


def _mixers(model: Model) -> Iterator[Mixer]:
    return (mixer for layer, _ in model.kinds for mixer in layer.mixers)


def _heads(layer: Layer) -> int:
    """Key-value heads of a layer, 0 where it has no attention."""
    found = (m.num_key_value_heads for m in layer.mixers if isinstance(m, Attention))
    return next(found, 0)


def _attention(model: Model) -> Keys:
    seen = [m for m in _mixers(model) if isinstance(m, Attention)]
    if not seen:
        return
    widest = max(seen, key=lambda m: m.head_dim)
    yield "attention.head_count", widest.num_attention_heads
    yield "attention.head_count_kv", _key_value_heads(model, widest)
    yield "attention.key_length", widest.head_dim
    yield "attention.value_length", widest.value_head_dim
    yield "rope.dimension_count", widest.head_dim
    yield "attention.causal", not any(m.bidirectional for m in seen)
    yield from _window(model, seen)


def _key_value_heads(model: Model, widest: Attention) -> Value:
    """One number, or one a layer where they differ; delta nets stand in for attention unsaid."""
    heads = tuple(_heads(layer) for layer in model.layers)
    if any(isinstance(m, GatedDeltaNet) for m in _mixers(model)) or len(set(heads)) == 1:
        return widest.num_key_value_heads
    return heads


def _window(model: Model, seen: list[Attention]) -> Keys:
    inside = [m for m in seen if m.sliding_window]
    if not inside:
        return
    yield "attention.sliding_window", max(m.sliding_window or 0 for m in inside)
    yield "attention.key_length_swa", inside[0].head_dim
    yield "attention.value_length_swa", inside[0].value_head_dim
    yield "rope.dimension_count_swa", inside[0].head_dim
    yield "attention.shared_kv_layers", sum(_shares(layer) for layer in model.layers)


def _shares(layer: Layer) -> bool:
    return any(isinstance(m, Attention) and m.shares_cache for m in layer.mixers)


def _slides(layer: Layer) -> bool:
    return any(isinstance(m, Attention) and m.sliding_window for m in layer.mixers)


def _latent(model: Model) -> Keys:
    first = next((m for m in _mixers(model) if isinstance(m, LatentAttention)), None)
    if first is None:
        return
    yield "attention.head_count", first.num_attention_heads
    yield "attention.head_count_kv", 1
    yield "attention.kv_lora_rank", first.kv_lora_rank
    if first.q_lora_rank is not None:
        yield "attention.q_lora_rank", first.q_lora_rank
    yield "attention.key_length", first.kv_lora_rank + first.qk_rope_head_dim
    yield "attention.value_length", first.kv_lora_rank
    yield "attention.key_length_mla", first.qk_nope_head_dim + first.qk_rope_head_dim
    yield "attention.value_length_mla", first.v_head_dim
    yield "rope.dimension_count", first.qk_rope_head_dim


def _feed_forward(model: Model) -> Keys:
    dense = tuple(_width(layer) for layer in model.layers)
    feeds: tuple[FeedForward | None, ...] = tuple(y.feed_forward for y in model.layers)
    experts = next((f for f in feeds if isinstance(f, Experts)), None)
    if experts is None:
        yield "feed_forward_length", dense if len(set(dense)) > 1 else dense[0]
        return
    yield "feed_forward_length", max(dense) or experts.intermediate_size
    yield "expert_count", experts.num_experts
    yield "expert_used_count", experts.num_experts_per_tok
    yield "expert_feed_forward_length", experts.intermediate_size
    yield "expert_shared_feed_forward_length", experts.shared_intermediate_size
    yield "expert_shared_count", experts.shared_intermediate_size // experts.intermediate_size
    yield "expert_gating_func", _SIGMOID if _corrected(model) else _SOFTMAX
    sparse = [isinstance(f, Experts) for f in feeds]
    yield "leading_dense_block_count", sparse.index(True)
    yield "interleave_moe_layer_step", 2 if sparse[:3] == [False, True, False] else 1


def _width(layer: Layer) -> int:
    """Inputs of the dense MLP's last matrix, 0 where there is none."""
    return next((t.shape[-1] for t in layer.tensors if t.role == "ffn_down"), 0)


def _corrected(model: Model) -> bool:
    """Whether the router's scores have a correction, which only sigmoids have."""
    return any(t.role.startswith("exp_probs_b") for layer, _ in model.kinds for t in layer.tensors)


def _state_space(model: Model) -> Keys:
    for mixer in _mixers(model):
        match mixer:
            case Mamba():
                yield "ssm.conv_kernel", mixer.d_conv
                yield "ssm.inner_size", mixer.d_inner
                yield "ssm.state_size", mixer.d_state
                yield "ssm.time_step_rank", mixer.dt_rank
            case Mamba2():
                yield "ssm.conv_kernel", mixer.d_conv
                yield "ssm.inner_size", mixer.d_inner
                yield "ssm.state_size", mixer.d_state
                yield "ssm.time_step_rank", mixer.num_heads
                yield "ssm.group_count", mixer.n_groups
            case GatedDeltaNet():
                yield "ssm.conv_kernel", mixer.d_conv
                yield "ssm.inner_size", mixer.num_value_heads * mixer.value_head_dim
                yield "ssm.state_size", mixer.key_head_dim
                yield "ssm.time_step_rank", mixer.num_value_heads
                yield "ssm.group_count", mixer.num_key_heads
                yield "full_attention_interval", _interval(model)
            case ShortConv():
                yield "shortconv.l_cache", mixer.d_conv
            case _:
                pass


def _interval(model: Model) -> int:
    """Every which layer attends."""
    return next((i for i, layer in enumerate(model.layers, 1) if _heads(layer)), 0)
