"""Every scheme that is listed, under the name that people use for its usual settings."""

from collections.abc import Iterator
from typing import Final

import msgspec

from fitcheck.quantization import methods as m
from fitcheck.quantization.ggml import BLOCK_TYPES, FILE_TYPES, FileType
from fitcheck.quantization.layout import BlockScaled, Plain, RowScaled
from fitcheck.quantization.scheme import Scheme


def _as(name: str, scheme: Scheme, *aliases: str) -> Scheme:
    """The scheme under a shorter name; its full name becomes an alias."""
    return msgspec.structs.replace(scheme, name=name, aliases=(scheme.name, *aliases))


def _also(scheme: Scheme, *aliases: str) -> Scheme:
    return msgspec.structs.replace(scheme, aliases=aliases)


_PLAIN: Final = (
    Scheme(
        name="fp32",
        title="32 bit floats",
        precision="fp32",
        bits=32,
        layout=Plain(4),
        engines=("transformers", "vllm", "llama.cpp"),
        aliases=("f32", "float32", "fp-32"),
        touches="all",
        quality="none",
        source="torch.dtype.itemsize",
        file_type="f32",
    ),
    Scheme(
        name="fp16",
        title="16 bit floats, as most models are published",
        precision="fp16",
        bits=16,
        layout=Plain(2),
        engines=("transformers", "vllm", "llama.cpp"),
        aliases=("f16", "float16", "bf16/fp16", "fp16/bf16", "half", "fp-16"),
        touches="all",
        quality="none where the model is published so",
        source="torch.dtype.itemsize",
        file_type="f16",
    ),
    Scheme(
        name="bf16",
        title="16 bit floats with the exponent of 32",
        precision="fp16",
        bits=16,
        layout=Plain(2),
        engines=("transformers", "vllm", "llama.cpp"),
        aliases=("bfloat16",),
        touches="all",
        quality="none where the model is published so",
        source="torch.dtype.itemsize",
        file_type="bf16",
    ),
)

_CT: Final = "compressed-tensors 0.20.0, float-quantized"

_EIGHT_BIT: Final = (
    _as("fp8", m.fp8_block(), "fp8-block", "fp8-block128", "finegrained-fp8", "float8"),
    m.fp8_tensor(
        "fp8-pertensor", "one scale for the whole", RowScaled(0, 4),
        "vLLM 0.33.0, quantization/fp8.py; transformers 5.23.0, FP8Linear",
    ),
    m.fp8_tensor(
        "hf-fbgemm-fp8-rowwise", "fbgemm, a scale for each output", RowScaled(4, 4),
        "transformers 5.23.0, FbgemmFp8Linear",
    ),
    _also(
        m.fp8_tensor(
            "ct-float-quantized-fp8-dynamic", "compressed-tensors, a scale for each output",
            RowScaled(2), _CT,
        ),
        "fp8-dynamic", "ct-float-quantized-w8a16",
    ),
    _also(
        m.fp8_tensor(
            "ct-float-quantized-fp8-pertensor", "compressed-tensors, one scale for the whole",
            RowScaled(0, 5), _CT,
        ),
        "fp8-static",
    ),
    m.ct_fp8_block(),
    m.mxfp8(),
    _also(
        m.bnb_int8(),
        "int8", "8bit", "bnb-8bit", "llm.int8", "llm.int8()", "llm-int8", "bitsandbytes-int8",
    ),
    _also(m.ct_w8a8(), "w8a8", "w8a8-int8", "int8-w8a8"),
    _also(m.ct_pack(8, None), "w8a16", "ct-pack-quantized-w8a16-channel-sym"),
    _as("gptq-int8", m.gptq(8), "gptq-8bit"),
    _as("hqq-int8", m.hqq(8)),
    m.quanto("int8"),
    m.quanto("fp8"),
    _also(m.torchao("int8weightonly", "int8 weights", RowScaled(5)), "torchao-int8"),
    m.torchao("int8dynamicactivationint8weight", "int8 weights and activations", RowScaled(5),
              "perplexity of Llama 2 7B 12.26 for 12.21 in 16 bits"),
    _also(
        m.torchao("float8weightonly", "FP8 weights", RowScaled(4), "next to none"),
        "torchao-fp8", "torchao-float8",
    ),
    m.torchao("float8dynamicactivationfloat8weight", "FP8 weights and activations",
              RowScaled(0, 4), "next to none"),
    m.torchao("int8dynamicactivationintxweight", "int8 weights in groups of 32",
              BlockScaled(1, 32, 3)),
    m.torchao("intxweightonly", "int8 weights, 16 bit scales", RowScaled(3)),
)  # fmt: skip

_FOUR_BIT: Final = (
    _also(
        m.bnb_4bit("nf4"),
        "nf4", "int4", "4bit", "bnb-4bit", "bnb-int4", "bitsandbytes-nf4", "qlora",
    ),
    _also(m.bnb_4bit("nf4", double=True), "nf4-dq", "bitsandbytes-nf4-dq"),
    _also(m.bnb_4bit("fp4"), "fp4", "bitsandbytes-fp4"),
    _also(m.bnb_4bit("fp4", double=True), "fp4-dq"),
    _as("gptq-int4", m.gptq(4), "gptq", "gptq-4bit"),
    m.gptq(4, 32),
    m.gptq(4, 64),
    m.gptq(4, None),
    _as("awq-int4", m.awq(), "awq", "awq-4bit"),
    m.awq(64),
    _as("hqq-int4", m.hqq(4), "hqq"),
    _also(m.ct_pack(4), "w4a16", "w4a16-g128", "ct-pack-quantized-w4a16-g128"),
    m.ct_pack(4, symmetric=False),
    _also(m.mxfp4("mxfp4", "experts alone, as gpt-oss is published", "experts"), "gpt-oss-mxfp4"),
    _also(
        m.nvfp4("nvfp4", "weights and activations", 8,
                "compressed-tensors 0.20.0 and modelopt: two fp32 scales a layer"),
        "ct-nvfp4-pack-quantized-w4a4", "ct-nvfp4-pack-quantized", "w4a4-nvfp4",
    ),
    _also(
        m.nvfp4("ct-nvfp4-pack-quantized-w4a16", "weights alone", 4,
                "compressed-tensors 0.20.0, nvfp4-pack-quantized"),
        "nvfp4-w4a16",
    ),
    m.mxfp4("ct-mxfp4-pack-quantized", "compressed-tensors, weights alone", "blocks"),
    m.quanto("int4"),
    _as("torchao-int4", m.torchao_int4(), "torchao-int4weightonly"),
    m.torchao_int4(packing="tile_packed_to_4d"),
)  # fmt: skip

_FEWER: Final = (
    _as("gptq-int3", m.gptq(3), "gptq-3bit"),
    _as("hqq-int3", m.hqq(3)),
    _as("gptq-int2", m.gptq(2), "gptq-2bit"),
    _as("hqq-int2", m.hqq(2)),
    m.quanto("int2"),
)


def _moss(bits: int) -> Scheme:
    """GPTQ as MOSS' own code packs it: the usual layout, and transformers alone runs it."""
    return msgspec.structs.replace(
        m.gptq(bits),
        name=f"moss-int{bits}",
        title=f"GPTQ by MOSS' own code, {bits} bit, groups of 128",
        engines=("transformers",),
        source="fnlp/moss-moon-003-sft-int4, quantization.py (remote code), QuantLinear",
    )


_CHATGLM: Final = (
    "4 bits: ChatGLM2 6B 43.13 on MMLU for 45.47 in 16 bits, C-Eval 50.30 for 53.57",
    "THUDM/chatglm-6b, quantization.py (remote code); THUDM/ChatGLM2-6B, README_EN.md",
)
_BAICHUAN: Final = (
    "rounded to nearest, one scale a row: 4 bits lose more than GPTQ or AWQ in groups",
    "baichuan-inc/Baichuan-13B-Chat, quantizer.py (remote code)",
)

# What models brought along before transformers had methods for all.
_OWN: Final = (
    m.own("chatglm", 8, *_CHATGLM),
    m.own("chatglm", 4, *_CHATGLM),
    m.own("baichuan", 8, *_BAICHUAN),
    m.own("baichuan", 4, *_BAICHUAN),
    _moss(8),
    _moss(4),
)


def _file_types() -> Iterator[Scheme]:
    """llama.cpp's file types, less those that are plain floats and stand above."""
    plain = {s.file_type for s in _PLAIN}
    for f in FILE_TYPES.values():
        if f.name not in plain and f.name != "copy":
            yield _file_type(f)


def _file_type(f: FileType) -> Scheme:
    bits = max(1, round(f.bits))
    cost = (
        f"perplexity of Llama 3 8B {f.perplexity:+.4f} on 6.23 in 16 bits"
        if f.perplexity is not None
        else "llama.cpp gives no figure"
    )
    return Scheme(
        name=f.name,
        title=f"GGUF {f.name.upper()}, mostly {f.block_type}"
        + (", needs an importance matrix" if f.imatrix else ""),
        precision=m.PRECISIONS[bits],
        bits=f.bits,
        layout=None,
        engines=("llama.cpp",),
        aliases=f.aliases,
        touches="file type",
        quality=cost,
        source="llama.cpp 0c1e57098, tools/quantize/quantize.cpp and README.md",
        file_type=f.name,
        measured_bits=f.bits_per_weight or BLOCK_TYPES[f.block_type].bits,
    )


ALL: Final = (*_PLAIN, *_EIGHT_BIT, *_FOUR_BIT, *_FEWER, *_OWN, *_file_types())
