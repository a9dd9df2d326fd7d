"""Which function reads which `model_type`: the one place to add a family.

A family is a function from a `Config` to a `Model`, in the module of this folder that it is
nearest to, and a line in this table. See docs/adding-a-family.md.
"""

from collections.abc import Callable

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import llama
from fitcheck.architecture.model import Model

FAMILIES: dict[str, Callable[[Config], Model]] = {
    "llama": llama.llama,
    "mistral": llama.llama,
    "qwen2": llama.qwen2,
    "qwen3": llama.qwen3,
}
