"""What people call the schemes of published checkpoints, whose exact names spell out a layout."""

import re
from typing import Final

import msgspec

from fitcheck.quantization.scheme import Scheme

# The first that is the whole name. Repositories on the hub are called so: -FP8, -NVFP4, -w4a16,
# -AWQ, -GPTQ-Int4 (huggingface.co/models, November 2026).
_COMMON: Final = tuple(
    (re.compile(form), word)
    for form, word in (
        (r"(gptq|awq|hqq)-int(\d)-.+", r"\1-int\2"),
        (r"gptqmodel-int(\d)(-.+)?", r"gptq-int\1"),
        (r"compressed-tensors-(w\d+a\d+)", r"\1"),
        (r"(modelopt|compressed-tensors|quark)-.*(nvfp4|mxfp4|mxfp8).*", r"\2"),
        (r"(modelopt|compressed-tensors|quark|hf-finegrained|hf-fbgemm)-fp8.*", "fp8"),
        (r"fp8-pertensor", "fp8"),
    )
)


def called(scheme: Scheme | None) -> Scheme | None:
    """The scheme with its common name, where it has one that is not its own."""
    if scheme is None:
        return None
    for form, word in _COMMON:
        if match := form.fullmatch(scheme.name):
            return msgspec.structs.replace(scheme, common=match.expand(word))
    return scheme
