"""What transformers, and the libraries that it packs weights with, ask of a card.

A scheme that is not here runs wherever PyTorch does: compressed-tensors and torchao unpack what a
card has no kernels for. Where transformers would quietly unpack a whole checkpoint to 16 bits
instead (FP8 below 8.9, MXFP4 below 7.5), the scheme does not run: its memory is that of 16 bits.
"""

from typing import Final

from fitcheck.engines.capabilities import Rule

_QUANTIZERS: Final = "transformers 5.23.0, quantizers/"

# Of AMD's the processors gfx908 on and gfx101x to gfx120x; Huawei's and Google's none.
_BITSANDBYTES: Final = "bitsandbytes 0.50.2, README, Accelerator support"

RULES: Final = (
    Rule(
        schemes=("*",),
        one_maker=True,
        source="PyTorch 2.13: a build is for CUDA, ROCm or XPU",
    ),
    Rule(
        schemes=("bnb-*",),
        vendors=("nvidia", "amd", "intel", "apple"),
        but=("GCN",),
        instead=("hqq-int4", "fp16"),
        source=_BITSANDBYTES,
    ),
    Rule(
        schemes=("bnb-int8",),
        least=7.5,
        instead=("bnb-nf4", "fp16"),
        source="bitsandbytes 0.50.0, installation guide",
    ),
    Rule(
        schemes=("bnb-nf4*", "bnb-fp4*"),
        least=6.0,
        instead=("fp16",),
        source="bitsandbytes 0.50.0, installation guide",
    ),
    Rule(
        schemes=("fp8", "fp8-pertensor", "hf-finegrained-fp8-*", "hf-fbgemm-fp8-*"),
        least=8.9,
        vendors=("nvidia", "amd", "intel"),
        but=("Gaudi",),
        instead=("bnb-int8", "bnb-nf4", "fp16"),
        source=f"{_QUANTIZERS}quantizer_finegrained_fp8.py",
    ),
    Rule(
        schemes=("hf-fbgemm-fp8-*",),
        least=9.0,
        instead=("fp8", "bnb-int8", "bnb-nf4", "fp16"),
        source=f"{_QUANTIZERS}quantizer_fbgemm_fp8.py",
    ),
    Rule(
        schemes=("mxfp4",),
        least=7.5,
        vendors=("nvidia", "amd", "intel"),
        but=("Gaudi",),
        instead=("bnb-nf4", "fp16"),
        source=f"{_QUANTIZERS}quantizer_mxfp4.py",
    ),
    Rule(
        schemes=("nvfp4",),
        least=10.0,
        vendors=("nvidia",),
        cards=1,
        instead=("bnb-nf4", "fp16"),
        source=f"{_QUANTIZERS}quantizer_nvfp4.py",
    ),
    Rule(
        schemes=("gptq-*", "gptqmodel-*", "awq-*"),
        least=7.5,
        vendors=("nvidia", "amd", "intel", "apple", "huawei"),
        but=("Gaudi",),
        instead=("bnb-nf4", "fp16"),
        source="gptqmodel 7.7.0, README, NVIDIA GPU: sm_75+",
    ),
    Rule(
        schemes=("torchao-int4*",),
        least=8.0,
        instead=("bnb-nf4", "fp16"),
        source="torchao 0.18.0, workflows/int4: tinygemm's kernels are for sm_80 on",
    ),
)
