"""A model's tensors as convert_hf_to_gguf.py lays them out in a GGUF file.

Source: llama.cpp 0c1e57098 (2026-10), conversion/ (base.py for what stays in 32 bits, a module a
family for the rest) and src/llama-quant.cpp, tensor_allows_quantization.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from fitcheck.architecture import (
    Attention,
    Experts,
    LatentAttention,
    Layer,
    Mamba2,
    Model,
    Tensor,
)
from fitcheck.engines.llama_cpp.architectures import architecture
from fitcheck.engines.llama_cpp.gguf import Block, Converted, GgufFile, GgufTensor

# Stay in 32 bits though they are matrices. base.py, prepare_tensors.
_F32: Final = frozenset(
    [
        "ffn_gate_inp",
        "ffn_gate_inp_shexp",
        "position_embd",
        "token_types",
        "ssm_conv1d",
        "ssm_conv1d_q",
        "ssm_conv1d_k",
        "ssm_conv1d_v",
        "shortconv.conv",
        "time_mix_first",
        "time_mix_w1",
        "time_mix_w2",
        "time_mix_decay_w1",
        "time_mix_decay_w2",
        "time_mix_lerp_fused",
        "altup_correct_coef",
        "altup_predict_coef",
        "indexer.proj",
        "indexer.k_proj",
        "indexer.q_proj",
    ]
)
# Stay as converted whatever is asked for. llama-quant.cpp, tensor_allows_quantization; beside
# these all that is a norm, a vector, or has no `.weight` at the end of its name.
_AS_CONVERTED: Final = frozenset(
    [
        "ffn_gate_inp",
        "ffn_gate_tid2eid",
        "per_layer_model_proj",
        "position_embd",
        "token_types",
        "ssm_conv1d",
        "ssm_conv1d_q",
        "ssm_conv1d_k",
        "ssm_conv1d_v",
        "shortconv.conv",
        "indexer.k_proj",
        "indexer.q_proj",
        "time_mix_first",
        "time_mix_w0",
        "time_mix_w1",
        "time_mix_w2",
        "time_mix_v0",
        "time_mix_v1",
        "time_mix_v2",
        "time_mix_a0",
        "time_mix_a1",
        "time_mix_a2",
        "time_mix_g1",
        "time_mix_g2",
        "time_mix_decay_w1",
        "time_mix_decay_w2",
        "time_mix_lerp_fused",
    ]
)
_AS_CONVERTED_PARTS: Final = ("altup", "laurel")
# No `.weight` in their names.
_BARE: Final = frozenset(("ssm_a", "ssm_d"))

# Their key-value heads are a list with 0 for layers without attention; mixtures look at layer 0.
_HEADS_BY_LAYER: Final = frozenset(
    [
        "gemma4",
        "granitehybrid",
        "jamba",
        "kimi-k3",
        "kimi-linear",
        "lfm2",
        "lfm2moe",
        "mimo2",
        "nemotron_h",
        "nemotron_h_moe",
    ]
)
# LLM_TYPE_70B by the number of layers. src/models/{llama,qwen2,deci,olmo,jais2}.cpp.
_LARGE: Final = {"llama": 80, "qwen2": 80, "deci": 80, "olmo": 80, "jais2": 68}

# The converter writes their layers for multi-token prediction into the file, and did when they
# were published. It leaves those of DeepSeek V2 and V3 out, and left out Qwen3-Next's and Qwen3.5's
# until May and July 2026, when llama.cpp learnt to use them, so that most files have none.
_MTP_IN_FILE: Final = frozenset(
    [
        "deepseek32",
        "exaone-moe",
        "glm-dsa",
        "glm4moe",
        "hy_v3",
        "mimo2",
        "nemotron_h",
        "nemotron_h_moe",
        "step35",
    ]
)

# Gemma 3n's embeddings are cut to the rows of those for each layer (in _outside): files published
# with the model leave out the 256 tokens of images and sound, which the converter has filled up
# with zeros since December 2025.
# Their checkpoints hold the head, though transformers ties it to the embeddings.
_WITH_HEAD: Final = frozenset(("falcon",))
# Models whose latent rows llama.cpp unpacks before it keeps them, by one matrix for both:
# src/models/minicpm3.cpp, plm.cpp.
UNPACKED: Final = frozenset(("minicpm3", "plm"))
# What some architectures call a tensor that the others call otherwise. src/llama-arch.cpp,
# LLM_TENSOR_ATTN_POST_NORM in place of LLM_TENSOR_FFN_NORM, and LLM_TENSOR_OUTPUT_NORM_LFM2.
CALLED: Final = {
    **{(arch, "ffn_norm"): "post_attention_norm" for arch in ("gpt-oss", "glm4moe", "seed_oss")},
    **{(arch, "output_norm"): "token_embd_norm" for arch in ("lfm2", "lfm2moe")},
}
# Several equal matrices that become one tensor. conversion/gemma.py.
_STACKED: Final = frozenset(("altup_proj", "altup_unembd_proj"))
# BERT is converted as an encoder, without what predicts masked words. conversion/bert.py.
_PREDICTION: Final = frozenset(("cls", "cls.bias", "cls.norm", "cls.norm.bias", "output.bias"))


def gguf_file(model: Model, mtp: bool | None = None) -> GgufFile:
    """The file that llama.cpp's converter makes of a model.

    `mtp`: with the layers for multi-token prediction; None as its published files have them.
    Raises BadInput where llama.cpp has no architecture for it.
    """
    arch = architecture(model)
    ahead = model.mtp_layers if (arch in _MTP_IN_FILE if mtp is None else mtp) else ()
    layers = (*model.layers, *ahead)
    experts = max(map(_experts, model.layers), default=0)
    outside = (t for tensor in _outside(model, arch) for t in _convert(tensor, model, None, arch))
    return GgufFile(
        arch=arch,
        outside=(*outside, *_rope_factors(model, arch)),
        blocks=tuple(_blocks(model, layers, arch)),
        block_count=len(layers),
        nextn=len(ahead),
        experts=experts,
        gqa=_gqa(model, arch),
        large=_is_large(model, arch, experts),
        rope_layers=tuple(_rope_layers(model, arch)) if arch == "gemma4" else None,
        scanned=_scanned(model),
    )


def _outside(model: Model, arch: str) -> Iterator[Tensor]:
    rows = {t.role: t.shape[0] for t in model.tensors}
    for t in model.tensors:
        if arch == "bert" and t.role in _PREDICTION:
            continue
        if t.role in _STACKED:
            count = sum(other.role == t.role for other in model.tensors)
            if rows.pop(t.role, None):
                yield Tensor(t.role, (count, *t.shape))
        elif arch == "gemma3n" and t.role == "token_embd":
            yield Tensor(t.role, (rows["per_layer_token_embd"], *t.shape[1:]), t.kind)
        else:
            yield t
        if arch in _WITH_HEAD and model.tie_word_embeddings and t.role == "token_embd":
            yield Tensor("output", t.shape)


def _blocks(model: Model, layers: Iterable[Layer], arch: str) -> Iterator[Block]:
    numbers: dict[int, list[int]] = {}
    kinds: dict[int, Layer] = {}
    for i, layer in enumerate(layers):
        kinds[id(layer)] = layer
        numbers.setdefault(id(layer), []).append(i)
    for key, layer in kinds.items():
        tensors = (t for tensor in layer.tensors for t in _convert(tensor, model, layer, arch))
        yield Block(tuple(tensors), tuple(numbers[key]))


def _convert(t: Tensor, model: Model, layer: Layer | None, arch: str) -> Iterator[GgufTensor]:
    split = _SPLIT.get(t.role)
    for role, shape in ((t.role, t.shape),) if split is None else split(t, layer, arch):
        yield _gguf_tensor(role, shape, t.kind == "experts" and _is_mxfp4(model))


def _gguf_tensor(role: str, shape: tuple[int, ...], mxfp4: bool = False) -> GgufTensor:
    ne = tuple(n for n in reversed(shape) if n != 1) or (1,)
    name, _, suffix = role.partition(".")
    plain = role in _BARE or suffix in ("bias", "scale") or name.endswith("_norm")
    exact = len(ne) < 2 or plain
    converted: Converted = "f32" if exact or role in _F32 else "mxfp4" if mxfp4 else "f16"
    kept = role in _AS_CONVERTED or any(part in role for part in _AS_CONVERTED_PARTS)
    return GgufTensor(role, ne, converted, not (exact or kept))


def _is_mxfp4(model: Model) -> bool:
    return (model.quantization_config or {}).get("quant_method") == "mxfp4"


Pieces = Iterable[tuple[str, tuple[int, ...]]]


def _latent(t: Tensor, layer: Layer | None, arch: str) -> Pieces:
    """Latent keys and values are expanded by a matrix for each head, the keys' one transposed.

    But for two architectures, which keep the checkpoint's matrix.
    """
    a = next(m for m in layer.mixers if isinstance(m, LatentAttention)) if layer else None
    assert a is not None
    if arch in UNPACKED:
        yield t.role, t.shape
        return
    yield "attn_k_b", (a.num_attention_heads, a.kv_lora_rank, a.qk_nope_head_dim)
    yield "attn_v_b", (a.num_attention_heads, a.v_head_dim, a.kv_lora_rank)


def _halves(t: Tensor, layer: Layer | None, arch: str) -> Pieces:
    """Gate and up, that a checkpoint may keep in one, are two tensors but for Gemma 4."""
    if arch == "gemma4":
        yield t.role, t.shape
        return
    out = 1 if t.kind == "bias" else -2
    shape = (*t.shape[:out], t.shape[out] // 2, *t.shape[out:][1:])
    for part in ("gate", "up"):
        yield t.role.replace("gate_up", part), shape


def _qkv(t: Tensor, layer: Layer | None, arch: str) -> Pieces:
    """Queries, keys and values in one stay so, but for two architectures that want them apart."""
    if arch not in _APART or layer is None:
        yield t.role, t.shape
        return
    a = next(m for m in layer.mixers if isinstance(m, Attention))
    keys = a.num_key_value_heads * a.head_dim
    for part, rows in (("q", a.num_attention_heads * a.head_dim), ("k", keys), ("v", keys)):
        yield t.role.replace("attn_qkv", f"attn_{part}"), (rows, *t.shape[1:])


def _one_up(t: Tensor, layer: Layer | None, arch: str) -> Pieces:
    """A dense gate and up in one are called up."""
    yield t.role.replace("ffn_gate_up", "ffn_up"), t.shape


def _corrected(t: Tensor, layer: Layer | None, arch: str) -> Pieces:
    yield "exp_probs_b.bias", t.shape


def _scales(t: Tensor, layer: Layer | None, arch: str) -> Pieces:
    """A router's scale for each expert stands beside what it is multiplied with."""
    yield "ffn_down_exps.scale", t.shape


def _metadata(t: Tensor, layer: Layer | None, arch: str) -> Pieces:
    """Numbers that go to the file's header."""
    return ()


# conversion/internlm.py, baichuan.py
_APART: Final = frozenset(("baichuan", "internlm2"))
_SPLIT: Final[dict[str, Callable[[Tensor, Layer | None, str], Pieces]]] = {
    "attn_kv_b": _latent,
    "attn_qkv": _qkv,
    "attn_qkv.bias": _qkv,
    "exp_probs_b": _corrected,
    "ffn_alpha_n": _metadata,
    "ffn_alpha_p": _metadata,
    "ffn_gate_inp.expert_scale": _scales,
    "ffn_gate_up": _one_up,
    "ffn_gate_up.bias": _one_up,
    "ffn_gate_up_exps": _halves,
    "ffn_gate_up_exps.bias": _halves,
    "ffn_gate_up_shexp": _halves,
}


def _experts(layer: Layer) -> int:
    return layer.feed_forward.num_experts if isinstance(layer.feed_forward, Experts) else 0


def _gqa(model: Model, arch: str) -> int:
    """Query heads for one key-value head, as hparams.n_gqa() has it."""
    layers = model.layers[:1] if arch in _HEADS_BY_LAYER else model.layers
    for layer in layers:
        for m in layer.mixers:
            if isinstance(m, LatentAttention):
                return 1 if arch in UNPACKED else m.num_attention_heads
            if isinstance(m, Attention):
                return m.num_attention_heads // m.num_key_value_heads
    return 0


def _scanned(model: Model) -> tuple[int, int] | None:
    for layer, _ in model.kinds:
        for m in layer.mixers:
            if isinstance(m, Mamba2):
                return m.d_state, m.head_dim
    return None


def _is_large(model: Model, arch: str, experts: int) -> bool:
    if len(model.layers) != _LARGE.get(arch):
        return False
    return arch != "llama" or (experts != 8 and _gqa(model, arch) > 1)


# Architectures whose converter turns Llama 3.1's scaling into factors, and those with longrope's.
# conversion/{llama,exaone,deci}.py; conversion/{phi,minicpm}.py.
_LLAMA3: Final = frozenset(
    [
        "apertus",
        "arcee",
        "deci",
        "exaone",
        "exaone4",
        "exaone-moe",
        "llama",
        "llama4",
        "mistral3",
        "smollm3",
    ]
)
_LONGROPE: Final = frozenset(("minicpm", "minicpm3", "phi3", "phimoe"))


def _rope_factors(model: Model, arch: str) -> Iterator[GgufTensor]:
    """The factors of rotary frequencies, a number for each two dimensions of a head."""
    scaling, half = model.rope_scaling, _head_dim(model) // 2
    kind = scaling.rope_type if scaling else _unsaid(model, arch)
    if (kind == "llama3" and arch in _LLAMA3) or arch == "gemma4":
        yield GgufTensor("rope_freqs", (half,), "f32", False)
    elif kind == "longrope" and arch in _LONGROPE:
        factors = (scaling.factors if scaling else 0) or half
        yield GgufTensor("rope_factors_long", (factors,), "f32", False)
        yield GgufTensor("rope_factors_short", (factors,), "f32", False)


def _unsaid(model: Model, arch: str) -> str:
    """The scaling of models whose config.json is shortened, by what only they are.

    Every Llama with 128 k tokens of Llama 3's vocabulary, every Phi 3 with 128 k tokens, and what
    the class takes if nothing is said (Apertus).
    """
    if arch == "apertus":
        return "llama3"
    if (model.context_length or 0) < 131072:
        return ""
    if arch == "llama" and model.vocab_size == 128256:
        return "llama3"
    return "longrope" if arch == "phi3" else ""


def _head_dim(model: Model) -> int:
    """The widest head: where a model has two widths, the layers that see all have the wider."""
    mixers = (m for layer, _ in model.kinds for m in layer.mixers)
    return max((m.head_dim for m in mixers if isinstance(m, Attention)), default=0)


def _rope_layers(model: Model, arch: str) -> Iterator[int]:
    for i, layer in enumerate(model.layers):
        if any(isinstance(m, Attention) and m.sliding_window is None for m in layer.mixers):
            yield i
