"""Which tensors a method packs, as its library decides it.

These are the rules for a model that is quantized by the method's own defaults; a published
checkpoint says for itself (quantization/published).
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from fitcheck.quantization.scheme import Scheme

# The head, by what GGUF calls it.
HEAD: Final = "output"

# Matrices that every published model keeps, whatever packs the rest: routers, what weighs the
# heads of DeepSeek's indexer, DeepSeek V4's compressors, and what joins a layer for multi-token
# prediction to its model. Source: vLLM 0.33.0, models/deepseek_v2.py (Indexer.weights_proj,
# quant_config=None) and models/deepseek_mtp.py (eh_proj, shared_head); the sizes in
# model.safetensors.index.json of DeepSeek V3 and V4 Flash.
KEPT_ROLES: Final = frozenset(
    {
        "ffn_gate_inp",
        "indexer.proj",
        "attn_compressor_kv",
        "attn_compressor_gate",
        "indexer_compressor_kv",
        "indexer_compressor_gate",
        "nextn.eh_proj",
        "nextn.shared_head_head",
    }
)


# Gates of a delta rule's heads, one row a head: those who publish FP8, GPTQ and AWQ keep them,
# since rows of 16 or 32 heads do not fill a tile. Methods that pack what they get do not look.
# Source: Qwen3-Next-80B-A3B-Instruct-FP8, modules_to_not_convert; AutoRound's files of Qwen3.5.
KEPT_BY_PUBLISHERS: Final = frozenset({"ssm_alpha", "ssm_beta", "ssm_ba"})
_PUBLISHED: Final = frozenset({"linear", "blocks"})


class Weight(Protocol):
    """What a rule looks at in a tensor: architecture's Tensor has all of it."""

    @property
    def kind(self) -> str:
        """`linear`, `experts`, `embedding`, `norm`, …"""
        ...

    @property
    def role(self) -> str:
        """GGUF's name for it."""
        ...

    @property
    def module(self) -> str:
        """Path of its module."""
        ...

    @property
    def shape(self) -> Sequence[int]:
        """(out, in), experts in front."""
        ...

    @property
    def dtype(self) -> str:
        """The type it is loaded in where that is not the model's own, else empty."""
        ...


class Rule(msgspec.Struct, frozen=True):
    """Kinds of tensors that are packed, where, and in words with a source."""

    kinds: frozenset[str]
    towers: bool
    words: str
    source: str


RULES: Final[dict[str, Rule]] = {
    "all": Rule(
        frozenset({"linear", "experts", "embedding", "norm", "bias", "conv", "state"}),
        towers=True,
        words="every tensor",
        source="torch.nn.Module.to",
    ),
    "linear": Rule(
        frozenset({"linear", "experts"}),
        towers=True,
        words="linear layers and routed experts; not the head, the embeddings, routers and norms",
        source="transformers 5.23.0, integrations/finegrained_fp8.py, replace_with_fp8_linear",
    ),
    "modules": Rule(
        frozenset({"linear"}),
        towers=True,
        words="modules of the class nn.Linear, so no routed experts (transformers 5 stacks them in"
        " one parameter), no routers, no embeddings and not the head",
        source="transformers 5.23.0, integrations/bitsandbytes.py, hqq.py, quanto.py,"
        " quantizer_torchao.py; quantizers/base.py, get_keys_to_not_convert",
    ),
    "blocks": Rule(
        frozenset({"linear", "experts"}),
        towers=False,
        words="linear layers inside the language model's blocks, each expert's too; not the head,"
        " the embeddings, routers, norms, and not a vision or audio tower",
        source="auto_gptq 0.7.1, modeling/_base.py, inside_layer_modules; autoawq 0.2.9,"
        " quantize/quantizer.py; llm-compressor's recipes (targets Linear, ignore lm_head)",
    ),
    "experts": Rule(
        frozenset({"experts"}),
        towers=False,
        words="the routed experts alone",
        source="transformers 5.23.0, integrations/mxfp4.py, replace_with_mxfp4_linear",
    ),
    "file type": Rule(
        frozenset({"linear", "experts", "embedding"}),
        towers=False,
        words="every matrix, each in a type of its own",
        source="llama.cpp 0c1e57098, src/llama-quant.cpp",
    ),
}


def touches(scheme: Scheme, tensor: Weight, part: str = "layers") -> bool:
    """Whether the scheme packs a tensor of the layers, of a tower (its name), or `outside`.

    For schemes of `all`, tensors of one dimension are touched too: their size is their numbers
    times the bytes of one.
    """
    rule = RULES[scheme.touches]
    if scheme.touches in ("all", "file type"):
        return tensor.kind in rule.kinds
    if tensor.role == HEAD or tensor.role in KEPT_ROLES or len(tensor.shape) < 2:
        return False
    if scheme.touches in _PUBLISHED and tensor.role in KEPT_BY_PUBLISHERS:
        return False
    return tensor.kind in rule.kinds and (part == "layers" or rule.towers)
