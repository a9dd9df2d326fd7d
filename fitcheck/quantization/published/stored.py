"""What a published checkpoint takes, from the shapes of its tensors alone."""

from collections.abc import Iterable
from math import prod
from typing import Final

import msgspec

from fitcheck.quantization.published.record import Published
from fitcheck.quantization.rules import Weight
from fitcheck.units import Bytes

# Types that tensors may be kept in beside the model's own. Source: torch.dtype.itemsize.
_ITEMSIZE: Final = {"float32": 4, "float16": 2, "bfloat16": 2, "int64": 8}


class Stored(msgspec.Struct, frozen=True):
    """Bytes that schemes pack, by scheme, and bytes that are kept as they are."""

    packed: dict[str, Bytes]
    kept: Bytes

    @property
    def total(self) -> Bytes:
        """All of it."""
        return Bytes(sum(self.packed.values()) + self.kept)


def layer_module(index: int, module: str) -> str:
    """The path of a module of a layer, as `Published.packs` compares it."""
    return f"layers.{index}.{module}"


def stored(
    found: Published, tensors: Iterable[tuple[str, Weight]], itemsize: int = 2
) -> Stored | None:
    """Bytes of the checkpoint's tensors, None where the method is not known.

    Each tensor comes with its module's whole path (`layer_module` for those of layers); kept ones
    take `itemsize` bytes a number unless they say a type of their own.
    """
    if found.unknown:
        return None
    packed: dict[str, Bytes] = {}
    kept = 0
    for name, tensor in tensors:
        scheme = found.packs(name, tensor)
        if scheme is None or scheme.layout is None:
            kept += prod(tensor.shape) * _ITEMSIZE.get(tensor.dtype, itemsize)
            continue
        *stack, rows, columns = tensor.shape
        size = prod(stack) * scheme.layout.size(columns, rows)
        packed[scheme.name] = Bytes(packed.get(scheme.name, Bytes(0)) + size)
    return Stored(packed, Bytes(kept))
