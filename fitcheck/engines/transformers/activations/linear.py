"""A matrix product, and what a packed matrix needs beside its result.

4 bit matrices are unpacked into the model's type for a prompt and multiplied then; for a few tokens
a kernel reads them packed. LLM.int8() rounds the input to bytes and sums in 32 bit integers before
the result is scaled back.

Source: bitsandbytes 0.50.2, autograd/_functions.py (MatMul8bitLt, matmul_4bit) and
backends/cuda/ops.py; gptqmodel 7.7.0 and autoawq 0.2.9, dequantised products of long inputs.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from fitcheck.engines.transformers.activations.script import MANY, TOKEN, Piece, Script

Shape = Mapping[str, int]
Work = Literal["none", "unpack", "int8", "fp8"]

# How the scheme of that name multiplies; what is not here, or not packed, needs nothing beside.
WORK: Final[Mapping[str, Work]] = {
    "bnb-int8": "int8",
    "bnb": "unpack",
    "gptq": "unpack",
    "gptqmodel": "unpack",
    "awq": "unpack",
    "hqq": "unpack",
    "quanto": "unpack",
    "torchao": "unpack",
    "moss": "unpack",
    "chatglm": "unpack",
    "baichuan": "unpack",
    "fp8": "fp8",
}


class Packed(msgspec.Struct, frozen=True):
    """The matrices of a layer that are packed, (out, in) by role, and how they are multiplied."""

    work: Work
    matrices: Mapping[str, tuple[int, int]]


PLAIN: Final = Packed("none", {})


def work(scheme: str) -> Work:
    """How a scheme multiplies."""
    return WORK.get(scheme) or WORK.get(scheme.split("-")[0], "none")


def product(s: Script, packed: Packed, name: str, shape: Shape, role: str) -> Piece:
    """The result of multiplying every token by the matrix of that role."""
    matrix = packed.matrices.get(role)
    if matrix is None:
        return s.take(name, TOKEN, shape)
    if packed.work == "int8":
        return _int8(s, name, shape, matrix)
    if packed.work == "fp8":
        rounded = s.take("input in FP8", TOKEN, {"in_features": matrix[1], "bytes": 1})
        return s.swap(rounded, name, TOKEN, shape)
    size = {"out_features": matrix[0], "in_features": matrix[1], "itemsize": shape["itemsize"]}
    return s.swap(s.take(f"the matrix for {name}, unpacked", MANY, size), name, TOKEN, shape)


def _int8(s: Script, name: str, shape: Shape, matrix: tuple[int, int]) -> Piece:
    out, in_ = matrix
    half = s.take("input in fp16", TOKEN, {"in_features": in_, "itemsize": 2})
    largest = s.take("input's magnitudes", TOKEN, {"in_features": in_, "bytes": 3})
    rounded = s.take("input in int8", TOKEN, {"in_features": in_, "bytes": 1})
    s.drop(largest, half)
    sums = s.take(f"{name}, summed in int32", TOKEN, {"out_features": out, "bytes": 4})
    result = s.take(f"{name}, in fp16", TOKEN, {"out_features": out, "itemsize": 2})
    s.drop(sums, rounded)
    return s.swap(result, name, TOKEN, shape)
