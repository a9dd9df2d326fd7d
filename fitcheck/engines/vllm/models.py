"""Which model types vLLM runs: with a class of its own, through transformers, or no more.

Source: vLLM 0.33.0 (2026-11), model_executor/models/registry.py: the tables of text generation,
multimodal, pooling and Transformers-backend models and `_PREVIOUSLY_SUPPORTED_MODELS`, read by the
class names of transformers 5.23.0's auto mappings; a class that the registry does not name runs if
its `is_backend_compatible()` says so.
"""

from typing import Final

from fitcheck.errors import BadInput, printable

VERSION: Final = "0.33"

_OWN: Final = (
    "afmoe apertus aria axk1 bailing_hybrid bailing_moe beam bert blip-2 bloom chatglm cohere"
    " cohere2 cohere2_moe cohere2_vision dbrx deepseek deepseek_v2 deepseek_v3 deepseek_v32"
    " deepseek_v4 deepseek_vl_v2 ernie4_5 ernie4_5_moe exaone exaone4 exaone_moe falcon falcon_h1"
    " falcon_mamba flint gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text gemma4 gemma4_text"
    " glm4 glm4_moe glm4_moe_lite glm4v glm4v_moe glm_moe_dsa gpt-sw3 gpt2 gpt_oss gptj granite"
    " granite_swa granitemoe granitemoe_swa granitemoehybrid granitemoeshared hy_v3 hy_v4"
    " hyperclovax idefics3 internlm2 internlm3 internvl internvl_chat iquestcoder jamba kimi_k2"
    " kimi_k25 kimi_k3 kimi_linear laguna lfm2 lfm2_moe lfm2_vl llama llama4 llama4_text llava"
    " llava_next llava_next_video llava_onevision longcat_flash mamba mamba2 mimo mimo_v2_flash"
    " minicpm minicpm3 minicpmv minimax_m2 minimax_m3 minimax_m3_vl ministral3 mistral mistral3"
    " mixtral modernbert molmo nemotron nemotron-nas nemotron_h nomic_bert olmo_hybrid olmoe opt"
    " orion paligemma phi3 phi3_v phi4mm phimoe qwen2 qwen2_5_omni qwen2_5_vl qwen2_audio qwen2_moe"
    " qwen2_vl qwen3 qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen3_5_text qwen3_moe qwen3_next"
    " qwen3_vl qwen3_vl_moe roberta shieldgemma2 smolvlm stablelm step3p5 step3p7 voxtral whisper"
    " xlm-roberta zamba2"
)
OWN: Final = frozenset(_OWN.split())

# Run by transformers' own code, with vLLM's attention put into it.
_THROUGH_TRANSFORMERS: Final = (
    "arcee aria_text aya_vision bitnet diffllama dots1 flex_olmo glm glm46v gpt_bigcode gpt_neox"
    " helium hunyuan_v1_dense hunyuan_v1_moe idefics2 instructblip jais2 kolibri1 mellum minimax"
    " minimax_m3_vl_text ministral nanochat olmo olmo2 olmo3 persimmon phi phi-msft"
    " qwen2_5_omni_thinker seed_oss smollm3 solar_open starcoder2 vaultgemma vipllava youtu"
)
THROUGH_TRANSFORMERS: Final = frozenset(_THROUGH_TRANSFORMERS.split())

# The last release that ran them.
DROPPED: Final = {
    "aquila": "0.24.0",
    "baichuan": "0.23.0",
    "bamba": "0.23.0",
    "grok-1": "0.24.0",
    "internlm": "0.23.0",
    "minimax_m1": "0.23.0",
    "minimax_text_01": "0.23.0",
    "mllama": "0.10.2",
    "mpt": "0.28.0",
    "qwen": "0.23.0",
    "refinedweb": "0.28.0",
    "refinedwebmodel": "0.28.0",
    "xverse": "0.23.0",
}

# Neither a class of vLLM's nor one of transformers' that takes vLLM's attention.
_NEVER: Final = (
    "biogpt codegen deepseek_vl distilbert glm-130b gpt3 gpt_neo gpt_neox_japanese minigpt4 moss"
    " openai-gpt openelm recurrent_gemma rwkv rwkv5 rwkv6 rwkv7 skywork xglm yuan"
)
NEVER: Final = frozenset(_NEVER.split())


def refuse_unknown(model_type: str) -> None:
    """Raises BadInput for a model type that this vLLM is known not to run."""
    name = printable(model_type)
    if model_type in DROPPED:
        last = DROPPED[model_type]
        raise BadInput(f"vLLM {VERSION} does not run {name} models any more; {last} did")
    if model_type in NEVER:
        raise BadInput(f"vLLM {VERSION} does not run {name} models")


def note(model_type: str) -> str | None:
    """What a reader must know of how vLLM runs the type, None where there is nothing to say."""
    if model_type in OWN:
        return None
    if model_type in THROUGH_TRANSFORMERS:
        return f"vLLM {VERSION} runs {model_type} models through transformers' code"
    return f"it is not known whether vLLM {VERSION} runs {printable(model_type)} models"
