"""Which tensors a quantizer of transformers packs, and what the others are kept in.

Found by running transformers' own replacement code on models without weights, one of each class.
Since 5.0 routed experts are one three-dimensional parameter for all, which quantizers that replace
`nn.Linear` modules pass by: under bitsandbytes a mixture of experts stays in 16 bits for the most
part.

Source: transformers 5.23.0, integrations/bitsandbytes.py (replace_with_bnb_linear: the type is
nn.Linear or Conv1D exactly), quantizers/base.py (get_keys_to_not_convert: the head, what is tied to
it, and the module of the last parameter), integrations/finegrained_fp8.py (experts as well),
integrations/mxfp4.py (experts alone), hqq.py, quanto.py, torchao.py (any nn.Linear).
"""

from collections.abc import Mapping
from typing import Final

from fitcheck.architecture import Model, Tensor
from fitcheck.quantization import Scheme
from fitcheck.quantization.rules import touches

# Bytes of one number. Source: torch.dtype.itemsize.
ITEMSIZE: Final[Mapping[str, int]] = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "bool": 1,
}

# Classes that make their matrices of a subclass of nn.Linear of their own (FalconLinear), which
# bitsandbytes' replacement does not take for one. Source: models/falcon/modeling_falcon.py.
OWN_LINEAR: Final = frozenset({"falcon"})

# DeepSeek V4's grouped projection is a subclass too.
GROUPED: Final = frozenset({"attn_output_a"})

# Parts that a class keeps out of quantization. Source: models/blip_2, _keep_in_fp32_modules.
KEPT_TOWERS: Final = frozenset({"qformer"})

# Classes whose router is an nn.Linear, so that it is packed like any other; all other classes hold
# it as a bare parameter. Source: models/*/modeling_*.py.
LINEAR_ROUTER: Final = frozenset({"hunyuan_v1_moe", "gemma4", "gemma4_text"})

# Classes that make their router in fp32 whatever the model's type.
FP32_ROUTER: Final = frozenset({"hunyuan_v1_moe"})

_ROUTER: Final = "ffn_gate_inp"


def itemsize(scheme: Scheme, model: Model, tensor: Tensor) -> int:
    """Bytes of one number of a tensor that is not packed."""
    if tensor.dtype:
        return ITEMSIZE.get(tensor.dtype, 2)
    if tensor.role == _ROUTER and model.model_type in FP32_ROUTER:
        return 4
    return 4 if scheme.name == "fp32" else 2


def packs(scheme: Scheme, model: Model, tensor: Tensor, part: str) -> bool:
    """Whether the scheme packs this tensor; `part` is `layers`, `outside` or a tower's name."""
    if scheme.touches in ("all", "file type"):
        return False
    if scheme.touches == "modules":
        if tensor.role == _ROUTER:
            return model.model_type in LINEAR_ROUTER
        if scheme.name.startswith("bnb") and _own_linear(model, tensor):
            return False
        if part in KEPT_TOWERS or tensor.module.endswith("_weight"):
            return False
    return touches(scheme, tensor, part)


def packed_share(model: Model, scheme: Scheme) -> float:
    """The share of all numbers in the layers' matrices that the scheme packs."""
    packed = matrices = 0
    for layer, count in model.kinds:
        for tensor in layer.tensors:
            if tensor.kind in ("linear", "experts"):
                numbers = count * tensor.numel
                matrices += numbers
                packed += numbers if packs(scheme, model, tensor, "layers") else 0
    return packed / matrices if matrices else 1.0


def _own_linear(model: Model, tensor: Tensor) -> bool:
    return model.model_type in OWN_LINEAR or tensor.role in GROUPED


def spared(model: Model, scheme: Scheme) -> Tensor | None:
    """A matrix of the last layer that is left in 16 bits because no parameter comes after it.

    So it is with a tied head and a final norm without weights (OLMo 1).
    """
    if scheme.touches != "modules" or not model.tie_word_embeddings or not model.layers:
        return None
    everything = (*model.layers[-1].tensors, *model.tensors)
    if any(t.kind == "norm" for t in everything):
        return None
    return [t for t in model.layers[-1].tensors if t.kind == "linear"][-1]
