"""Which architecture is which `model_type`, and what it adds to the usual keys: extend it here."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from fitcheck.sources.gguf.config.attention import (
    deepseek,
    gemma3n,
    gemma4,
    indexer,
    latent,
    llama4,
    olmo2,
    phi3,
    windows,
)
from fitcheck.sources.gguf.config.experts import (
    ernie_moe,
    expert_is_intermediate,
    experts,
    granite_moe,
    hunyuan_moe,
    mixtral,
)
from fitcheck.sources.gguf.config.quirks import (
    biases,
    chatglm,
    falcon,
    glm,
    gptneox,
    mpt,
    starcoder,
)
from fitcheck.sources.gguf.config.state_space import (
    delta_net,
    granite_hybrid,
    jamba,
    lfm2,
    mamba,
    mamba2,
    mamba2_beside,
    nemotron_h,
)
from fitcheck.sources.gguf.facts import Facts, Values


class Recipe(msgspec.Struct, frozen=True):
    """What `general.architecture` is called in config.json, and what it says beyond the usual."""

    model_type: str
    more: tuple[Callable[[Facts], Values], ...] = ()


_MOE: Final = (experts,)

RECIPES: Final[Mapping[str, Recipe]] = {
    "afmoe": Recipe("afmoe", (experts, windows)),
    "apertus": Recipe("apertus"),
    "arcee": Recipe("arcee"),
    "baichuan": Recipe("baichuan"),
    "bloom": Recipe("bloom"),
    "chatglm": Recipe("chatglm", (chatglm,)),
    "cohere2": Recipe("cohere2", (windows, biases)),
    "command-r": Recipe("cohere", (biases,)),
    "deepseek": Recipe("deepseek", _MOE),
    "deepseek2": Recipe("deepseek_v2", (experts, latent, deepseek)),
    "deepseek32": Recipe("deepseek_v32", (experts, latent, indexer)),
    "dots1": Recipe("dots1", (experts,)),
    "ernie4_5": Recipe("ernie4_5", (biases,)),
    "ernie4_5-moe": Recipe("ernie4_5_moe", (experts, ernie_moe)),
    "exaone4": Recipe("exaone4", (windows,)),
    "falcon": Recipe("falcon", (falcon,)),
    "falcon-h1": Recipe("falcon_h1", (mamba2_beside,)),
    "gemma": Recipe("gemma"),
    "gemma2": Recipe("gemma2", (windows,)),
    "gemma3": Recipe("gemma3_text", (windows,)),
    "gemma3n": Recipe("gemma3n_text", (windows, gemma3n)),
    "gemma4": Recipe("gemma4_text", (experts, windows, gemma4)),
    "glm-dsa": Recipe("glm_moe_dsa", (experts, latent, indexer)),
    "glm4": Recipe("glm4"),
    "glm4moe": Recipe("glm4_moe", (experts, glm)),
    "gpt-oss": Recipe("gpt_oss", (experts, expert_is_intermediate, windows)),
    "gpt2": Recipe("gpt2"),
    "gptj": Recipe("gptj"),
    "gptneox": Recipe("gpt_neox", (gptneox,)),
    "granite": Recipe("granite"),
    "granitehybrid": Recipe("granitemoehybrid", (experts, mamba2_beside, granite_hybrid)),
    "granitemoe": Recipe("granitemoe", (experts, granite_moe)),
    "hunyuan-dense": Recipe("hunyuan_v1_dense"),
    "hunyuan-moe": Recipe("hunyuan_v1_moe", (hunyuan_moe,)),
    "internlm2": Recipe("internlm2", (biases,)),
    "jamba": Recipe("jamba", (experts, jamba)),
    "lfm2": Recipe("lfm2", (lfm2,)),
    "lfm2moe": Recipe("lfm2_moe", (experts, lfm2)),
    "llama": Recipe("llama", (mixtral,)),
    "llama4": Recipe("llama4_text", (experts, expert_is_intermediate, llama4)),
    "mamba": Recipe("mamba", (mamba,)),
    "mamba2": Recipe("mamba2", (mamba2,)),
    "minicpm": Recipe("minicpm"),
    "minimax-m2": Recipe("minimax_m2", (experts, expert_is_intermediate, biases)),
    "mistral3": Recipe("ministral3"),
    "mpt": Recipe("mpt", (mpt,)),
    "nemotron": Recipe("nemotron"),
    "nemotron_h": Recipe("nemotron_h", (experts, mamba2_beside, nemotron_h)),
    "nemotron_h_moe": Recipe("nemotron_h", (experts, mamba2_beside, nemotron_h)),
    "olmo": Recipe("olmo"),
    "olmo2": Recipe("olmo2", (windows, olmo2)),
    "olmoe": Recipe("olmoe", (experts, expert_is_intermediate)),
    "orion": Recipe("orion"),
    "phi2": Recipe("phi", (biases,)),
    "phi3": Recipe("phi3", (phi3,)),
    "phimoe": Recipe("phimoe", (experts, expert_is_intermediate, biases)),
    "qwen": Recipe("qwen"),
    "qwen2": Recipe("qwen2"),
    "qwen2moe": Recipe("qwen2_moe", _MOE),
    "qwen2vl": Recipe("qwen2"),
    "qwen3": Recipe("qwen3"),
    "qwen35": Recipe("qwen3_5_text", (delta_net,)),
    "qwen35moe": Recipe("qwen3_5_moe_text", (experts, delta_net)),
    "qwen3moe": Recipe("qwen3_moe", _MOE),
    "qwen3next": Recipe("qwen3_next", (experts, delta_net)),
    "qwen3vl": Recipe("qwen3"),
    "qwen3vlmoe": Recipe("qwen3_moe", _MOE),
    "seed_oss": Recipe("seed_oss"),
    "smollm3": Recipe("smollm3"),
    "stablelm": Recipe("stablelm", (biases,)),
    "starcoder": Recipe("gpt_bigcode", (starcoder,)),
    "starcoder2": Recipe("starcoder2", (biases,)),
}  # fmt: skip

_GPT2: Final = {
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "max_position_embeddings": "n_positions",
    "intermediate_size": "n_inner",
}
RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "gpt2": _GPT2,
    "gpt_bigcode": _GPT2,
    "gptj": _GPT2,
    "bloom": {
        "num_hidden_layers": "n_layer",
        "num_attention_heads": "n_head",
        "max_position_embeddings": "seq_length",
    },
    "chatglm": {"num_hidden_layers": "num_layers", "max_position_embeddings": "seq_length"},
    "mpt": {
        "hidden_size": "d_model",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "max_position_embeddings": "max_seq_len",
    },
    "qwen": {"max_position_embeddings": "seq_length", "head_dim": "kv_channels"},
}  # fmt: skip
