"""The engine: what it loads, refuses, leaves on the host, and divides over cards."""

import msgspec
import pytest
from llamacpp_golden import golden_model

from fitcheck.engines.base import Engine, Workload
from fitcheck.engines.llama_cpp import LLAMA_CPP, LM_STUDIO, OLLAMA
from fitcheck.errors import BadInput
from fitcheck.machine import Card
from fitcheck.quantization import SCHEMES
from fitcheck.units import GIB, MIB, Bytes

WORKLOAD = Workload(context=4096, prompt=4096)
CARD = Card(id="rtx-3090", name="RTX 3090", vendor="nvidia", total=Bytes(24 * GIB))


def test_weights_are_the_cards_share_and_the_file_is_whole() -> None:
    """Llama 2 7B, Q4_K_M: 4,080,263,168 bytes of file, 73,728,000 of embeddings on the host."""
    loaded = LLAMA_CPP.load(golden_model("llama-2-7b"), SCHEMES["q4_k_m"])
    memory = loaded.memory(loaded.settle(WORKLOAD))

    assert loaded.file_bytes == 4_080_263_168
    assert memory.component("weights") == 4_006_543_360
    assert sum(t.size for t in memory.terms if "token_embd" in t.name) == 73_728_000


def test_layers_left_on_the_host_leave_the_card() -> None:
    """-ngl 16 of 33: the output and fifteen layers."""
    loaded = LLAMA_CPP.load(golden_model("llama-2-7b"), SCHEMES["q4_k_m"])
    half = msgspec.structs.replace(WORKLOAD, settings={"n_gpu_layers": "16"})

    assert loaded.memory(loaded.settle(half)).component("weights") == 1_943_170_816


def test_cards_together_hold_what_the_whole_model_takes() -> None:
    """Shares of equal cards add up to memory over as many."""
    loaded = LLAMA_CPP.load(golden_model("llama-3.1-70b"), SCHEMES["q4_k_m"])
    settled = loaded.settle(WORKLOAD)
    shares = loaded.shares(settled, [Bytes(24 * GIB)] * 2)

    for component in ("weights", "overhead"):
        together = loaded.memory(settled, cards=2).component(component)
        assert sum(s.component(component) for s in shares) == together


def test_a_larger_card_holds_more_layers() -> None:
    """llama.cpp divides by free memory."""
    loaded = LLAMA_CPP.load(golden_model("llama-3.1-70b"), SCHEMES["q4_k_m"])
    large, small = loaded.shares(WORKLOAD, [Bytes(48 * GIB), Bytes(16 * GIB)])

    assert 2.5 < large.component("weights") / small.component("weights") < 3.5


def test_a_model_published_in_mxfp4_is_run_as_it_is() -> None:
    """gpt-oss has no 16 bits to be made of: ggml-org's own file is the MXFP4 one."""
    gpt_oss = msgspec.structs.replace(
        golden_model("gpt-oss-20b"), quantization_config={"quant_method": "mxfp4"}
    )

    assert LLAMA_CPP.default_scheme(gpt_oss, "int4") == SCHEMES["mxfp4_moe"]
    assert LLAMA_CPP.default_scheme(gpt_oss, "fp16") is None
    assert LLAMA_CPP.default_scheme(golden_model("llama-2-7b"), "int4") == SCHEMES["q4_k_m"]


def test_schemes_of_others_are_refused() -> None:
    """bitsandbytes packs in memory; there is no file of it."""
    with pytest.raises(BadInput, match=r"not run by llama\.cpp"):
        LLAMA_CPP.load(golden_model("llama-2-7b"), SCHEMES["bnb-nf4"])


def test_a_setting_that_is_no_number_is_refused() -> None:
    """The one line names it."""
    loaded = LLAMA_CPP.load(golden_model("llama-2-7b"), SCHEMES["q8_0"])

    with pytest.raises(BadInput, match="n_gpu_layers"):
        loaded.settle(msgspec.structs.replace(WORKLOAD, settings={"n_gpu_layers": "most"}))


def test_an_importance_matrix_is_used_where_it_must_be() -> None:
    """IQ2_XS cannot be made without; IQ4_XS can, and is larger then."""
    model = golden_model("llama-2-7b")
    sizes = {
        (name, imatrix): LLAMA_CPP.load(
            model, msgspec.structs.replace(SCHEMES[name], imatrix=imatrix)
        ).file_bytes
        for name in ("iq3_xxs", "iq4_xs")
        for imatrix in (None, False, True)
    }

    assert sizes["iq3_xxs", None] == sizes["iq3_xxs", True] != sizes["iq3_xxs", False]
    assert sizes["iq4_xs", None] == sizes["iq4_xs", False] != sizes["iq4_xs", True]


@pytest.mark.parametrize("engine", [LLAMA_CPP, OLLAMA, LM_STUDIO], ids=lambda e: e.name)
def test_programs_on_llama_cpp_count_the_same_file(engine: Engine) -> None:
    """Ollama and LM Studio run llama.cpp's files; they leave free and ask for other things."""
    model = golden_model("qwen3-8b")
    default = engine.default_scheme(model, "int4")

    assert default is not None
    assert engine.load(model, default).file_bytes == 5_021_827_072


def test_ollama_spares_457_mib_of_a_card() -> None:
    """MinimumMemory in its source."""
    spared = LLAMA_CPP.usable(CARD, WORKLOAD) - OLLAMA.usable(CARD, WORKLOAD)

    assert spared == 457 * MIB


def test_lm_studio_opens_four_slots() -> None:
    """Max Concurrent Predictions."""
    loaded = LM_STUDIO.load(golden_model("llama-2-7b"), SCHEMES["q8_0"])

    assert loaded.settle(WORKLOAD).parallel == 4
