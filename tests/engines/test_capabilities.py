"""What a card cannot do: every engine's table against what the engines' own code refuses."""

import pytest

from fitcheck import cards, resolve
from fitcheck.answers.asked import Ask
from fitcheck.answers.check import check
from fitcheck.catalog import load_models
from fitcheck.engines import ENGINES
from fitcheck.engines.capabilities import least_capability, of_one_maker, refusals, unknown
from fitcheck.quantization import SCHEMES, scheme


def whys(engine: str, name: str, card: str, count: int = 1) -> tuple[str, ...]:
    """Why that card cannot run the scheme in the engine."""
    found = cards.machine(card).cards[0]
    return refusals(ENGINES[engine].rules, engine, scheme(name), found, count)


@pytest.mark.parametrize(
    ("name", "engine", "least"),
    [
        ("bnb-int8", "transformers", 7.5),  # bitsandbytes 0.50.0, installation guide
        ("bnb-nf4", "transformers", 6.0),  # there
        ("fp8", "transformers", 8.9),  # quantizer_finegrained_fp8.py
        ("fp8", "vllm", 7.5),  # Fp8Config.get_min_capability: weights alone below 8.9
        ("awq-int4", "vllm", 7.5),  # AutoAWQConfig.get_min_capability
        ("gptq-int4", "vllm", 7.5),  # AutoGPTQConfig says 6.0, the wheel is built from 7.5 on
        ("bf16", "vllm", 8.0),  # platforms/cuda.py, supported_dtypes
        ("bf16", "transformers", None),
        ("hf-fbgemm-fp8-rowwise", "transformers", 9.0),  # quantizer_fbgemm_fp8.py
        ("mxfp4", "transformers", 7.5),  # quantizer_mxfp4.py
        ("mxfp4", "vllm", 8.0),  # Mxfp4Config.get_min_capability
        ("nvfp4", "transformers", 10.0),  # quantizer_nvfp4.py
        ("nvfp4", "vllm", 7.5),  # ModelOptNvFp4Config.get_min_capability
        ("q4_k_m", "llama.cpp", 5.0),  # ggml-cuda/CMakeLists.txt
    ],
)
def test_engines_need_the_cards_that_their_code_asks_for(
    name: str, engine: str, least: float | None
) -> None:
    """transformers 5.23.0, vLLM 0.33.0 and llama.cpp 0c1e57098."""
    assert least_capability(ENGINES[engine].rules, SCHEMES[name]) == least


def test_a_refusal_names_the_rule_its_source_and_what_runs_instead() -> None:
    """FP8 on Ampere: transformers would unpack all of it to 16 bits."""
    (why,) = whys("transformers", "fp8", "3090")

    assert "needs compute capability 8.9" in why
    assert "has 8.6" in why
    assert "quantizer_finegrained_fp8.py" in why
    assert why.endswith("bnb-int8 runs there")


def test_what_runs_instead_runs_there() -> None:
    """On Pascal LLM.int8() does not either, so NF4 is named."""
    (why,) = whys("transformers", "fp8", "p40")

    assert why.endswith("bnb-nf4 runs there")


@pytest.mark.parametrize(
    ("engine", "name", "card"),
    [
        ("vllm", "fp8", "3090"),  # fp8.py: 7.5, Marlin's kernels for weights alone
        ("vllm", "gptq-int4", "t4"),  # docs.vllm.ai: Marlin on Turing
        ("vllm", "nvfp4", "h100-sxm"),  # Marlin's kernels for weights alone
        ("vllm", "fp16", "7900 xtx"),  # gfx1100
        ("transformers", "fp8", "4090"),
        ("transformers", "nvfp4", "b200"),
        ("vllm", "ct-int-quantized-w8a8", "h100-sxm"),
        ("vllm", "nvfp4", "mi300x"),  # by emulation
        ("transformers", "bnb-nf4", "mi100"),  # gfx908
        ("transformers", "bnb-int8", "rx 5700 xt"),  # gfx1010
        ("transformers", "bnb-int8", "m2 max 64GB"),
        ("transformers", "gptq-int4", "910b4"),
        ("llama.cpp", "q4_k_m", "910b4"),  # CANN
        ("llama.cpp", "q4_k_m", "p40"),
        ("llama.cpp", "fp16", "m2 max 64GB"),
    ],
)
def test_what_runs_is_not_refused(engine: str, name: str, card: str) -> None:
    """The other side of each rule."""
    assert whys(engine, name, card) == ()


@pytest.mark.parametrize(
    ("engine", "name", "card", "says"),
    [
        ("vllm", "bf16", "t4", "fp16 runs there"),  # supported_dtypes below 8.0
        ("vllm", "fp16", "v100 16gb", "llama.cpp runs there"),  # no kernels for 7.0
        ("vllm", "fp16", "m2 max 64GB", "runs on cards of NVIDIA and AMD and Intel"),
        ("vllm", "fp16", "mi100", "CDNA 1"),  # gfx908
        ("vllm", "mxfp4", "t4", "awq-int4 runs there"),
        ("vllm", "torchao-int4", "arc b580", "fp8 runs there"),  # platforms/xpu.py
        ("vllm", "ct-int-quantized-w8a8", "b200", "below 10.0"),  # its C++ names the card
        ("vllm", "ct-int-quantized-w8a8", "5090", "fp8 runs there"),
        ("vllm", "nvfp4", "arc b580", "awq-int4 runs there"),  # no kernels for XPU
        ("vllm", "bf16", "gaudi2", "does not run on Gaudi2"),
        ("transformers", "bnb-int8", "radeon vii", "does not run on GCN"),  # no gfx906
        ("transformers", "bnb-nf4", "910b4", "hqq-int4 runs there"),
        ("transformers", "fp8", "gaudi2", "does not run on Gaudi2"),  # neither CUDA nor XPU
        ("ollama", "q4_k_m", "910b4", "llama.cpp runs there"),  # no CANN
        ("llama.cpp", "q4_k_m", "gaudi2", "does not run on Gaudi2"),
        ("transformers", "nvfp4", "h100-sxm", "needs compute capability 10.0"),
        ("transformers", "fp8", "m2 max 64GB", "bnb-int8 runs there"),
        ("llama.cpp", "fp16", "k80", "needs compute capability 5.0"),
    ],
)
def test_what_does_not_run_is_refused_and_says_why(
    engine: str, name: str, card: str, says: str
) -> None:
    """Each from the file that its rule names."""
    assert says in whys(engine, name, card)[0]


@pytest.mark.parametrize("card", ["k80", "tpu-v4", "gaudi2"])
@pytest.mark.parametrize("engine", ["vllm", "ollama"])
def test_no_other_engine_is_named_that_refuses_the_card_too(engine: str, card: str) -> None:
    """llama.cpp needs 5.0 as well, and has no backend for Google's and Intel's accelerators."""
    found = whys(engine, "fp16", card)

    assert found
    assert not any("runs there" in why for why in found)


def test_transformers_has_nvfp4_on_one_card_alone() -> None:
    """quantizer_nvfp4.py: multi-device maps are refused."""
    assert whys("transformers", "nvfp4", "b200", 1) == ()
    assert "1 card at most" in whys("transformers", "nvfp4", "b200", 2)[0]


def test_what_is_not_known_of_a_card_is_said_and_refuses_nothing() -> None:
    """6GB is a size, not a card: it has no compute capability."""
    card = cards.machine("6GB").cards[0]
    rules = ENGINES["transformers"].rules

    assert refusals(rules, "transformers", SCHEMES["bnb-int8"], card) == ()
    assert "that of 6GB card is not known" in unknown(rules, SCHEMES["bnb-int8"], card)
    assert unknown(rules, SCHEMES["fp16"], card) == ""


@pytest.mark.parametrize("engine", list(ENGINES))
def test_every_row_is_about_something(engine: str) -> None:
    """A pattern that names no scheme, or an alternative that is none, is a typing error."""
    for rule in ENGINES[engine].rules:
        assert rule.source
        for other in rule.instead:
            assert other in SCHEMES or other in ENGINES
        for pattern in rule.schemes:
            covered = [s for s in SCHEMES.values() if rule.covers(s)]
            assert covered, pattern


@pytest.mark.parametrize(
    ("model", "card", "becomes"),
    [
        ("llama-3.2-3b", "t4", "fp16"),
        ("gemma-3-4b", "t4", "fp32"),  # _FLOAT16_NOT_SUPPORTED_MODELS
        ("gemma-3-4b", "3090", "bf16"),
    ],
)
def test_vllms_own_default_falls_back_where_a_card_has_no_bf16(
    model: str, card: str, becomes: str
) -> None:
    """vLLM 0.33.0, config/model.py, _resolve_auto_dtype: it starts, and says so."""
    subject = resolve.subject(model, load_models())
    machine = cards.machine(card)
    row = check(
        (subject,), machine, Ask(engine="vllm", precisions=("fp16",)), named=True, solve="verdict"
    ).rows[0]

    assert row.estimates[0].scheme.name == becomes
    assert row.estimates[0].fit is not None
    assert row.estimates[0].fit.limited_by != "scheme"


@pytest.mark.parametrize(
    ("engine", "gpu", "used"),
    [
        ("transformers", "3090,7900 xtx", ["RX 7900 XTX"]),  # 24.0 GiB against 23.6
        ("vllm", "2x3090+7900 xtx", ["RTX 3090", "RTX 3090"]),
        ("llama.cpp", "3090,7900 xtx", ["RTX 3090", "RX 7900 XTX"]),  # backends side by side
    ],
)
def test_a_build_of_pytorch_is_for_one_makers_cards(engine: str, gpu: str, used: list[str]) -> None:
    """CUDA, ROCm or XPU, while llama.cpp loads a backend for each."""
    found = cards.machine(gpu).cards
    kept, said = of_one_maker(ENGINES[engine].rules, engine, found)

    assert [card.name for card in kept] == used
    assert ("uses cards of one maker" in said) == (len(kept) < len(found))
