"""Schemes by method: each function puts a method's settings in and returns its scheme.

What a scheme costs is quoted from the papers and tables named beside it, looked up on 2026-11-21.
"""

from typing import Final

from fitcheck.errors import BadInput
from fitcheck.quantization.layout import BlockScaled, RowPacked, RowScaled
from fitcheck.quantization.packed import (
    Awq,
    Bnb4bit,
    Bnb4bitDouble,
    Gptq,
    Hqq,
    MicroScaled,
    PackQuantized,
    Quanto,
    TorchaoInt4,
    TorchaoTiles,
)
from fitcheck.quantization.scheme import Precision, Scheme

PRECISIONS: Final[dict[int, Precision]] = {
    1: "int1", 2: "int2", 3: "int3", 4: "int4", 5: "int5", 6: "int6", 7: "int8", 8: "int8",
    16: "fp16", 32: "fp32",
}  # fmt: skip

# No matrix of a language model has rows as long as this; a group that long is a typing error.
LONGEST_GROUP: Final = 1 << 20

# What a float of eight bits costs. "Give Me BF16 or Give Me Death?" (arXiv 2411.02355), abstract.
_FP8_QUALITY: Final = "FP8 was lossless in half a million evaluations of Llama 3.1, 8B to 405B"
_LLAMA_31: Final = "arXiv 2411.02355"
_TORCHAO: Final = "pytorch/ao, torchao/quantization/README.md, CUDA backend, Llama 2 7B"


def group(text: str, scheme: str) -> int | None:
    """Weights in a group from `128`, None for `perchannel` or `-1`. Raises BadInput on others."""
    if text in ("perchannel", "channel", "-1"):
        return None
    size = int(text) if text.isdecimal() and len(text) < 9 else 0
    if not 0 < size <= LONGEST_GROUP:
        raise BadInput(f"{scheme}: a group of {text} weights is not possible")
    return size


def one_of(value: int, choices: tuple[int, ...], scheme: str, what: str) -> int:
    """`value` if the method knows it. Raises BadInput naming those it does."""
    if value not in choices:
        raise BadInput(f"{scheme}: {what} is one of {', '.join(map(str, choices))}, not {value}")
    return value


def _tail(group_size: int | None, word: str = "gperchannel") -> str:
    return f"g{group_size}" if group_size else word


def _groups(group_size: int | None) -> str:
    return f"groups of {group_size}" if group_size else "a scale for each output"


# QLoRA (arXiv 2305.14314), tables 2 and 4.
_BNB_QUALITY: Final = {
    "nf4": "fine-tuned LLaMA 7B to 65B: MMLU 53.1 with NF4 and double quantization, 53.0 in bf16",
    "fp4": "fine-tuned LLaMA 7B to 65B: MMLU 52.2 with FP4, 53.0 in bf16",
}


def bnb_4bit(data_type: str, double: bool = False, block: int = 64) -> Scheme:
    """bitsandbytes NF4 or FP4, with or without double quantization."""
    name = f"bnb-{data_type}" + ("-dq" if double else "") + (f"-b{block}" if block != 64 else "")
    one_of(block, (32, 64, 128, 256, 512, 1024, 2048, 4096), name, "the block size")
    kind = {"nf4": "NormalFloat 4", "fp4": "4 bit float"}[data_type]
    return Scheme(
        name=name,
        title=f"bitsandbytes, {kind}" + (", double quantization" if double else ""),
        precision="int4",
        bits=4,
        layout=Bnb4bitDouble(block) if double else Bnb4bit(block),
        engines=("transformers",),
        touches="modules",
        quality=_BNB_QUALITY[data_type],
        source="bitsandbytes 0.50.2, functional.quantize_4bit; QLoRA, arXiv 2305.14314",
    )


def bnb_int8() -> Scheme:
    """bitsandbytes LLM.int8()."""
    return Scheme(
        name="bnb-int8",
        title="bitsandbytes, LLM.int8()",
        precision="int8",
        bits=8,
        layout=RowScaled(4),
        engines=("transformers",),
        touches="modules",
        quality="no loss up to 175B: outlying features are multiplied in 16 bits",
        source="bitsandbytes 0.50.2, nn.Int8Params; LLM.int8(), arXiv 2208.07339",
    )


# IST-DASLab/gptq README, LLaMA, wikitext 2; for 8 bits GPTQ (arXiv 2210.17323) has no table.
_GPTQ_QUALITY: Final = {
    8: "next to none: rounding to 8 bits already loses nothing that perplexity shows",
    4: "perplexity of LLaMA 65B 3.84 for 3.53 in 16 bits, 7B 6.09 for 5.68; less with groups",
    3: "in groups of 128: perplexity of LLaMA 65B 4.17 for 3.53 in 16 bits, 7B 6.61 for 5.68",
    2: "much: below 3 bits GPTQ needs very small groups to stay usable",
}


def gptq(bits: int, group_size: int | None = 128, library: str = "gptq") -> Scheme:
    """GPTQ as auto_gptq or gptqmodel store it; act-order changes no size."""
    name = f"{library}-int{bits}-{_tail(group_size)}"
    one_of(bits, (2, 3, 4, 8), name, "bits")
    return Scheme(
        name=name,
        title=f"GPTQ, {bits} bit, {_groups(group_size)}, with or without act-order",
        precision=PRECISIONS[bits],
        bits=bits,
        layout=Gptq(bits, group_size),
        engines=("transformers", "vllm") if bits in (4, 8) else ("transformers",),
        touches="blocks",
        quality=_GPTQ_QUALITY[bits],
        source="auto_gptq 0.7.1, qlinear_cuda; IST-DASLab/gptq README; arXiv 2210.17323",
    )


def awq(group_size: int | None = 128) -> Scheme:
    """AWQ of 4 bits, as its GEMM kernels want it."""
    return Scheme(
        name=f"awq-int4-{_tail(group_size)}",
        title=f"AWQ, 4 bit, {_groups(group_size)}",
        precision="int4",
        bits=4,
        layout=Awq(group_size),
        engines=("transformers", "vllm"),
        touches="blocks",
        quality="perplexity of Llama 2 7B 5.60 for 5.47 in 16 bits, 70B 3.41 for 3.32",
        source="autoawq 0.2.9, WQLinear_GEMM; AWQ, arXiv 2306.00978, table 4",
    )


def own(model: str, bits: int, costs: str, library: str) -> Scheme:
    """What a published model's own code packs: a scale in 16 bits a row, the blocks' matrices."""
    return Scheme(
        name=f"{model}-int{bits}",
        title=f"{bits} bit by the model's own code, quantize({bits}), a scale for each output",
        precision=PRECISIONS[one_of(bits, (4, 8), model, "bits")],
        bits=bits,
        layout=RowPacked() if bits == 4 else RowScaled(2),
        engines=("transformers",),
        touches="blocks",
        quality=costs,
        source=library,
    )


def hqq(bits: int, group_size: int | None = 64) -> Scheme:
    """HQQ along rows, scales in 16 bits.

    Raises BadInput for groups that are no multiple of 8 weights.
    """
    name = f"hqq-int{bits}-{_tail(group_size)}"
    one_of(bits, (1, 2, 3, 4, 5, 6, 8), name, "bits")
    if group_size and group_size % 8:
        raise BadInput(f"{name}: hqq takes groups of a multiple of 8 weights")
    return Scheme(
        name=name,
        title=f"HQQ, {bits} bit, {_groups(group_size)}",
        precision=PRECISIONS[bits],
        bits=bits,
        layout=Hqq(bits, group_size),
        engines=("transformers",),
        touches="modules",
        quality="about GPTQ's and AWQ's at 4 bits without calibration data, better than them at 2",
        source="hqq 0.2.8, core/quantize.py; its authors' blog, mobiusml.github.io/hqq_blog",
    )


def quanto(kind: str) -> Scheme:
    """optimum-quanto's qint8, qint4, qint2 or qfloat8."""
    bits = 8 if kind == "fp8" else int(kind.removeprefix("int"))
    return Scheme(
        name=f"quanto-{kind}",
        title=f"optimum-quanto, {kind}",
        precision=PRECISIONS[bits],
        bits=bits,
        layout=RowScaled(2, 4) if bits == 8 else Quanto(bits),
        engines=("transformers",),
        touches="modules",
        quality="8 bits stay very close to the full model; no calibration of weights below that",
        source="optimum-quanto 0.2.7, nn/qmodule.py and README",
    )


def fp8_block(rows: int = 128, columns: int = 128) -> Scheme:
    """Fine-grained FP8: an fp32 scale for each tile, as DeepSeek V3 and Qwen3 publish it."""
    tile = f"{rows}" if rows == columns else f"{rows}x{columns}"
    return Scheme(
        name=f"hf-finegrained-fp8-block{tile}",
        title=f"FP8, a scale for each tile of {rows}x{columns} weights",
        precision="int8",
        bits=8,
        layout=BlockScaled(rows, columns),
        engines=("transformers", "vllm"),
        touches="linear",
        quality=_FP8_QUALITY,
        source=f"transformers 5.23.0, FP8Linear; {_LLAMA_31}",
    )


def ct_fp8_block(size: int = 128) -> Scheme:
    """compressed-tensors' FP8 with a 16 bit scale for each square tile."""
    return Scheme(
        name=f"ct-float-quantized-fp8-block{size}",
        title=f"FP8, compressed-tensors, a scale for each tile of {size}x{size} weights",
        precision="int8",
        bits=8,
        layout=BlockScaled(size, size, 2),
        engines=("transformers", "vllm"),
        touches="blocks",
        quality=_FP8_QUALITY,
        source=f"compressed-tensors 0.20.0, float-quantized; {_LLAMA_31}",
    )


def fp8_tensor(name: str, title: str, layout: RowScaled, source: str) -> Scheme:
    """FP8 with a scale for each output or one for the whole."""
    return Scheme(
        name=name,
        title=f"FP8, {title}",
        precision="int8",
        bits=8,
        layout=layout,
        engines=("transformers", "vllm"),
        touches="linear",
        quality=_FP8_QUALITY,
        source=f"{source}; {_LLAMA_31}",
    )


def ct_pack(bits: int, group_size: int | None = 128, symmetric: bool = True) -> Scheme:
    """compressed-tensors' packed integers: weights only."""
    end = _tail(group_size, "channel")
    name = f"ct-pack-quantized-w{bits}a16-{end}"
    if group_size or not symmetric:
        name += "-sym" if symmetric else "-asym"
    one_of(bits, (2, 3, 4, 5, 6, 7, 8), name, "bits")
    return Scheme(
        name=name,
        title=f"compressed-tensors, {bits} bit, {_groups(group_size)}",
        precision=PRECISIONS[bits],
        bits=bits,
        layout=PackQuantized(bits, group_size, symmetric),
        engines=("transformers", "vllm"),
        touches="blocks",
        quality="4 bit weights rivalled 8 bit ones in half a million evaluations of Llama 3.1"
        if bits >= 4
        else "more with each bit below 4",
        source=f"compressed-tensors 0.20.0, pack-quantized; {_LLAMA_31}",
    )


def ct_w8a8() -> Scheme:
    """compressed-tensors' INT8 weights and activations."""
    return Scheme(
        name="ct-int-quantized-w8a8",
        title="compressed-tensors, INT8 weights and activations",
        precision="int8",
        bits=8,
        layout=RowScaled(2),
        engines=("transformers", "vllm"),
        touches="blocks",
        quality="1 to 3 % of accuracy on Llama 3.1, well tuned",
        source=f"compressed-tensors 0.20.0, int-quantized; {_LLAMA_31}",
    )


def nvfp4(name: str, title: str, tensor_bytes: int, source: str) -> Scheme:
    """NVFP4: FP8 scales for 16 weights and fp32 ones for the whole."""
    return Scheme(
        name=name,
        title=f"NVFP4, {title}",
        precision="int4",
        bits=4,
        layout=MicroScaled(16, tensor_bytes),
        engines=("transformers", "vllm"),
        touches="blocks",
        quality="at most 1 % on DeepSeek R1 0528's evaluations beside its FP8",
        source=f"{source}; NVIDIA, Introducing NVFP4 (developer.nvidia.com/blog, 2025-06)",
    )


def mxfp4(name: str, title: str, touches: str) -> Scheme:
    """MXFP4: a power of two for 32 weights."""
    return Scheme(
        name=name,
        title=f"MXFP4, {title}",
        precision="int4",
        bits=4,
        layout=MicroScaled(32),
        engines=("transformers", "vllm"),
        touches=touches,
        quality="none where it is the published form: gpt-oss was trained with it",
        source="transformers 5.23.0, integrations/mxfp4.py; gpt-oss model card, arXiv 2508.10925",
    )


def mxfp8() -> Scheme:
    """MXFP8: FP8 weights and a power of two for 32 of them."""
    return Scheme(
        name="mxfp8",
        title="MXFP8, a power of two for 32 weights",
        precision="int8",
        bits=8,
        layout=BlockScaled(1, 32, 1),
        engines=("vllm",),
        touches="blocks",
        quality=_FP8_QUALITY,
        source=f"compressed-tensors 0.20.0, compressors/mxfp8; {_LLAMA_31}",
    )


def torchao_int4(group_size: int = 128, packing: str = "plain") -> Scheme:
    """torchao's int4 weights, in one of its packing formats."""
    name = f"torchao-int4weightonly-g{group_size}-{packing}"
    one_of(group_size, (32, 64, 128, 256), name, "the group size")
    layout = TorchaoInt4(group_size) if packing == "plain" else TorchaoTiles(group_size)
    return Scheme(
        name=name,
        title=f"torchao, int4, groups of {group_size}, {packing.replace('_', ' ')}",
        precision="int4",
        bits=4,
        layout=layout,
        engines=("transformers", "vllm"),
        touches="modules",
        quality="perplexity of Llama 2 7B 12.84 for 12.21 in 16 bits, in groups of 64",
        source=f"torchao 0.18.0, workflows/int4; {_TORCHAO}",
    )


def torchao(name: str, title: str, layout: RowScaled | BlockScaled, quality: str = "") -> Scheme:
    """torchao's one byte a weight."""
    return Scheme(
        name=f"torchao-{name}",
        title=f"torchao, {title}",
        precision="int8",
        bits=8,
        layout=layout,
        engines=("transformers", "vllm"),
        touches="modules",
        quality=quality or "perplexity of Llama 2 7B 12.20 for 12.21 in 16 bits",
        source=f"torchao 0.18.0, quantization/quant_api.py; {_TORCHAO}",
    )
