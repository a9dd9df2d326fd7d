"""config.json's quantization_config, or hf_quant_config.json: how published weights are packed."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from fitcheck.errors import BadInput
from fitcheck.quantization.published import fields, grouped, simple
from fitcheck.quantization.published.called import called
from fitcheck.quantization.published.patterns import Patterns, patterns
from fitcheck.quantization.published.record import Assigned, Published
from fitcheck.quantization.published.stored import Stored, layer_module, stored

__all__ = [
    "METHODS",
    "Assigned",
    "Patterns",
    "Published",
    "Stored",
    "layer_module",
    "patterns",
    "published",
    "stored",
]

# By `quant_method`, as transformers and vLLM spell it.
METHODS: Final[dict[str, Callable[[Mapping[str, object]], Published]]] = {
    "bitsandbytes": simple.bitsandbytes,
    "bitsandbytes_4bit": simple.bitsandbytes,
    "bitsandbytes_8bit": simple.bitsandbytes,
    "gptq": simple.gptq,
    "gptq_marlin": simple.gptq,
    "awq": simple.awq,
    "awq_marlin": simple.awq,
    "fp8": simple.fp8,
    "fbgemm_fp8": simple.fbgemm_fp8,
    "mxfp4": simple.mxfp4,
    "gpt_oss_mxfp4": simple.mxfp4,
    "hqq": simple.hqq,
    "quanto": simple.quanto,
    "eetq": simple.eetq,
    "bitnet": simple.bitnet,
    "auto-round": simple.auto_round,
    "intel/auto-round": simple.auto_round,
    "torchao": simple.torchao,
    "compressed-tensors": grouped.compressed_tensors,
    "compressed_tensors": grouped.compressed_tensors,
    "modelopt": grouped.modelopt,
    "modelopt_fp4": grouped.modelopt,
    "quark": grouped.quark,
}


def published(section: Mapping[str, object]) -> Published:
    """What a quantization_config says, a method that is not known included.

    Raises BadInput where a method is known and its settings make no sense.
    """
    try:
        return _published(section)
    except BadInput:
        raise
    except (TypeError, ValueError, OverflowError) as error:  # pragma: no cover
        raise BadInput(f"quantization_config cannot be read: {error}") from None


def _published(section: Mapping[str, object]) -> Published:
    method = _method(section)
    read = METHODS.get(method)
    if read is None:
        return simple.unknown(method, "fitcheck does not know how that method packs weights")
    found = read(section)
    layers = fields.mapping(section, "quantized_layers")
    if layers and read is simple.fp8:
        found = grouped.by_layer(method, layers, found)
    return msgspec.structs.replace(
        found,
        method=method,
        scheme=called(found.scheme),
        experts=called(found.experts),
        assigned=tuple(Assigned(a.modules, called(a.scheme)) for a in found.assigned),
    )


def _method(section: Mapping[str, object]) -> str:
    """`quant_method`, or what gives the method away where older files leave it out."""
    said = fields.text(section, "quant_method").lower()
    if said:
        return said
    if section.get("load_in_4bit") is True or section.get("load_in_8bit") is True:
        return "bitsandbytes"
    producer = fields.mapping(section, "producer")
    if fields.text(producer, "name") == "modelopt" or "quant_algo" in section:
        return "modelopt"
    if "config_groups" in section:
        return "compressed-tensors"
    return "unnamed"
