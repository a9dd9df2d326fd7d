"""What people type for a scheme."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitcheck import quantization
from fitcheck.errors import BadInput, FitcheckError, UnknownName
from fitcheck.quantization import SCHEMES, Layout
from fitcheck.quantization.layout import BlockScaled
from fitcheck.quantization.packed import Awq, Gptq, Hqq, PackQuantized, TorchaoInt4


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("NF4", "bnb-nf4"),
        ("int8", "bnb-int8"),
        ("awq", "awq-int4"),
        ("awq-int4-g128", "awq-int4"),
        ("gptq-int4-g128", "gptq-int4"),
        ("GPTQ-Int4", "gptq-int4"),
        ("hqq-int4-g64", "hqq-int4"),
        ("hf-finegrained-fp8-block128", "fp8"),
        ("w8a8", "ct-int-quantized-w8a8"),
        ("w4a16", "ct-pack-quantized-w4a16-g128-sym"),
        ("bf16/fp16", "fp16"),
        ("bfloat16", "bf16"),
        ("F32", "fp32"),
        ("q4_k", "q4_k_m"),
        ("Q8_0", "q8_0"),
    ],
)
def test_usual_settings_have_short_names(said: str, meant: str) -> None:
    """However they are capitalised."""
    assert quantization.scheme(said).name == meant


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("gptq-int4-g16", Gptq(4, 16)),
        ("gptq-int8-g64", Gptq(8, 64)),
        ("gptq-int3-gperchannel", Gptq(3, None)),
        ("gptqmodel-int4-g-1", Gptq(4, None)),
        ("awq-int4-g32", Awq(32)),
        ("hqq-int4-g128", Hqq(4, 128)),
        ("hqq-int6-g64", Hqq(6, 64)),
        ("ct-pack-quantized-w4a16-g64-sym", PackQuantized(4, 64)),
        ("ct-pack-quantized-w4a16-g64-asym", PackQuantized(4, 64, symmetric=False)),
        ("ct-pack-quantized-w3a16-channel", PackQuantized(3, None)),
        ("ct-float-quantized-fp8-block64", BlockScaled(64, 64, 2)),
        ("hf-finegrained-fp8-block64", BlockScaled(64, 64)),
        ("fp8-block1x128", BlockScaled(1, 128)),
        ("torchao-Int4WeightOnly-g64-plain", TorchaoInt4(64)),
    ],
)
def test_other_settings_are_read_from_the_name(name: str, layout: Layout) -> None:
    """The same form with other numbers."""
    assert quantization.scheme(name).layout == layout


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gptq-int5-g128", "bits is one of 2, 3, 4, 8, not 5"),
        ("gptq-int4-g0", "a group of 0 weights is not possible"),
        ("gptq-int4-g99999999999", "a group of 99999999999 weights is not possible"),
        ("awq-int4-g-128", "a group of -128 weights is not possible"),
        ("hqq-int7-g64", "bits is one of 1, 2, 3, 4, 5, 6, 8, not 7"),
        ("hqq-int4-g60", "hqq takes groups of a multiple of 8 weights"),
        ("torchao-int4weightonly-g16-plain", "the group size is one of 32, 64, 128, 256, not 16"),
        ("bnb-nf4-b48", "the block size is one of 32, 64, 128"),
        ("ct-pack-quantized-w1a16-g128-sym", "bits is one of 2, 3, 4, 5, 6, 7, 8, not 1"),
        ("fp8-block0", "a group of 0 weights is not possible"),
    ],
)
def test_settings_that_no_library_has_are_refused(name: str, why: str) -> None:
    """With the ones that it has."""
    with pytest.raises(BadInput) as told:
        quantization.scheme(name)

    assert why in str(told.value)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("int4", "bnb-nf4"), ("4bit", "bnb-nf4"), ("bnb-4bit", "bnb-nf4"), ("nf4", "bnb-nf4"),
        ("int8", "bnb-int8"), ("8bit", "bnb-int8"), ("bnb-8bit", "bnb-int8"),
        ("awq", "awq-int4"), ("gptq-4bit", "gptq-int4"),
    ],
)  # fmt: skip
def test_bits_alone_are_what_transformers_makes_of_them(typed: str, meant: str) -> None:
    """load_in_8bit is LLM.int8() and load_in_4bit mostly NF4: what --precision takes, too."""
    assert quantization.scheme(typed).name == meant


def test_an_unknown_name_gets_the_nearest_one() -> None:
    """A typing error should cost one line."""
    with pytest.raises(UnknownName, match="did you mean awq-int4"):
        quantization.scheme("awg-int4")


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_text_ends_in_a_traceback(text: str) -> None:
    """Whatever is typed is a scheme or one clear line."""
    try:
        found = quantization.scheme(text)
    except FitcheckError as error:
        assert "\n" not in str(error) or "\n" in text
    else:
        assert found.name


@settings(deadline=None)
@given(st.sampled_from(sorted(SCHEMES)), st.integers(1, 1 << 20), st.integers(1, 1 << 20))
def test_every_shape_has_a_size_or_a_reason(name: str, in_features: int, out_features: int) -> None:
    """A mixture has neither: its reason names a type that has."""
    try:
        layout = quantization.packing(name, in_features, out_features).layout
    except BadInput as error:
        assert "cannot pack" in str(error) or "is a mixture" in str(error)
    else:
        assert layout is not None
        assert layout.size(in_features, out_features) > 0


@pytest.mark.parametrize(
    ("block_type", "size"),
    [("q4_k", 9437184), ("q6_k", 13762560), ("iq4_xs", 8912896), ("q8_0", 17825792)],
)
def test_one_matrix_of_a_block_type_is_rows_of_its_blocks(block_type: str, size: int) -> None:
    """4096 x 4096: 4.5, 6.5625, 4.25 and 8.5 bits a weight (llama.cpp, ggml-common.h)."""
    layout = quantization.packing(block_type, 4096, 4096).layout

    assert layout is not None
    assert layout.size(4096, 4096) == size


def test_a_mixture_names_a_type_instead_of_a_size() -> None:
    """In a Q4_K_M file a matrix is Q4_K or Q6_K by what it is for."""
    with pytest.raises(BadInput, match=r"q4_k_m is a mixture.*q4_k, q6_k"):
        quantization.packing("q4_k_m", 4096, 4096)
