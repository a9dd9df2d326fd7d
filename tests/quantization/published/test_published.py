"""quantization_config, read: real ones, and ones that make no sense."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitcheck.architecture import Tensor
from fitcheck.errors import BadInput
from fitcheck.quantization import Layout
from fitcheck.quantization.layout import BlockScaled, RowScaled
from fitcheck.quantization.packed import (
    Awq,
    Bitnet,
    Bnb4bit,
    Bnb4bitDouble,
    Gptq,
    Hqq,
    MicroScaled,
    PackQuantized,
    Quanto,
    TorchaoInt4,
)
from fitcheck.quantization.published import METHODS, published

Section = dict[str, object]

Q = Tensor("attn_q", (4096, 4096), "linear", "self_attn.q_proj")
HEAD = Tensor("output", (32000, 4096), "linear", "lm_head")
UP = Tensor("ffn_up_exps", (8, 1024, 4096), "experts", "mlp.experts.0.up_proj")


def group(bits: int, kind: str, strategy: str, **more: object) -> Section:
    weights = {"num_bits": bits, "type": kind, "strategy": strategy, **more}
    return {"targets": ["Linear"], "weights": weights}


def ct(section: Section, form: str = "") -> Section:
    return {
        "quant_method": "compressed-tensors",
        "format": form,
        "config_groups": {"group_0": section},
        "ignore": ["lm_head"],
    }


# As the hub's configurations write them, with what their libraries store.
READ: list[tuple[Section, Layout]] = [
    ({"load_in_8bit": True}, RowScaled(4)),
    ({"quant_method": "bitsandbytes", "load_in_4bit": True}, Bnb4bit()),
    (
        {
            "quant_method": "bitsandbytes",
            "_load_in_4bit": True,
            "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": True,
        },
        Bnb4bitDouble(),
    ),
    ({"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": True}, Gptq(4, 128)),
    ({"quant_method": "gptq", "bits": 8, "group_size": -1}, Gptq(8, None)),
    ({"quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemm"}, Awq(64)),
    ({"quant_method": "awq", "w_bit": 4, "q_group_size": 128}, Awq(128)),
    ({"quant_method": "fp8", "weight_block_size": [128, 128]}, BlockScaled(128, 128)),
    ({"quant_method": "fp8", "activation_scheme": "static"}, RowScaled(0, 8)),
    ({"quant_method": "fbgemm_fp8", "activation_scale_ub": 1200.0}, RowScaled(4)),
    ({"quant_method": "quanto", "weights": "int4"}, Quanto(4)),
    ({"quant_method": "eetq"}, RowScaled(2)),
    ({"quant_method": "bitnet", "linear_class": "autobitlinear"}, Bitnet()),
    (
        {
            "quant_method": "hqq",
            "quant_config": {"weight_quant_params": {"nbits": 4, "group_size": 64, "axis": 1}},
        },
        Hqq(4, 64),
    ),
    (
        {
            "quant_method": "torchao",
            "quant_type": {
                "default": {"_type": "Int4WeightOnlyConfig", "_data": {"group_size": 64}}
            },
        },
        TorchaoInt4(64),
    ),
    ({"quant_method": "torchao", "quant_type": "int8_weight_only"}, RowScaled(5)),
    (
        {"quant_method": "auto-round", "bits": 4, "group_size": 32, "sym": True},
        Gptq(4, 32),
    ),
    (ct(group(4, "int", "group", group_size=32), "pack-quantized"), PackQuantized(4, 32)),
    (
        ct(group(4, "int", "group", group_size=128, symmetric=False), "pack-quantized"),
        PackQuantized(4, 128, symmetric=False),
    ),
    (ct(group(8, "int", "channel"), "pack-quantized"), PackQuantized(8, None)),
    (ct(group(8, "int", "channel"), "int-quantized"), RowScaled(2)),
    (ct(group(8, "float", "channel"), "float-quantized"), RowScaled(2)),
    (
        ct(group(8, "float", "block", block_structure=[128, 128]), "float-quantized"),
        BlockScaled(128, 128, 2),
    ),
    (ct(group(4, "float", "tensor_group", group_size=16)), MicroScaled(16, 4)),
    (ct(group(4, "float", "group", group_size=32)), MicroScaled(32)),
    ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, MicroScaled(16, 8)),
    (
        {
            "producer": {"name": "modelopt"},
            "quantization": {"quant_algo": "FP8", "exclude_modules": ["lm_head"]},
        },
        RowScaled(0, 8),
    ),
    (
        {
            "quant_method": "quark",
            "global_quant_config": {
                "weight": {"dtype": "fp4", "qscheme": "per_group", "group_size": 32}
            },
        },
        MicroScaled(32),
    ),
]


@pytest.mark.parametrize(("section", "layout"), READ, ids=lambda x: str(x)[:60])
def test_a_matrix_is_packed_as_the_configuration_says(section: Section, layout: Layout) -> None:
    """The query projection of layer 3."""
    scheme = published(section).packs("model.layers.3.self_attn.q_proj", Q)

    assert scheme is not None
    assert scheme.layout == layout


@pytest.mark.parametrize(("section", "layout"), READ, ids=lambda x: str(x)[:60])
def test_the_head_is_kept_where_nothing_else_is_said(section: Section, layout: Layout) -> None:
    """compressed-tensors and modelopt list it, the others keep it unasked."""
    listed = {"ignore": ["lm_head"], **section}

    assert published(listed).packs("lm_head", HEAD) is None


def test_mxfp4_packs_the_experts_of_gpt_oss() -> None:
    """And nothing else."""
    found = published({"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]})

    assert found.packs("layers.0.mlp.experts", UP) is not None
    assert found.packs("layers.0.self_attn.q_proj", Q) is None


def test_mixed_precision_gives_each_module_its_own() -> None:
    """What is not listed is kept."""
    found = published(
        {
            "quant_method": "modelopt",
            "quant_algo": "MIXED_PRECISION",
            "kv_cache_quant_algo": "FP8",
            "quantized_layers": {
                "model.layers.0.self_attn.q_proj": {"quant_algo": "FP8"},
                "model.layers.0.mlp.experts.0.up_proj": {"quant_algo": "NVFP4", "group_size": 16},
            },
        }
    )
    said = [found.packs(f"layers.{i}.{t.module}", t) for i in (0, 1) for t in (Q, UP)]

    assert [s and s.name for s in said] == ["modelopt-fp8", "modelopt-nvfp4", None, None]
    assert found.kv_cache == "fp8"


def test_fp8_checkpoints_may_hold_experts_of_four_bits() -> None:
    """As NVIDIA publishes DeepSeek V4: attention in tiles of FP8, experts in NVFP4."""
    found = published(
        {
            "quant_method": "fp8",
            "weight_block_size": [128, 128],
            "quantized_layers": {"layers.0.mlp.experts": {"quant_algo": "NVFP4"}},
        }
    )
    attention, experts = found.packs("layers.0.attn", Q), found.packs("layers.0.mlp.experts.0", UP)

    assert attention is not None
    assert attention.layout == BlockScaled(128, 128)
    assert experts is not None
    assert experts.layout == MicroScaled(16, 8)


def test_gptq_settings_for_single_modules_are_heeded() -> None:
    """GPTQModel's `dynamic`: `-:` keeps, `+:` changes."""
    found = published(
        {
            "quant_method": "gptq",
            "bits": 4,
            "group_size": 128,
            "dynamic": {r"-:.*k_proj": {}, r"+:.*q_proj": {"bits": 8}},
        }
    )
    q, k, v = (found.packs(f"layers.0.self_attn.{x}_proj", Q) for x in "qkv")

    assert q is not None
    assert q.layout == Gptq(8, 128)
    assert k is None
    assert v is not None
    assert v.layout == Gptq(4, 128)


@pytest.mark.parametrize(
    "section",
    [
        {"quant_method": "aqlm", "nbits_per_codebook": 16},
        {"quant_method": "higgs"},
        {"quant_method": "vptq"},
        {"quant_method": "exl3"},
        {"quant_method": "hqq"},
        {"quant_method": "modelopt", "quant_algo": "INT4_AWQ"},
        {"quant_method": "torchao", "quant_type": "uintx_weight_only"},
        {
            **ct(group(4, "int", "group", group_size=128)),
            "sparsity_config": {"format": "sparse-24"},
        },
        {"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "int3"}}},
        {},
    ],
)
def test_what_is_not_known_is_said_to_be_not_known(section: Section) -> None:
    """With the method's name and a reason; never a guess."""
    found = published(section)

    assert found.method == section.get("quant_method", "unnamed")
    assert found.unknown
    assert found.schemes == ()


@pytest.mark.parametrize(
    "section",
    [
        {"quant_method": "gptq", "bits": 5, "group_size": 128},
        {"quant_method": "gptq", "bits": "4", "group_size": 128},
        {"quant_method": "gptq", "bits": True, "group_size": 128},
        {"quant_method": "gptq", "bits": 4, "group_size": 0},
        {"quant_method": "gptq", "bits": 4, "group_size": -2},
        {"quant_method": "gptq", "bits": 4, "group_size": 1 << 60},
        {"quant_method": "gptq", "bits": math.nan, "group_size": 128},
        {"quant_method": "gptq", "bits": 4, "group_size": 128, "dynamic": ["-:.*"]},
        {"quant_method": "gptq"},
        {"quant_method": ["gptq"]},
        {"quant_method": "awq", "bits": 4, "group_size": math.inf},
        {"quant_method": "fp8", "weight_block_size": [128]},
        {"quant_method": "fp8", "weight_block_size": [0, 128]},
        {"quant_method": "fp8", "weight_block_size": "128x128"},
        {"quant_method": "fp8", "modules_to_not_convert": "lm_head"},
        {"quant_method": "fp8", "modules_to_not_convert": [None]},
        {"quant_method": "bitsandbytes"},
        {"quant_method": "bitsandbytes", "load_in_4bit": "yes"},
        {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "af4"},
        {"quant_method": "compressed-tensors", "config_groups": [1]},
        ct(group(0, "int", "group", group_size=128), "pack-quantized"),
        ct(group(4, "int", "group", group_size=math.nan), "pack-quantized"),
        {"quant_method": "modelopt", "quant_algo": 4},
    ],
    ids=lambda s: str(s)[:70],
)
def test_settings_that_make_no_sense_are_bad_input(section: Section) -> None:
    """One line that names the key."""
    with pytest.raises(BadInput):
        published(section)


VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["bits", "group_size", "weight_block_size", "modules_to_not_convert", "config_groups", "ignore",
     "weights", "num_bits", "type", "format", "quant_algo", "quantized_layers", "dynamic",
     "load_in_4bit", "bnb_4bit_quant_type", "quant_type", "quant_config", "weight_quant_params",
     "kv_cache_scheme", "producer", "global_quant_config", "extra_config", "activation_scheme"]
)  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from(sorted(METHODS)), st.dictionaries(KEYS, VALUES, max_size=6))
def test_no_configuration_ends_in_a_traceback(method: str, said: Section) -> None:
    """Read, not known, or BadInput: nothing else."""
    try:
        found = published({"quant_method": method, **said})
    except BadInput:
        return

    assert found.unknown or found.schemes
    found.packs("layers.0.self_attn.q_proj", Q)
