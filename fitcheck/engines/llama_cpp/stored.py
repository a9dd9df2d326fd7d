"""A GGUF file as its header lists it, in place of what llama-quantize would have made."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from fitcheck.architecture import Model
from fitcheck.architecture.checkpoint import Checkpoint, StoredTensor
from fitcheck.engines.llama_cpp.gguf import Block, Converted, GgufFile, GgufTensor
from fitcheck.engines.llama_cpp.packing import Packed
from fitcheck.engines.llama_cpp.tensors import CALLED, gguf_file
from fitcheck.errors import BadInput
from fitcheck.quantization.ggml import BLOCK_TYPES, BlockType

_LAYER: Final = re.compile(r"blk\.(\d+)\.(.+)")
_ROLES: Final = {(arch, name): role for (arch, role), name in CALLED.items()}
_CONVERTED: Final[dict[str, Converted]] = {"F32": "f32", "MXFP4": "mxfp4"}


def stored(model: Model, checkpoint: Checkpoint) -> tuple[GgufFile, tuple[Packed, ...]]:
    """The file and its tensors' types, exactly as stored.

    What a header does not say (experts, rope layers) is the architecture's word. Raises BadInput on
    a type that ggml does not have.
    """
    outside: list[tuple[GgufTensor, str]] = []
    layers: dict[int, list[tuple[GgufTensor, str]]] = {}
    arch = str(checkpoint.metadata.get("general.architecture", ""))
    for tensor in checkpoint.tensors:
        match = _LAYER.fullmatch(tensor.name)
        where = layers.setdefault(int(match[1]), []) if match else outside
        role = (match[2] if match else tensor.name).removesuffix(".weight")
        where.append((_gguf_tensor(tensor, _ROLES.get((arch, role), role)), tensor.dtype))
    file = msgspec.structs.replace(
        _made(model, checkpoint),
        outside=tuple(t for t, _ in outside),
        blocks=tuple(_blocks(layers)),
        block_count=max(len(layers), len(model.layers)),
        nextn=max(len(layers) - len(model.layers), 0),
    )
    return file, tuple(_packed(outside, layers))


def _made(model: Model, checkpoint: Checkpoint) -> GgufFile:
    """What the converter makes of the architecture, empty for one that is not known."""
    try:
        return gguf_file(model)
    except BadInput:
        arch = str(checkpoint.metadata.get("general.architecture", ""))
        return GgufFile(arch=arch, outside=(), blocks=(), block_count=len(model.layers))


def _gguf_tensor(tensor: StoredTensor, role: str) -> GgufTensor:
    converted = _CONVERTED.get(tensor.dtype, "f16")
    ne = tuple(reversed(tensor.shape)) or (1,)
    return GgufTensor(role, ne, converted, converted == "f16")


def _blocks(layers: dict[int, list[tuple[GgufTensor, str]]]) -> Iterator[Block]:
    alike: dict[tuple[GgufTensor, ...], list[int]] = {}
    for number in sorted(layers):
        alike.setdefault(tuple(t for t, _ in layers[number]), []).append(number)
    for tensors, numbers in alike.items():
        yield Block(tensors, tuple(numbers))


def _packed(
    outside: list[tuple[GgufTensor, str]], layers: dict[int, list[tuple[GgufTensor, str]]]
) -> Iterator[Packed]:
    for tensor, dtype in outside:
        yield Packed(tensor, _block_type(dtype), ())
    alike: dict[tuple[GgufTensor, str], list[int]] = {}
    for number in sorted(layers):
        for pair in layers[number]:
            alike.setdefault(pair, []).append(number)
    for (tensor, dtype), numbers in alike.items():
        yield Packed(tensor, _block_type(dtype), tuple(numbers))


def _block_type(dtype: str) -> BlockType:
    found = BLOCK_TYPES.get(dtype.lower())
    if found is None:
        raise BadInput(f"{dtype} is no type that ggml has")
    return found
