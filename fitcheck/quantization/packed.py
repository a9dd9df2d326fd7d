"""Weights of fewer than eight bits, packed as each library packs them.

`group_size` is how many neighbours of a row share a scale; None is the whole row.
"""

from typing import Final

from fitcheck.quantization.layout import Layout
from fitcheck.units import Bytes, ceil_div, round_up


def groups(in_features: int, group_size: int | None) -> int:
    """Groups in a row; one that is not full counts."""
    return 1 if group_size is None else ceil_div(in_features, group_size)


def _uneven(what: str, size: int, by: int) -> str:
    return f"{what} {size} is not a multiple of {by}" if size % by else ""


class Bnb4bit(Layout, frozen=True):
    """bitsandbytes NF4 and FP4: two weights a byte, an fp32 absmax for a block, a table of values.

    Blocks run on over the ends of rows. Source: bitsandbytes 0.50.2, functional.quantize_4bit.
    """

    block: int = 64
    code_bytes: int = 64

    @property
    def formula(self) -> str:
        """Weights, absmax of each block, table."""
        return (
            "ceil_div(in_features * out_features, 2)"
            " + 4 * ceil_div(in_features * out_features, block) + code_bytes"
        )

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        weights = in_features * out_features
        return Bytes(ceil_div(weights, 2) + 4 * ceil_div(weights, self.block) + self.code_bytes)


class Bnb4bitDouble(Layout, frozen=True):
    """The same with double quantization: absmax in a byte, an fp32 for 256 of them, their mean.

    Each layer keeps the table of 16 values and that of 256 for its absmax. Source: bitsandbytes
    0.50.2, functional.quantize_4bit with compress_statistics.
    """

    block: int = 64
    nested_block: int = 256
    code_bytes: int = 64 + 256 * 4 + 4

    @property
    def formula(self) -> str:
        """Weights, a byte a block, an fp32 for a block of those, tables and mean."""
        return (
            "ceil_div(in_features * out_features, 2) + ceil_div(in_features * out_features, block)"
            " + 4 * ceil_div(ceil_div(in_features * out_features, block), nested_block)"
            " + code_bytes"
        )

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        weights = in_features * out_features
        blocks = ceil_div(weights, self.block)
        nested = 4 * ceil_div(blocks, self.nested_block)
        return Bytes(ceil_div(weights, 2) + blocks + nested + self.code_bytes)


# What both GPTQ packers need: 32 inputs fill whole words, and so do the zeros of 32 outputs.
_GPTQ_WORD: Final = 32


class Gptq(Layout, frozen=True):
    """GPTQ: words along the inputs, fp16 scales, packed zeros, and the group of each input (g_idx).

    g_idx is stored with and without act-order. Source: auto_gptq 0.7.1,
    nn_modules/qlinear/qlinear_cuda.py; gptqmodel 7.7.0, nn_modules/qlinear/__init__.py,
    _register_gptq_buffers: the same four buffers.
    """

    bits: int = 4
    group_size: int | None = 128

    @property
    def formula(self) -> str:
        """qweight, qzeros, scales, g_idx."""
        rows = "ceil_div(in_features, group_size) * " if self.group_size else ""
        return (
            "4 * ceil_div(in_features * bits, 32) * out_features"
            f" + 4 * {rows}ceil_div(out_features * bits, 32)"
            f" + 2 * {rows}out_features + 4 * in_features"
        )

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        rows = groups(in_features, self.group_size)
        qweight = 4 * ceil_div(in_features * self.bits, 32) * out_features
        qzeros = 4 * rows * ceil_div(out_features * self.bits, 32)
        return Bytes(qweight + qzeros + 2 * rows * out_features + 4 * in_features)

    def refuses(self, in_features: int, out_features: int) -> str:
        """Both sides are packed 32 at a time."""
        return _uneven("in", in_features, _GPTQ_WORD) or _uneven("out", out_features, _GPTQ_WORD)


class Awq(Layout, frozen=True):
    """AWQ: eight outputs a word, fp16 scales, packed zeros, no g_idx.

    Source: autoawq 0.2.9, modules/linear/gemm.py, WQLinear_GEMM.
    """

    group_size: int | None = 128

    @property
    def formula(self) -> str:
        """qweight, qzeros, scales."""
        rows = "ceil_div(in_features, group_size) * " if self.group_size else ""
        return (
            "4 * in_features * ceil_div(out_features, 8)"
            f" + 4 * {rows}ceil_div(out_features, 8) + 2 * {rows}out_features"
        )

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        rows = groups(in_features, self.group_size)
        words = ceil_div(out_features, 8)
        return Bytes(4 * in_features * words + 4 * rows * words + 2 * rows * out_features)

    def refuses(self, in_features: int, out_features: int) -> str:
        """Inputs come in whole groups, outputs in whole words."""
        return _uneven("in", in_features, self.group_size or 1) or _uneven("out", out_features, 8)


class PackQuantized(Layout, frozen=True):
    """compressed-tensors `pack-quantized`: words along a row, 16 bit scales, two int64 of shape.

    Zeros, where it is not symmetric, are packed along the outputs; act-order by groups adds the
    group of each input. Source: compressed-tensors 0.20.0, compressors/pack_quantized.
    """

    bits: int = 4
    group_size: int | None = 128
    symmetric: bool = True
    act_order: bool = False

    @property
    def formula(self) -> str:
        """weight_packed, weight_scale, weight_zero_point, weight_g_idx, weight_shape."""
        along = " * ceil_div(in_features, group_size)" if self.group_size else ""
        zeros = "" if self.symmetric else f" + 4 * ceil_div(out_features * bits, 32){along}"
        packed = "4 * out_features * ceil_div(in_features * bits, 32)"
        order = " + 4 * in_features" if self.act_order else ""
        return f"{packed} + 2 * out_features{along}{zeros}{order} + 16"

    def values(self) -> dict[str, int]:
        """Bits and group; whether there are zeros and an order is in the formula."""
        kept = ("bits", "group_size")
        return {k: v for k, v in super().values().items() if k in kept}

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        along = groups(in_features, self.group_size)
        packed = 4 * out_features * ceil_div(in_features * self.bits, 32)
        zeros = 0 if self.symmetric else 4 * ceil_div(out_features * self.bits, 32) * along
        order = 4 * in_features if self.act_order else 0
        return Bytes(packed + 2 * out_features * along + zeros + order + 16)

    def refuses(self, in_features: int, out_features: int) -> str:
        """The compressor divides rows into whole groups."""
        return _uneven("in", in_features, self.group_size or 1)


class MicroScaled(Layout, frozen=True):
    """Floats of `bits` bits and a scale of one byte for a short run of a row: MXFP4, NVFP4.

    MXFP4 has a power of two for 32 weights; NVFP4 an FP8 scale for 16 and one or two fp32 scales
    for the whole (`tensor_bytes`: the weights', and the inputs' where those are FP4 too). Source:
    compressed-tensors 0.20.0, compressors/nvfp4 and compressors/mxfp4; OCP Microscaling
    Formats 1.0.
    """

    group_size: int = 32
    tensor_bytes: int = 0
    bits: int = 4

    @property
    def formula(self) -> str:
        """Weights, scales, what there is once."""
        return (
            "out_features * ceil_div(in_features * bits, 8)"
            " + out_features * ceil_div(in_features, group_size) + tensor_bytes"
        )

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        row = ceil_div(in_features * self.bits, 8) + ceil_div(in_features, self.group_size)
        return Bytes(out_features * row + self.tensor_bytes)

    def refuses(self, in_features: int, out_features: int) -> str:
        """The compressor divides rows into whole groups."""
        return _uneven("in", in_features, self.group_size)


# Weights in a container and its bytes, by bits; 5, 6 and 7 bits take a byte each.
# Source: hqq 0.2.8, core/quantize.py, bit_to_packing; core/bitpack.py.
_HQQ_PACKING: Final = {1: (8, 1), 2: (4, 1), 3: (10, 4), 4: (2, 1)}


class Hqq(Layout, frozen=True):
    """HQQ along rows (axis 1): groups stacked into words, a 16 bit scale and zero for each.

    Source: hqq 0.2.8, core/quantize.py and core/bitpack.py, HQQLinear without quantized scales.
    """

    bits: int = 4
    group_size: int | None = 64

    @property
    def _packing(self) -> tuple[int, int]:
        return _HQQ_PACKING.get(self.bits, (1, 1))

    @property
    def formula(self) -> str:
        """W_q, then scale and zero of each group."""
        if self.group_size is None:
            rows, width = "out_features", "in_features"
        else:
            rows, width = "(in_features * out_features // group_size)", "group_size"
        return f"word_bytes * ceil_div({rows}, per_word) * {width} + 4 * {rows}"

    def values(self) -> dict[str, int]:
        """The group, and how many groups lie over one another in words of so many bytes."""
        per_word, word_bytes = self._packing
        group = {} if self.group_size is None else {"group_size": self.group_size}
        return {**group, "per_word": per_word, "word_bytes": word_bytes}

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        per_word, word_bytes = self._packing
        width = self.group_size or in_features
        rows = in_features * out_features // width
        return Bytes(word_bytes * ceil_div(rows, per_word) * width + 4 * rows)

    def refuses(self, in_features: int, out_features: int) -> str:
        """Groups are whole, and (but for 3 bits, which are padded) fill whole words."""
        width = self.group_size or in_features
        uneven = _uneven("in * out", in_features * out_features, width)
        per_word = 1 if self.bits == 3 else self._packing[0]
        rows = in_features * out_features // width
        return uneven or _uneven("the number of groups", rows, per_word)


# Tried in this order by optimum-quanto 0.2.7, nn/qmodule.py.
_QUANTO_GROUPS: Final = (128, 96, 64, 32)


class Quanto(Layout, frozen=True):
    """optimum-quanto's 4 and 2 bits: weights stacked in bytes, a 16 bit scale and shift a group.

    The group is the largest of 128, 96, 64 and 32 that divides a row, else the row; the layer has
    two 16 bit scales for activations. Source: optimum-quanto 0.2.7, nn/qmodule.py and
    tensor/packed.py.
    """

    bits: int = 4

    @property
    def formula(self) -> str:
        """Weights over one another in bytes, scale and shift of each group, activation scales."""
        tried = ", ".join(f"{g} * (in_features % {g} == 0)" for g in _QUANTO_GROUPS)
        group = f"(max({tried}) or in_features)"
        rows = f"(out_features * (in_features // {group}))"
        return f"ceil_div({rows}, 8 // bits) * {group} + 4 * {rows} + 4"

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        group = next((g for g in _QUANTO_GROUPS if in_features % g == 0), in_features)
        rows = out_features * (in_features // group)
        return Bytes(ceil_div(rows, 8 // self.bits) * group + 4 * rows + 4)


class TorchaoInt4(Layout, frozen=True):
    """torchao's plain int4: two weights a byte, a 16 bit scale and zero point for each group.

    Source: torchao 0.18.0, quantize_/workflows/int4/int4_tensor.py.
    """

    group_size: int = 128

    @property
    def formula(self) -> str:
        """qdata, then scale and zero_point."""
        return "in_features * out_features // 2 + 4 * out_features * (in_features // group_size)"

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        scales = 4 * out_features * (in_features // self.group_size)
        return Bytes(in_features * out_features // 2 + scales)

    def refuses(self, in_features: int, out_features: int) -> str:
        """torchao leaves such a layer as it is."""
        return _uneven("in", in_features, self.group_size)


class TorchaoTiles(Layout, frozen=True):
    """torchao's int4 for the tinygemm kernel: inputs padded to 1024, outputs to 8.

    Source: torchao 0.18.0, quantize_/workflows/int4/int4_tile_packed_to_4d_tensor.py.
    """

    group_size: int = 128

    @property
    def formula(self) -> str:
        """qdata, then scale and zero of each group, over the padded matrix."""
        padded_in = "1024 * ceil_div(in_features, 1024)"
        padded_out = "8 * ceil_div(out_features, 8)"
        scales = f"4 * ceil_div({padded_in}, group_size) * {padded_out}"
        return f"{padded_in} * {padded_out} // 2 + {scales}"

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        padded_in, padded_out = round_up(in_features, 1024), round_up(out_features, 8)
        scales = 4 * ceil_div(padded_in, self.group_size) * padded_out
        return Bytes(padded_in * padded_out // 2 + scales)

    def refuses(self, in_features: int, out_features: int) -> str:
        """torchao leaves such a layer as it is."""
        return _uneven("in", in_features, self.group_size)


class GptOssExperts(Layout, frozen=True):
    """The routed experts of one gpt-oss layer as transformers constructs them for MXFP4.

    in_features is hidden_size, out_features intermediate_size; gate and up are one matrix, biases
    are fp32. The scales (a byte for 32 weights) are not among the module's parameters: loading
    puts them into a record of the kernel. Source: transformers 5.23.0, integrations/mxfp4.py,
    Mxfp4GptOssExperts.
    """

    num_experts: int = 32

    @property
    def formula(self) -> str:
        """Blocks of gate_up and down, their biases."""
        return (
            "num_experts * (2 * out_features * (in_features // 2)"
            " + in_features * (out_features // 2) + 4 * (2 * out_features + in_features))"
        )

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        blocks = 2 * out_features * (in_features // 2) + in_features * (out_features // 2)
        return Bytes(self.num_experts * (blocks + 4 * (2 * out_features + in_features)))


class Bitnet(Layout, frozen=True):
    """BitNet's ternary weights: four outputs a byte, one 16 bit scale.

    Source: transformers 5.23.0, integrations/bitnet.py, BitLinear.
    """

    @property
    def formula(self) -> str:
        """Weights and scale."""
        return "in_features * (out_features // 4) + 2"

    def size(self, in_features: int, out_features: int) -> Bytes:
        """As the formula says."""
        return Bytes(in_features * (out_features // 4) + 2)

    def refuses(self, in_features: int, out_features: int) -> str:
        """Outputs come in fours."""
        return _uneven("out", out_features, 4)
