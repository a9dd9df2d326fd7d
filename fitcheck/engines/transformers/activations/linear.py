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


def work(scheme: str) -> Work:
    """How a scheme multiplies."""
    return WORK.get(scheme) or WORK.get(scheme.split("-")[0], "none")


def packed(script: Script, matrices: Packed) -> Script:
    """The same script with what products of packed matrices need beside their results."""
    if matrices.work == "none" or not any(r in matrices.matrices for _, r in script.products):
        return script
    s, done = Script(), 0
    for at, role in script.products:
        if role not in matrices.matrices:
            continue
        s.steps += script.steps[done:at]
        _product(s, matrices.work, script.steps[at][2], *matrices.matrices[role])
        done = at + 1
    s.steps += script.steps[done:]
    return s


def _product(s: Script, work: Work, result: Piece, out: int, in_: int) -> None:
    """The product `result`, with its steps around it."""
    if work == "int8":
        _int8(s, result, out, in_)
        return
    if work == "fp8":
        beside = s.take("input in FP8", TOKEN, {"in_features": in_, "bytes": 1})
    else:
        size = {"out_features": out, "in_features": in_, "itemsize": result.factors["itemsize"]}
        beside = s.take(f"the matrix for {result.name}, unpacked", MANY, size)
    s.keep(result)
    s.drop(beside)


def _int8(s: Script, result: Piece, out: int, in_: int) -> None:
    half = s.take("input in fp16", TOKEN, {"in_features": in_, "itemsize": 2})
    largest = s.take("input's magnitudes", TOKEN, {"in_features": in_, "bytes": 3})
    rounded = s.take("input in int8", TOKEN, {"in_features": in_, "bytes": 1})
    s.drop(largest, half)
    sums = s.take(f"{result.name}, summed in int32", TOKEN, {"out_features": out, "bytes": 4})
    scaled = s.take(f"{result.name}, in fp16", TOKEN, {"out_features": out, "itemsize": 2})
    s.drop(sums, rounded)
    s.keep(result)
    s.drop(scaled)
