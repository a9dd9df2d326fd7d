"""How one weight matrix is laid out in memory under a scheme, to the byte.

Every layout answers `size(in_features, out_features)` and carries its `formula`, in which the same
numbers stand under the names that `values` gives them: what is shown is what is counted. This
module holds what layouts have in common and the plainest of them; `packed` and `grouped` hold those
of particular libraries.
"""

import msgspec

from fitcheck.units import Bytes, ceil_div


class Layout(msgspec.Struct, frozen=True):
    """A way to store a matrix of out_features rows and in_features columns.

    Its fields are the constants of its formula.
    """

    @property
    def formula(self) -> str:
        """Bytes as an expression of in_features, out_features, `values` and ceil_div."""
        raise NotImplementedError

    def values(self) -> dict[str, int]:
        """The constants in the formula, beside in_features and out_features."""
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in fields if value is not None}

    def size(self, in_features: int, out_features: int) -> Bytes:
        """Bytes of the matrix with everything that belongs to it: scales, zeros, indices."""
        raise NotImplementedError

    def refuses(self, in_features: int, out_features: int) -> str:
        """Why a matrix of that shape cannot be stored so; empty where it can."""
        return ""


class Plain(Layout, frozen=True):
    """Each weight by itself: fp32 (4 bytes), fp16 and bf16 (2)."""

    weight_bytes: int

    @property
    def formula(self) -> str:
        """No more than the weights."""
        return "in_features * out_features * weight_bytes"

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        return Bytes(in_features * out_features * self.weight_bytes)


class RowScaled(Layout, frozen=True):
    """One byte a weight, `row_bytes` of scales for each output row, `tensor_bytes` for the whole.

    LLM.int8() keeps an fp32 scale a row (bitsandbytes 0.50.2, nn.Int8Params), quanto one in the
    model's 16 bits and two more for the layer (optimum-quanto 0.2.7, QModuleMixin), compressed-
    tensors 0.20.0 one in 16 bits (channel strategy), fbgemm fp8 one in fp32 and a bound
    (transformers 5.23.0, FbgemmFp8Linear), torchao 0.18.0 one in fp32 and for int8 a zero point of
    a byte (Int8Tensor, Float8Tensor). A scale for the whole tensor is `row_bytes` 0.
    """

    row_bytes: int
    tensor_bytes: int = 0

    @property
    def formula(self) -> str:
        """Weights, then rows, then what there is once."""
        return "in_features * out_features + row_bytes * out_features + tensor_bytes"

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        rows = self.row_bytes * out_features
        return Bytes(in_features * out_features + rows + self.tensor_bytes)


class RowPacked(Layout, frozen=True):
    """Two weights a byte along the row and a scale in 16 bits for each row, without zeros.

    Source: the model's own quantization.py of THUDM/chatglm-6b and quantizer.py of
    baichuan-inc/Baichuan-13B-Chat (remote code), QuantizedLinear and QLinear.
    """

    row_bytes: int = 2

    @property
    def formula(self) -> str:
        """Half a byte a weight, then rows."""
        return "in_features // 2 * out_features + row_bytes * out_features"

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        return Bytes(in_features // 2 * out_features + self.row_bytes * out_features)

    def refuses(self, in_features: int, out_features: int) -> str:
        """Rows are packed two weights at a time."""
        return f"in {in_features} is not a multiple of 2" if in_features % 2 else ""


class BlockScaled(Layout, frozen=True):
    """One byte a weight and `scale_bytes` for each tile of `block_rows` by `block_columns` weights.

    A tile at the edge that is not full has its scale too. Fine-grained FP8 keeps fp32 scales, or
    one byte of exponent (transformers 5.23.0, integrations/finegrained_fp8.py, FP8Linear);
    compressed-tensors 0.20.0 in the model's 16 bits (block strategy); MXFP8 one byte for 32
    weights of a row.
    """

    block_rows: int
    block_columns: int
    scale_bytes: int = 4
    tensor_bytes: int = 0

    @property
    def formula(self) -> str:
        """Weights, then a scale for each tile."""
        return (
            "in_features * out_features + scale_bytes * ceil_div(out_features, block_rows)"
            " * ceil_div(in_features, block_columns) + tensor_bytes"
        )

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        down = ceil_div(out_features, self.block_rows)
        along = ceil_div(in_features, self.block_columns)
        scales = self.scale_bytes * down * along
        return Bytes(in_features * out_features + scales + self.tensor_bytes)


class Blocks(Layout, frozen=True):
    """Rows of whole blocks, each with its own scales inside: llama.cpp's tensor types.

    Source: llama.cpp 0c1e57098, ggml/src/ggml.c, ggml_row_size.
    """

    block_weights: int
    block_bytes: int

    @property
    def formula(self) -> str:
        """Blocks in a row, rows, bytes of a block."""
        return "out_features * (in_features // block_weights) * block_bytes"

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        return Bytes(out_features * (in_features // self.block_weights) * self.block_bytes)

    def refuses(self, in_features: int, out_features: int) -> str:
        """Rows must be whole blocks; llama-quantize takes another type where they are not."""
        if in_features % self.block_weights:
            return f"a row of {in_features} is not whole blocks of {self.block_weights}"
        return ""
