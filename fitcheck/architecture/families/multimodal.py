"""Which function reads which multimodal `model_type`.

`MULTIMODAL` ones take any language model, `WHOLE` ones have their own; `INNER` are language models
that are found inside of others only.
"""

from collections.abc import Callable
from typing import Final

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import (
    blip,
    gemma3n,
    gemma4,
    gemma_multimodal,
    llama4,
    llava,
    minimax,
    omni,
    phi_vision,
    qwen,
    qwen_vl,
    remote_vision,
    resampled,
    sound,
    step,
    vision,
)
from fitcheck.architecture.families.language import Language
from fitcheck.architecture.model import Model

MULTIMODAL: Final[dict[str, Callable[[Config, Language], Model]]] = {
    "aria": resampled.aria,
    "aya_vision": llava.aya_vision,
    "blip-2": blip.blip2,
    "cohere2_vision": llava.cohere2_vision,
    "deepseek_vl": resampled.deepseek_vl,
    "gemma3": llava.gemma3,
    "gemma3n": gemma_multimodal.gemma3n,
    "gemma4": gemma_multimodal.gemma4,
    "glm46v": qwen_vl.glm46v,
    "glm4v": qwen_vl.glm4v,
    "glm4v_moe": qwen_vl.glm4v_moe,
    "glmga": qwen_vl.glm46v,
    "idefics2": resampled.idefics2,
    "idefics3": llava.idefics3,
    "instructblip": blip.instructblip,
    "internvl": vision.internvl,
    "internvl_chat": vision.internvl_chat,
    "kimi_k25": qwen_vl.kimi_k25,
    "kimi_k3": remote_vision.kimi_k3,
    "lfm2_vl": llava.lfm2_vl,
    "lighton_ocr": llava.lighton_ocr,
    "llama4": vision.llama4,
    "llava": llava.llava,
    "llava_next": llava.llava_next,
    "llava_next_video": llava.llava_next_video,
    "llava_onevision": llava.llava_onevision,
    "minicpmv": remote_vision.minicpmv,
    "minigpt4": blip.minigpt4,
    "minimax_m3_vl": vision.minimax_m3_vl,
    "mistral3": llava.mistral3,
    "mllama": vision.mllama,
    "paligemma": llava.paligemma,
    "qwen2_5_omni": omni.omni,
    "qwen2_5_omni_thinker": omni.thinker,
    "qwen2_5_vl": qwen_vl.qwen2_5_vl,
    "qwen2_audio": sound.qwen2_audio,
    "qwen2_vl": qwen_vl.qwen2_vl,
    "qwen3_5": qwen_vl.qwen3_5,
    "qwen3_5_moe": qwen_vl.qwen3_5_moe,
    "qwen3_vl": qwen_vl.qwen3_vl,
    "qwen3_vl_moe": qwen_vl.qwen3_vl_moe,
    "shieldgemma2": llava.gemma3,
    "smolvlm": llava.idefics3,
    "step3p7": vision.step3p7,
    "vipllava": llava.vipllava,
    "voxtral": sound.voxtral,
}

WHOLE: Final[dict[str, Callable[[Config], Model]]] = {
    "deepseek_vl_v2": remote_vision.deepseek_vl2,
    "molmo": remote_vision.molmo,
    "phi3_v": phi_vision.phi3_v,
    "phi4_multimodal": phi_vision.phi4_multimodal,
    "phi4mm": phi_vision.phi4mm,
    "whisper": sound.whisper,
}

INNER: Final[dict[str, Callable[[Config], Model]]] = {
    "gemma3n_text": gemma3n.gemma3n,
    "gemma4_text": gemma4.gemma4,
    "glm4v_moe_text": qwen_vl.glm4v_moe_text,
    "glm4v_text": qwen_vl.glm4v_text,
    "llama4_text": llama4.llama4,
    "minimax_m3": minimax.minimax_m3,
    "minimax_m3_vl_text": minimax.minimax_m3,
    "mllama_text_model": vision.mllama_text,
    "qwen2_5_omni_text": omni.omni_text,
    "qwen2_5_vl_text": qwen_vl.qwen2_text,
    "qwen2_vl_text": qwen_vl.qwen2_text,
    "qwen3_vl_moe_text": qwen_vl.qwen3_moe_text,
    "qwen3_vl_text": qwen.qwen3,
    "step3p5": step.step3p5,
}
