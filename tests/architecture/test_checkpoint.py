"""What is stored and what of it counts as parameters, in the ways that people publish weights."""

import pytest

from fitcheck.architecture.checkpoint import Checkpoint, StoredTensor, part
from fitcheck.units import Bytes

BITS = {
    "F32": 32, "BF16": 16, "F16": 16, "I32": 32, "U32": 32, "I64": 64, "U8": 8, "I8": 8,
    "F8_E4M3": 8, "F8_E8M0": 8,
}  # fmt: skip

# One linear layer of 4096 inputs and 11008 outputs, as each library stores it, without biases.
# Sources: the libraries' own state dicts (auto-gptq 0.7.1, autoawq 0.2.9, bitsandbytes 0.50.2,
# compressed-tensors 0.12, transformers 5.23.0, modelopt 0.37, mlx-lm 0.28).
IN, OUT = 4096, 11008
GROUPS = IN // 128
LAYOUTS: dict[str, tuple[dict[str, tuple[str, tuple[int, ...]]], int | None]] = {
    "plain": ({"weight": ("BF16", (OUT, IN))}, None),
    "gptq": (
        {
            "qweight": ("I32", (IN // 8, OUT)),
            "qzeros": ("I32", (GROUPS, OUT // 8)),
            "scales": ("F16", (GROUPS, OUT)),
            "g_idx": ("I32", (IN,)),
        },
        None,
    ),
    "gptq in 8 bits": (
        {
            "qweight": ("I32", (IN // 4, OUT)),
            "qzeros": ("I32", (GROUPS, OUT // 4)),
            "scales": ("F16", (GROUPS, OUT)),
            "g_idx": ("I32", (IN,)),
        },
        None,
    ),
    "gptq in 3 bits": (
        {
            "qweight": ("I32", (IN * 3 // 32, OUT)),
            "qzeros": ("I32", (GROUPS, OUT * 3 // 32)),
            "scales": ("F16", (GROUPS, OUT)),
            "g_idx": ("I32", (IN,)),
        },
        None,
    ),
    "awq": (
        {
            "qweight": ("I32", (IN, OUT // 8)),
            "qzeros": ("I32", (GROUPS, OUT // 8)),
            "scales": ("F16", (GROUPS, OUT)),
        },
        None,
    ),
    "compressed-tensors int4": (
        {
            "weight_packed": ("I32", (OUT, IN // 8)),
            "weight_scale": ("BF16", (OUT, GROUPS)),
            "weight_shape": ("I64", (2,)),
        },
        4,
    ),
    "compressed-tensors nvfp4": (
        {
            "weight_packed": ("U8", (OUT, IN // 2)),
            "weight_scale": ("F8_E4M3", (OUT, IN // 16)),
            "weight_global_scale": ("F32", (1,)),
            "input_global_scale": ("F32", (1,)),
        },
        None,
    ),
    "modelopt nvfp4": (
        {
            "weight": ("U8", (OUT, IN // 2)),
            "weight_scale": ("F8_E4M3", (OUT, IN // 16)),
            "weight_scale_2": ("F32", ()),
            "input_scale": ("F32", ()),
        },
        None,
    ),
    "fp8 in blocks": (
        {"weight": ("F8_E4M3", (OUT, IN)), "weight_scale_inv": ("F32", (OUT // 128, IN // 128))},
        None,
    ),
    "fp8 with a scale that is called so": (
        {"weight": ("F8_E4M3", (OUT, IN)), "scale": ("F8_E8M0", (OUT // 128, IN // 128))},
        None,
    ),
    "bitsandbytes nf4": (
        {
            "weight": ("U8", (IN * OUT // 2, 1)),
            "weight.absmax": ("U8", (IN * OUT // 64,)),
            "weight.nested_absmax": ("F32", (IN * OUT // 64 // 256,)),
            "weight.nested_quant_map": ("F32", (256,)),
            "weight.quant_map": ("F32", (16,)),
            "weight.quant_state.bitsandbytes__nf4": ("U8", (120,)),
        },
        None,
    ),
    "bitsandbytes int8": (
        {"weight": ("I8", (OUT, IN)), "SCB": ("F32", (OUT,)), "weight_format": ("U8", ())},
        None,
    ),
    "mlx": (
        {
            "weight": ("U32", (OUT, IN // 8)),
            "scales": ("BF16", (OUT, IN // 64)),
            "biases": ("BF16", (OUT, IN // 64)),
        },
        4,
    ),
}


def tensor(name: str, dtype: str, shape: tuple[int, ...]) -> StoredTensor:
    numel = 1
    for n in shape:
        numel *= n
    return StoredTensor(name=name, dtype=dtype, shape=shape, size=Bytes(numel * BITS[dtype] // 8))


def layer(own: dict[str, tuple[str, tuple[int, ...]]]) -> Checkpoint:
    before = "model.layers.0.mlp.up_proj"
    tensors = tuple(tensor(f"{before}.{leaf}", *rest) for leaf, rest in own.items())
    return Checkpoint(format="safetensors", tensors=tensors)


@pytest.mark.parametrize("name", LAYOUTS)
def test_packed_weights_count_as_what_they_stand_for(name: str) -> None:
    """Never the packed numbers, never scales, zeros and indices."""
    own, bits = LAYOUTS[name]

    assert layer(own).parameters(bits=bits) == IN * OUT


def test_packing_that_does_not_show_is_unknown() -> None:
    """compressed-tensors keeps the bits in config.json alone."""
    own, _ = LAYOUTS["compressed-tensors int4"]

    assert layer(own).parameters() is None


def test_gpt_oss_counts_as_published() -> None:
    """gate_up of 32 experts, 2880 inputs, 5760 outputs: blocks of 32 in 16 bytes, a scale each."""
    tensors = (
        tensor("model.layers.0.mlp.experts.gate_up_proj_blocks", "U8", (32, 5760, 90, 16)),
        tensor("model.layers.0.mlp.experts.gate_up_proj_scales", "U8", (32, 5760, 90)),
        tensor("model.layers.0.mlp.experts.gate_up_proj_bias", "BF16", (32, 5760)),
    )

    counted = Checkpoint(format="safetensors", tensors=tensors).parameters()
    assert counted == 32 * 5760 * 2880 + 32 * 5760


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.layers.31.self_attn.q_proj.weight", "language"),
        ("model.layers.61.self_attn.q_proj.weight", "mtp"),
        ("model.layers.61.eh_proj.weight", "mtp"),
        ("mtp.layers.0.mlp.up_proj.weight", "mtp"),
        ("blk.61.nextn.eh_proj.weight", "mtp"),
        ("blk.60.attn_q.weight", "language"),
        ("model.layers.0.self_attn.rotary_emb.inv_freq", "buffer"),
        ("h.0.attn.bias", "buffer"),
        ("h.0.attn.c_attn.bias", "language"),
        ("gpt_neox.layers.0.attention.masked_bias", "buffer"),
        ("rope_freqs.weight", "buffer"),
        ("vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight", "tower"),
        ("model.visual.blocks.0.attn.qkv.weight", "tower"),
        ("multi_modal_projector.linear_1.weight", "tower"),
        ("model.vision_embed_tokens.img_projection.0.weight", "tower"),
        ("audio_tower.layers.70.fc1.weight", "tower"),
        ("model.encoder.layers.70.fc1.weight", "tower"),
        ("bert.encoder.layer.0.attention.self.query.weight", "language"),
        ("language_model.model.layers.0.mlp.up_proj.weight", "language"),
        ("v.blk.0.attn_q.weight", "tower"),
        ("lm_head.weight", "language"),
        ("transformer.visual.conv1.weight", "tower"),
    ],
)
def test_names_say_what_a_tensor_belongs_to(name: str, expected: str) -> None:
    """In a model of 61 layers."""
    assert part(name, 61) == expected


def test_sizes_add_up_by_type() -> None:
    """The largest type first, and everything together."""
    checkpoint = layer(LAYOUTS["fp8 in blocks"][0])

    assert list(checkpoint.size_by_dtype) == ["F8_E4M3", "F32"]
    assert checkpoint.size == sum(checkpoint.size_by_dtype.values()) == IN * OUT + 4 * 86 * 32


def test_what_cannot_be_seen_is_not_counted() -> None:
    """A pickled checkpoint has a total and no number of parameters."""
    pickled = Checkpoint(format="pytorch", tensors=(), stated_size=Bytes(100))

    assert pickled.size == 100
    assert pickled.parameters() is None
