"""Which function reads which `model_type`: the one place to add a family.

A family is a function from a `Config` to a `Model`, in the module of this folder that it is
nearest to, and a line in this table. See docs/adding-a-family.md.
"""

from collections.abc import Callable

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import llama, qwen
from fitcheck.architecture.model import Model

FAMILIES: dict[str, Callable[[Config], Model]] = {
    "apertus": llama.apertus,
    "arcee": llama.arcee,
    "bitnet": llama.bitnet,
    "cohere": llama.cohere,
    "cohere2": llama.cohere2,
    "diffllama": llama.diffllama,
    "ernie4_5": llama.ernie,
    "exaone4": llama.exaone4,
    "gemma": llama.gemma,
    "gemma2": llama.gemma2,
    "gemma3_text": llama.gemma3,
    "granite": llama.granite,
    "granite_swa": llama.granite_swa,
    "helium": llama.helium,
    "hunyuan_v1_dense": llama.hunyuan,
    "hyperclovax": llama.hyperclovax,
    "internlm3": llama.internlm3,
    "iquestcoder": llama.iquestcoder,
    "jais2": llama.jais2,
    "llama": llama.llama,
    "mimo": qwen.mimo,
    "ministral": llama.ministral,
    "ministral3": llama.ministral3,
    "mistral": llama.mistral,
    "nanochat": llama.nanochat,
    "nemotron": llama.nemotron,
    "olmo": llama.olmo,
    "olmo2": llama.olmo2,
    "olmo3": llama.olmo3,
    "qwen": qwen.qwen,
    "qwen2": qwen.qwen2,
    "qwen2_moe": qwen.qwen2_moe,
    "qwen3": qwen.qwen3,
    "qwen3_moe": qwen.qwen3_moe,
    "seed_oss": llama.seed_oss,
    "smollm3": llama.smollm3,
    "stablelm": llama.stablelm,
    "starcoder2": llama.starcoder2,
    "vaultgemma": llama.vaultgemma,
}
