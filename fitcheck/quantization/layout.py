"""How one weight matrix is laid out in memory under a scheme, to the byte.

Every layout answers `size(in_features, out_features)` and carries its `formula`, in which the same
numbers stand under the names that `values` gives them: what is shown is what is counted.
"""

from typing import ClassVar, Protocol

import msgspec

from fitcheck.units import Bytes, ceil_div


class Layout(Protocol):
    """A way to store a matrix of out_features rows and in_features columns."""

    formula: ClassVar[str]

    def values(self) -> dict[str, int]:
        """The constants in the formula, beside in_features and out_features."""
        ...

    def size(self, in_features: int, out_features: int) -> Bytes:
        """Bytes of the matrix with everything that belongs to it: scales, zeros, indices."""
        ...


class Plain(msgspec.Struct, frozen=True):
    """Each weight by itself: fp32 (4 bytes), fp16 and bf16 (2)."""

    formula: ClassVar[str] = "in_features * out_features * weight_bytes"
    weight_bytes: int

    def values(self) -> dict[str, int]:
        """Bytes of one weight."""
        return {"weight_bytes": self.weight_bytes}

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        return Bytes(in_features * out_features * self.weight_bytes)


class Bnb4bit(msgspec.Struct, frozen=True):
    """bitsandbytes NF4 and FP4: two weights a byte, an fp32 absmax for 64 weights, a code table.

    Source: bitsandbytes 0.50.2, functional.quantize_4bit.
    """

    formula: ClassVar[str] = (
        "ceil_div(in_features * out_features, 2)"
        " + 4 * ceil_div(in_features * out_features, block) + code_bytes"
    )
    block: int = 64
    code_bytes: int = 64

    def values(self) -> dict[str, int]:
        """Weights that share an absmax, bytes of the code table."""
        return {"block": self.block, "code_bytes": self.code_bytes}

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        weights = in_features * out_features
        return Bytes(ceil_div(weights, 2) + 4 * ceil_div(weights, self.block) + self.code_bytes)


class BnbInt8(msgspec.Struct, frozen=True):
    """bitsandbytes LLM.int8: one byte a weight and an fp32 scale for each output row.

    Source: bitsandbytes 0.50.2, nn.Linear8bitLt.
    """

    formula: ClassVar[str] = "in_features * out_features + 4 * out_features"

    def values(self) -> dict[str, int]:
        """No constants but those in the formula."""
        return {}

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        return Bytes(in_features * out_features + 4 * out_features)
