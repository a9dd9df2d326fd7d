"""Which GGUF architecture a model becomes, and why some become none.

Source: llama.cpp 0c1e57098 (2026-10), conversion/__init__.py (TEXT_MODEL_MAP) and the classes that
it names; src/llama-model.cpp for what is run.
"""

from typing import Final

from fitcheck.architecture import Experts, Model
from fitcheck.errors import BadInput

# By model_type without `_text`; where both names are the same only the left one is given.
_SAME: Final = (
    "afmoe apertus arcee bitnet bloom chatglm cohere2 dbrx deepseek dots1 ernie4_5 exaone4 falcon"
    " gemma gemma2 gemma3 gemma3n gemma4 glm4 gpt2 granite granitemoe jamba kimi-linear laguna lfm2"
    " llama llama4 mamba mamba2 mellum minicpm minicpm3 mistral3 mpt nemotron olmo olmo2 olmoe"
    " orion phi2 phi3 phimoe qwen qwen2 qwen3 rwkv6 rwkv7 seed_oss smollm3 stablelm starcoder2"
    " xverse internlm2 jais2 baichuan plm openelm arctic grok bert"
)
_OTHER: Final = {
    "axk1": "deepseek2",
    "bamba": "granitehybrid",
    "cohere": "command-r",
    "cohere2_moe": "cohere2moe",
    "codellama": "llama",
    "deci": "deci",
    "deepseek_ref": "deepseek4",
    "deepseek_v2": "deepseek2",
    "deepseek_v3": "deepseek2",
    "deepseek_v32": "deepseek32",
    "deepseek_v4": "deepseek4",
    "ernie4_5_moe": "ernie4_5-moe",
    "exaone_moe": "exaone-moe",
    "falcon_h1": "falcon-h1",
    "falcon_mamba": "mamba",
    "glm": "chatglm",
    "glm4_moe": "glm4moe",
    "glm4_moe_lite": "deepseek2",
    "glm4v": "glm4",
    "glm4v_moe": "glm4moe",
    "glm_moe_dsa": "glm-dsa",
    "gpt_bigcode": "starcoder",
    "gpt_neox": "gptneox",
    "gpt_oss": "gpt-oss",
    "granite_swa": "granite_swa",
    "granitemoe_swa": "granite_swa",
    "granitemoehybrid": "granitehybrid",
    "granitemoeshared": "granitemoe",
    "hunyuan_v1_dense": "hunyuan-dense",
    "hunyuan_v1_moe": "hunyuan-moe",
    "hy_v3": "hy_v3",
    "internlm3": "llama",
    "iquestcoder": "llama",
    "kimi_k2": "deepseek2",
    "kimi_k25": "deepseek2",
    "kimi_k3": "kimi-k3",
    "kimi_linear": "kimi-linear",
    "lfm2_moe": "lfm2moe",
    "mimo_v2_flash": "mimo2",
    "minimax_m1": "minimax-01",
    "minimax_text_01": "minimax-01",
    "minimax_m2": "minimax-m2",
    "minimax_m3": "minimax-m3",
    "minimax_m3_vl": "minimax-m3",
    "ministral3": "mistral3",
    "mistral": "llama",
    "mixtral": "llama",
    "nemotron-nas": "deci",
    "nemotron_h": "nemotron_h",
    "olmo3": "olmo2",
    "phi": "phi2",
    "phi-msft": "phi2",
    "qwen2_5_vl": "qwen2vl",
    "qwen2_moe": "qwen2moe",
    "qwen2_vl": "qwen2vl",
    "qwen3_5": "qwen35",
    "qwen3_5_moe": "qwen35moe",
    "qwen3_moe": "qwen3moe",
    "qwen3_next": "qwen3next",
    "qwen3_vl": "qwen3vl",
    "qwen3_vl_moe": "qwen3vlmoe",
    "refinedweb": "falcon",
    "refinedwebmodel": "falcon",
    "solar_open": "glm4moe",
    "step3p5": "step35",
    "step3p7": "step35",
    "youtu": "deepseek2",
}
ARCHITECTURES: Final[dict[str, str]] = {name: name for name in _SAME.split()} | _OTHER


# Models with towers whose file is that of whatever language model is inside: the converter goes by
# the class that their text_config names.
_WITH_TOWERS: Final = frozenset(
    (
        "idefics3",
        "internvl",
        "internvl_chat",
        "lfm2_vl",
        "llava",
        "llava_next",
        "llava_next_video",
        "llava_onevision",
        "minicpmv",
        "qwen2_5_omni",
        "qwen2_5_omni_thinker",
        "qwen2_audio",
        "smolvlm",
        "vipllava",
        "voxtral",
    )
)
# Another name where there are experts.
_SPARSE: Final = {"nemotron_h": "nemotron_h_moe", "qwen3": "qwen3moe"}
# What tells the language models inside apart, the first that is there.
_SIGNS: Final = (
    ("shortconv.conv", "lfm2"),
    ("ffn_gate_up", "phi3"),
    ("attn_qkv", "internlm2"),
    ("attn_q_norm", "qwen3"),
    ("attn_q.bias", "qwen2"),
)


def architecture(model: Model) -> str:
    """The name in `general.architecture`. Raises BadInput where llama.cpp has no such thing."""
    model_type = model.model_type.removesuffix("_text")
    found = ARCHITECTURES.get(model_type)
    if model_type in _WITH_TOWERS:
        found = _inner(model)
    if found is None or _is_first_chatglm(model):
        raise BadInput(f"llama.cpp has no architecture for {model.model_type or 'such'} models")
    sparse = any(isinstance(layer.feed_forward, Experts) for layer in model.layers)
    return _SPARSE.get(found, found) if sparse else found


def _inner(model: Model) -> str:
    roles = {t.role for layer, _ in model.kinds for t in layer.tensors}
    return next((name for role, name in _SIGNS if role in roles), "llama")


def _is_first_chatglm(model: Model) -> bool:
    """ChatGLM-6B: two-dimensional positions and LayerNorm, unlike all that share its name."""
    roles = {t.role for layer in model.layers[:1] for t in layer.tensors}
    return model.model_type == "chatglm" and "attn_norm.bias" in roles
