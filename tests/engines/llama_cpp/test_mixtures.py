"""The rules by themselves: laws that no table of sizes shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llamacpp_golden import golden_model

from fitcheck.engines.llama_cpp.gguf import Block, GgufFile, GgufTensor
from fitcheck.engines.llama_cpp.mixtures import FALLBACK, RULES
from fitcheck.engines.llama_cpp.packing import Packed, pack
from fitcheck.engines.llama_cpp.tensors import gguf_file
from fitcheck.quantization.ggml import BLOCK_TYPES, FILE_TYPES


def small(row: int, role: str = "ffn_gate", arch: str = "llama") -> GgufFile:
    """A file of one layer and one matrix."""
    matrix = GgufTensor(role, (row, 64), "f16", True)
    return GgufFile(arch=arch, outside=(), blocks=(Block((matrix,), (0,)),), block_count=1)


def types(packed: tuple[Packed, ...], role: str) -> dict[int, str]:
    """The block type of a role in each layer."""
    return {i: p.block_type.name for p in packed if p.tensor.role == role for i in p.layers}


@pytest.mark.parametrize(
    ("row", "file_type", "expected"),
    [
        (256, "q4_k_s", "q4_k"),
        (576, "q4_k_s", "q5_0"),
        (576, "q5_k_s", "q5_1"),
        (576, "q6_k", "q8_0"),
        (576, "q3_k_s", "q4_0"),
        (576, "iq2_xxs", "iq4_nl"),
        (576, "tq1_0", "q4_0"),
        (70, "q4_k_s", "f16"),
        (70, "q8_0", "f16"),
        (70, "q4_0", "f16"),
    ],
)
def test_rows_that_are_not_whole_blocks_fall_back(row: int, file_type: str, expected: str) -> None:
    """First to a type with blocks of 32, then to 16 bits."""
    assert types(pack(small(row), FILE_TYPES[file_type]), "ffn_gate") == {0: expected}


@given(row=st.integers(1, 5000), file_type=st.sampled_from(sorted(FILE_TYPES)))
def test_no_tensor_gets_a_type_that_does_not_fit_its_rows(row: int, file_type: str) -> None:
    """Whatever the shape: ggml stores whole blocks only."""
    for purpose in ("attn_v", "ffn_down", "token_embd", "output"):
        for p in pack(small(row, purpose), FILE_TYPES[file_type]):
            assert p.block_type.fits(row)


@pytest.mark.parametrize("file_type", sorted(FILE_TYPES))
def test_every_layer_of_every_tensor_is_packed_once(file_type: str) -> None:
    """Bands divide the layers, they neither drop nor repeat one."""
    for name in ("llama-2-7b", "nemotron-h-8b", "mixtral-8x7b", "gemma-2-2b"):
        file = gguf_file(golden_model(name))
        wanted = sorted((t.role, i) for b in file.blocks for t in b.tensors for i in b.layers)
        packed = pack(file, FILE_TYPES[file_type])

        assert sorted((p.tensor.role, i) for p in packed for i in p.layers) == wanted


def test_q4_k_m_gives_six_bits_to_the_ends_and_to_every_third_layer() -> None:
    """Llama 2 7B: layers 0 to 3, 28 to 31, and each third between."""
    down = types(pack(gguf_file(golden_model("llama-2-7b")), FILE_TYPES["q4_k_m"]), "ffn_down")
    more = [i for i, name in down.items() if name == "q6_k"]

    assert sorted(more) == [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]
    assert set(down.values()) == {"q4_k", "q6_k"}


def test_eight_experts_get_eight_bits_for_keys_and_values() -> None:
    """Mixtral: small beside the experts."""
    packed = pack(gguf_file(golden_model("mixtral-8x7b")), FILE_TYPES["q4_k_m"])

    assert set(types(packed, "attn_k").values()) == {"q8_0"}
    assert set(types(packed, "attn_output").values()) == {"q5_k"}


def test_70b_values_go_a_step_up() -> None:
    """Llama 3.1 70B: eight heads share the values, so five bits cost nothing."""
    packed = pack(gguf_file(golden_model("llama-3.1-70b")), FILE_TYPES["q3_k_m"])

    assert set(types(packed, "attn_v").values()) == {"q5_k"}


def test_an_importance_matrix_changes_only_five_file_types() -> None:
    """On any model: Q4_0, Q5_0, IQ4_NL, IQ4_XS, IQ3_XXS, and no other."""
    changed = set()
    for name in ("llama-2-7b", "mixtral-8x7b", "falcon-7b"):
        file = gguf_file(golden_model(name))
        for file_type in FILE_TYPES.values():
            if pack(file, file_type, imatrix=True) != pack(file, file_type, imatrix=False):
                changed.add(file_type.name)

    assert changed == {"q4_0", "q5_0", "iq4_nl", "iq4_xs", "iq3_xxs"}


def test_tables_name_types_that_exist() -> None:
    """A misspelled type would only show on a model that it is for."""
    named = {r.block_type for table in RULES.values() for rules in table.values() for r in rules}

    assert named | set(FALLBACK) | set(FALLBACK.values()) <= set(BLOCK_TYPES)
    assert {name for table in RULES.values() for name in table} <= set(FILE_TYPES)
