"""BLIP-2, InstructBLIP and MiniGPT-4: a Q-Former makes 32 tokens of a picture."""

from collections.abc import Iterable
from typing import Final

import msgspec

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.families.language import Language, Outer, joined, language_model
from fitcheck.architecture.families.towers.projector import projector
from fitcheck.architecture.families.towers.qformer import qformer
from fitcheck.architecture.families.towers.vit import eva
from fitcheck.architecture.model import Model, Tower
from fitcheck.architecture.tensor import Tensor


def blip2(c: Config, language: Language) -> Model:
    """BLIP-2 with a decoder. Source: transformers 5.23.0, models/blip_2/modeling_blip_2.py.

    The class keeps the Q-Former and its queries in fp32.
    """
    q = c.section("qformer_config") or Config({})
    return _blip(c, language, text=q.flag("use_qformer_text_input"), dtype="float32")


def instructblip(c: Config, language: Language) -> Model:
    """InstructBLIP: the Q-Former reads the instruction too. Source: models/instructblip."""
    return _blip(c, language, text=True, words=True)


def _blip(
    c: Config, language: Language, *, text: bool, words: bool = False, dtype: str = ""
) -> Model:
    outer = Outer(default="opt", tied=True, inside="language_model.model.", head="language_model.")
    inner = language_model(c, language, outer)
    v, q = c.section("vision_config") or Config({}), c.section("qformer_config") or Config({})
    tokens = c.whole("num_query_tokens", default=32)
    h, width = q.whole("hidden_size", default=768), v.whole("hidden_size", default=1408)
    vision = eva(v, "vision_model.", bias=v.flag("qkv_bias", default=True))
    former = (
        Tensor("q.query_tokens", (1, tokens, h), "embedding", "query_tokens"),
        *qformer(q, "qformer.", width, text=text, words=words),
    )
    join = parts.linear("mm.0", inner.hidden_size, h, "language_projection", True)
    return joined(
        inner,
        Tower(name="vision", tensors=tuple(vision)),
        Tower(name="qformer", tensors=_as(dtype, former), output_tokens=tokens),
        projector(join, tokens),
    )


def _as(dtype: str, tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
    return tuple(msgspec.structs.replace(t, dtype=dtype) for t in tensors)


# Vicuna 7B and 13B are LLaMA's: layers, heads and MLP by the width of their hidden state.
# Source: the LLaMA paper, table 2 (arXiv 2302.13971), and the hub's huggyllama configurations.
LLAMA_BY_WIDTH: Final[dict[int, dict[str, object]]] = {
    4096: {"num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 11008},
    5120: {"num_hidden_layers": 40, "num_attention_heads": 40, "intermediate_size": 13824},
}


def minigpt4(c: Config, language: Language) -> Model:
    """MiniGPT-4: EVA ViT-g, its norm, a Q-Former, one matrix, and Vicuna.

    There is no class or file of the hub's; `vision_config`, `qformer_config` and `llm_config` are
    the parts that github.com/Vision-CAIR/MiniGPT-4 puts together (minigpt4/models/eva_vit.py,
    mini_gpt4.py, Qformer.py). ViT-g there has no bias for keys.
    """
    llm = c.required_section("llm_config", "text_config")
    width = llm.whole("hidden_size", default=4096)
    text = llm.over(model_type="llama", hidden_size=width, vocab_size=32001)
    text = text.over(**LLAMA_BY_WIDTH.get(width, {}))
    outer = Outer(default="llama", inside="llama_model.model.", head="llama_model.")
    inner = language_model(c, language, outer, text)
    v, q = c.section("vision_config") or Config({}), c.section("qformer_config") or Config({})
    channels, h = v.whole("hidden_size", default=1408), q.whole("hidden_size", default=768)
    tokens = q.whole("query_length", "num_query_tokens", default=32)
    former = (
        Tensor("q.query_tokens", (1, tokens, h), "embedding", "query_tokens"),
        *qformer(q, "Qformer.bert.", channels, text=False),
    )
    join = parts.linear("mm.0", inner.hidden_size, h, "llama_proj", True)
    return joined(
        inner,
        Tower(name="vision", tensors=tuple(eva(v, "visual_encoder.", key_bias=False))),
        Tower(name="qformer", tensors=former, output_tokens=tokens),
        projector(join, tokens),
    )
