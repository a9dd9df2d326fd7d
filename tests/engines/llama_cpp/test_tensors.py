"""The layout of files: what the converter makes of a model beyond the sum of its bytes."""

from pathlib import Path

import pytest
from llamacpp_golden import MODELS, golden_model
from model_files import LLAMA as GGUF
from model_files import llama_tensors, write_gguf

from fitcheck.architecture import from_config
from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.engines.llama_cpp.architectures import ARCHITECTURES, architecture
from fitcheck.engines.llama_cpp.packing import category, pack
from fitcheck.engines.llama_cpp.stored import stored
from fitcheck.engines.llama_cpp.tensors import CALLED, gguf_file
from fitcheck.errors import BadInput
from fitcheck.quantization.ggml import FILE_TYPES
from fitcheck.sources import read

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 32000,
}


@pytest.mark.parametrize("model_type", ["gptj", "opt", "recurrent_gemma", "gpt_neo", "codegen"])
def test_what_llama_cpp_cannot_run_is_refused_in_a_sentence(model_type: str) -> None:
    """A family that we can count is not one that llama.cpp has a graph for."""
    model = from_config({**LLAMA, "model_type": model_type, "ffn_dim": 11008, "n_positions": 2048})

    with pytest.raises(BadInput, match=f"no architecture for {model_type}"):
        gguf_file(model)


def test_latent_attention_is_expanded_by_two_stacks_of_matrices() -> None:
    """DeepSeek V2 Lite: 16 heads, 128 + 64 dimensions for keys, 128 for values, a latent of 512."""
    tensors = {t.role: t for t in gguf_file(golden_model("deepseek-v2-lite")).blocks[0].tensors}

    assert "attn_kv_b" not in tensors
    assert tensors["attn_k_b"].ne == (128, 512, 16)
    assert tensors["attn_v_b"].ne == (512, 128, 16)


# huggingface.co/openbmb/MiniCPM3-4B, config.json (2026-11-21), what shapes depend on.
MINICPM3 = {
    "model_type": "minicpm3",
    "hidden_size": 2560,
    "intermediate_size": 6400,
    "num_hidden_layers": 62,
    "num_attention_heads": 40,
    "num_key_value_heads": 40,
    "q_lora_rank": 768,
    "kv_lora_rank": 256,
    "qk_nope_head_dim": 64,
    "qk_rope_head_dim": 32,
    "v_head_dim": 64,
    "vocab_size": 73448,
}


def test_minicpm3_keeps_one_matrix_for_keys_and_values() -> None:
    """llama.cpp 0c1e57098, src/models/minicpm3.cpp: 40 heads of 64 + 64 from a latent of 256."""
    packed = pack(gguf_file(from_config(MINICPM3)), FILE_TYPES["q4_k_m"])
    types = {p.tensor.role: p for p in packed}

    assert types["attn_kv_b"].tensor.ne == (256, 5120)
    assert category("attn_kv_b") == "attn_v"
    assert "attn_k_b" not in types


def test_every_architecture_is_one_that_llama_cpp_has() -> None:
    """Under the very name that a file says."""
    golden = Path(__file__).parents[2] / "golden" / "llamacpp_architectures.txt"
    names = golden.read_text().splitlines()[1:]

    assert set(ARCHITECTURES.values()) <= set(names)


@pytest.mark.parametrize(("key", "name"), CALLED.items(), ids=str)
def test_what_a_file_calls_otherwise_is_read_as_the_same(
    key: tuple[str, str], name: str, tmp_path: Path
) -> None:
    """So that a file of somebody's and one that we lay out are drawn and placed alike."""
    arch, role = key
    tensors = [(n.replace(role, name), kind, ne) for n, kind, ne in llama_tensors()]
    path = write_gguf(tmp_path / "m.gguf", GGUF, tensors)
    source = read(str(path))
    assert source.checkpoint is not None
    assert source.model is not None
    checkpoint = Checkpoint(
        format="gguf",
        tensors=source.checkpoint.tensors,
        metadata={"general.architecture": arch},
    )
    file, _ = stored(source.model, checkpoint)
    roles = {t.role for t in (*file.outside, *(t for b in file.blocks for t in b.tensors))}

    assert role in roles
    assert name not in roles


def test_routers_norms_and_convolutions_stay_in_32_bits() -> None:
    """Qwen3-Next has them all."""
    blocks = gguf_file(golden_model("qwen3-next-80b-a3b")).blocks
    kept = {t.role for b in blocks for t in b.tensors if t.converted == "f32"}
    packed = {t.role for b in blocks for t in b.tensors if t.quantized}

    assert kept >= {"ffn_gate_inp", "attn_norm", "ssm_conv1d", "ssm_a", "ssm_dt.bias"}
    assert packed >= {"attn_qkv", "attn_gate", "ssm_ba", "ssm_out", "ffn_gate_exps", "ffn_up_shexp"}
    assert not kept & packed


def test_gpt_oss_keeps_the_experts_as_published() -> None:
    """MXFP4 in, MXFP4 out; the rest is in 16 bits."""
    packed = pack(gguf_file(golden_model("gpt-oss-20b")), FILE_TYPES["copy"])
    types = {p.tensor.role: p.block_type.name for p in packed}

    assert types["ffn_gate_exps"] == types["ffn_down_exps"] == "mxfp4"
    assert types["attn_q"] == types["token_embd"] == "f16"


@pytest.mark.parametrize(
    ("config", "factors"),
    [
        ({"rope_scaling": {"rope_type": "llama3"}}, 64),
        ({"rope_scaling": {"rope_type": "linear"}}, 0),
        ({"vocab_size": 128256, "max_position_embeddings": 131072}, 64),
        ({"vocab_size": 128256, "max_position_embeddings": 8192}, 0),
    ],
)
def test_llama_3_1_files_hold_a_factor_for_each_frequency(
    config: dict[str, object], factors: int
) -> None:
    """Half a head of them; also where a shortened config.json leaves the scaling out."""
    outside = gguf_file(from_config({**LLAMA, **config})).outside

    assert sum(t.row for t in outside if t.role == "rope_freqs") == factors


def test_layers_for_multi_token_prediction_are_in_the_file_and_not_loaded() -> None:
    """GLM 4.5's files have always held them; Qwen3-Next's only since July 2026."""
    qwen = golden_model("qwen3-next-80b-a3b")
    without, with_mtp = gguf_file(qwen), gguf_file(qwen, mtp=True)

    assert (without.nextn, with_mtp.nextn) == (0, 1)
    assert without.loaded == with_mtp.loaded == len(qwen.layers)


def test_mixtures_look_at_layer_0_where_heads_differ_by_layer() -> None:
    """Jamba's first layer has no attention, so llama.cpp counts no query heads for a key head."""
    assert gguf_file(golden_model("jamba-v0.1")).gqa == 0
    assert gguf_file(golden_model("qwen3-next-80b-a3b")).gqa == 8


@pytest.mark.parametrize("name", MODELS)
def test_every_model_of_the_table_has_an_architecture(name: str) -> None:
    """The names are those of llama.cpp's own table."""
    assert architecture(golden_model(name))


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("attn_qkv", "attn_v"),
        ("attn_v_b", "other"),
        ("attn_q_a", "other"),
        ("ffn_gate_up_exps", "ffn_gate"),
        ("ffn_up_shexp", "ffn_up"),
        ("per_layer_token_embd", "token_embd"),
        ("ssm_out", "other"),
    ],
)
def test_purposes_are_read_off_names(role: str, expected: str) -> None:
    """Fused queries, keys and values count as values, fused gate and up as gate."""
    assert category(role) == expected
