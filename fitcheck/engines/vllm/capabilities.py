"""What vLLM asks of a card.

Below 8.9 FP8 is of weights alone, below 10.0 so is NVFP4: Marlin's kernels multiply in 16 bits, and
weights take the same. Least capabilities are `get_min_capability` of each method's class.
"""

from typing import Final

from fitcheck.engines.capabilities import Rule

_METHODS: Final = "vLLM 0.33.0, model_executor/layers/quantization/"

RULES: Final = (
    Rule(
        schemes=("*",),
        one_maker=True,
        source="vLLM 0.33.0, platforms/, resolve_current_platform_cls_qualname",
    ),
    # Huawei's, Google's and Intel's Gaudi have plugins of their own, with rules of their own.
    Rule(
        schemes=("*",),
        vendors=("nvidia", "amd", "intel"),
        but=("Gaudi",),
        instead=("llama.cpp",),
        source="vLLM 0.33.0, platforms/",
    ),
    # cuobjdump names sm_75 as the oldest in _C_stable_libtorch.abi3.so.
    Rule(
        schemes=("*",),
        least=7.5,
        instead=("llama.cpp",),
        source="vLLM 0.33.0, the wheel's kernels for CUDA",
    ),
    # gfx90a, gfx942, gfx950, gfx11 and gfx12.
    Rule(
        schemes=("*",),
        but=("GCN", "RDNA 1", "RDNA 2", "CDNA 1"),
        instead=("llama.cpp",),
        source="vLLM 0.33.0, platforms/rocm.py",
    ),
    Rule(
        schemes=("torchao-*", "hf-fbgemm-fp8-*"),
        vendors=("nvidia", "amd"),
        instead=("fp8", "gptq-int8"),
        source="vLLM 0.33.0, platforms/xpu.py and rocm.py, supported_quantization",
    ),
    # CutlassInt8ScaledMMLinearKernel takes every card of NVIDIA's; its kernels refuse Blackwell:
    # "Int8 not supported on SM120. Use FP8 quantization instead, or run on older arch (SM < 100)".
    Rule(
        schemes=("ct-int-quantized-w8a8",),
        below=10.0,
        instead=("fp8",),
        source="vLLM 0.33.0, csrc/libtorch_stable/quantization/w8a8/cutlass/c3x",
    ),
    Rule(
        schemes=("nvfp4", "ct-nvfp4-*"),
        vendors=("nvidia", "amd"),
        instead=("awq-int4", "gptq-int4"),
        source="vLLM 0.33.0, model_executor/kernels/linear, _POSSIBLE_NVFP4_KERNELS",
    ),
    Rule(
        schemes=("bf16",),
        least=8.0,
        instead=("fp16",),
        source="vLLM 0.33.0, platforms/cuda.py, supported_dtypes",
    ),
    Rule(
        schemes=("hf-fbgemm-fp8-*",),
        least=8.0,
        instead=("fp8", "gptq-int8"),
        source=f"{_METHODS}fbgemm_fp8.py",
    ),
    Rule(
        schemes=("mxfp4", "ct-mxfp4-*"),
        least=8.0,
        instead=("awq-int4", "gptq-int4"),
        source=f"{_METHODS}mxfp4.py",
    ),
    Rule(
        schemes=("torchao-int4*",),
        least=8.0,
        instead=("awq-int4", "gptq-int4"),
        source="torchao 0.18.0, workflows/int4: tinygemm's kernels are for sm_80 on",
    ),
)
