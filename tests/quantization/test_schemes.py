"""The list of schemes: what each says of itself."""

import pytest

from fitcheck.quantization import SCHEMES, Scheme
from fitcheck.quantization.ggml import FILE_TYPES
from fitcheck.quantization.rules import RULES

ALL = list(SCHEMES.values())
ENGINES = {"transformers", "vllm", "llama.cpp"}

# Bits per weight that the papers and file formats give for the usual settings.
PUBLISHED_BITS = {
    "fp32": 32.0,
    "fp16": 16.0,
    "bnb-nf4": 4.5,  # QLoRA, arXiv 2305.14314, section 3: 32 / 64 bits a weight for absmax
    "bnb-nf4-dq": 4.127,  # there: 8 / 64 + 32 / (64 * 256)
    "gptq-int4": 4.16,  # 16 + 4 bits for 128 weights, and g_idx
    "awq-int4": 4.16,  # 16 + 4 bits for 128 weights
    "mxfp4": 4.25,  # OCP Microscaling Formats 1.0: 8 bits for 32 weights
    "nvfp4": 4.5,  # 8 bits for 16 weights
}


@pytest.mark.parametrize("scheme", ALL, ids=lambda s: s.name)
def test_each_scheme_says_who_runs_it_and_where_that_is_known_from(scheme: Scheme) -> None:
    """A number without a source is not to be trusted."""
    assert scheme.engines
    assert set(scheme.engines) <= ENGINES
    assert scheme.source
    assert scheme.quality
    assert scheme.title
    assert scheme.touches in RULES


def test_no_two_schemes_share_a_name() -> None:
    """An alias of one must not be the name of another."""
    words = [w.lower() for s in ALL for w in (s.name, *s.aliases)]

    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize(("name", "bits"), PUBLISHED_BITS.items())
def test_true_bits_are_those_of_the_papers(name: str, bits: float) -> None:
    """Computed from the layout of a 4096 x 4096 matrix, not typed."""
    assert SCHEMES[name].bits_per_weight == pytest.approx(bits, abs=0.011)


@pytest.mark.parametrize("scheme", ALL, ids=lambda s: s.name)
def test_true_bits_are_never_fewer_than_the_nominal_ones(scheme: Scheme) -> None:
    """Scales cost something."""
    if scheme.bits_per_weight is not None and scheme.layout is not None:
        assert scheme.bits_per_weight >= scheme.bits


def test_every_file_type_of_llama_cpp_is_a_scheme() -> None:
    """Plain floats under the names that they have everywhere."""
    named = {s.file_type for s in ALL if "llama.cpp" in s.engines}

    assert named == set(FILE_TYPES) - {"copy"}
