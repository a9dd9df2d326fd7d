"""llama.cpp on several cards: which it takes, what each holds, and its own rows of two of them."""

import statistics

import msgspec
import pytest
from llamacpp_buffer_rows import rows

from fitcheck import cards
from fitcheck.catalog import load_models
from fitcheck.engines import ENGINES
from fitcheck.engines.base import Workload
from fitcheck.engines.llama_cpp.engine import CONTEXT
from fitcheck.errors import BadInput
from fitcheck.fit import Fit, Question, fit
from fitcheck.quantization import scheme
from fitcheck.units import GIB, Bytes

CATALOG = load_models()
LLAMA_CPP = ENGINES["llama.cpp"]
PARTIAL = [
    row
    for row in rows("llamacpp_buffers.csv")
    if not row.refused and (row.cards > 1 or (row.cards and row.split.starts[0]))
]


def asked(card: str, **told: str) -> Fit:
    """Llama 3.1 8B in Q4_K_M on these cards."""
    entry = CATALOG.find("llama-3.1-8b")
    assert entry is not None
    model = CATALOG.model(entry)
    assert model is not None
    loaded = LLAMA_CPP.load(model, scheme("q4_k_m"))
    workload = loaded.settle(Workload(context=4096, prompt=4096, settings=told))
    question = Question(
        engine=LLAMA_CPP, loaded=loaded, workload=workload, machine=cards.machine(card)
    )
    return fit(question, solve="verdict")[0]


def test_proportions_take_all_cards_and_decide_what_each_holds() -> None:
    """-ts 3,1: 25 of 33 layers on the first, so about three quarters of the weights."""
    found = asked("2x3090", tensor_split="3,1")
    first, second = (one.memory.component("weights") for one in found.per_card)

    assert found.cards == 2
    assert 0.6 < first / (first + second) < 0.75  # the output matrix is on the second


def test_split_mode_none_takes_the_main_card_alone() -> None:
    """-sm none -mg 1."""
    assert asked("rtx-3060-8gb,3090", split_mode="none").usable < 8 * GIB
    assert asked("rtx-3060-8gb,3090", split_mode="none", main_gpu="1").usable > 20 * GIB


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"split_mode": "row"}, "no split by rows"),
        ({"split_mode": "tensor"}, "experimental"),
        ({"split_mode": "sideways"}, "none of llama.cpp's"),
        ({"split_mode": "none", "main_gpu": "2"}, "the last card is 1"),
        ({"tensor_split": "1,1,1"}, "names 3 cards, there are 2"),
    ],
)
def test_what_llama_cpp_refuses_is_a_no_with_the_reason(told: dict[str, str], why: str) -> None:
    """ggml-cuda of 0c1e57098 has no ggml_backend_split_buffer_type: -sm row throws at start-up."""
    found = asked("2x3090", **told)

    assert (found.verdict, found.limited_by) == ("no", "engine")
    assert why in found.reasons[0]


@pytest.mark.parametrize("text", ["", "a,b", "1,-1", "nan", "inf", ",".join(["1"] * 17)])
def test_what_are_no_proportions_is_refused(text: str) -> None:
    """One line, before any model is looked at."""
    with pytest.raises(BadInput, match="tensor_split"):
        LLAMA_CPP.accepts(Workload(context=1, prompt=1, settings={"tensor_split": text}))


def test_cards_divide_what_is_free_beside_their_contexts() -> None:
    """load_tensors asks for free memory when each card has its context already."""
    entry = CATALOG.find("llama-3.1-8b")
    assert entry is not None
    model = CATALOG.model(entry)
    assert model is not None
    loaded = LLAMA_CPP.load(model, scheme("q4_k_m"))
    workload = loaded.settle(Workload(context=4096, prompt=4096))
    even = msgspec.structs.replace(workload, settings={"tensor_split": "2,1"})
    sizes = [Bytes(2 * 8 * GIB + CONTEXT), Bytes(8 * GIB + CONTEXT)]

    assert loaded.shares(workload, sizes) == loaded.shares(even, sizes)


def test_two_cards_and_layers_in_host_memory_are_as_llama_cpp_reserved_them() -> None:
    """Starts of llama.cpp with two cards, or fewer layers than all on one: a quarter of 522.

    Its own compute buffers (tests/golden/llamacpp_buffers.md) for each device, the host's too: the
    target is a median error of 2 % and 10 % at the 95th percentile. Of all 1218 buffers 1216 are
    exact, the worst is 0.06 % off; caches are all exact.
    """
    errors = []
    for row in PARTIAL[::4]:
        for device, theirs in zip(row.devices, row.compute, strict=True):
            ours = row.buffers.size(row.settings, row.split, row.cards, device)
            errors.append(abs(ours / theirs - 1) if theirs else float(ours > 0))
    errors.sort()

    assert statistics.median(errors) == 0
    assert errors[int(0.95 * len(errors))] < 0.001


def mixture(model: str, quant: str, machine: str, context: int, **told: str) -> Fit:
    """A verdict at that context."""
    entry = CATALOG.find(model)
    assert entry is not None
    found = CATALOG.model(entry)
    assert found is not None
    loaded = LLAMA_CPP.load(found, scheme(quant))
    workload = loaded.settle(Workload(context=context, prompt=context, settings=told))
    question = Question(
        engine=LLAMA_CPP, loaded=loaded, workload=workload, machine=cards.machine(machine)
    )
    return fit(question, solve="verdict")[0]


def test_where_a_division_by_memory_is_too_much_for_one_card_another_is_told() -> None:
    """What common/fit.cpp does by itself, and `check` agrees to what is told for it."""
    machine = "3090,rtx-3060-12gb,rtx-3060-12gb"
    found = mixture("llama-3.3-70b", "q4_k_m", machine, 8192)
    (said,) = [why for why in found.reasons if why.startswith("-ts ")]
    proportions = said.split()[1].rstrip(":")

    again = mixture("llama-3.3-70b", "q4_k_m", machine, 8192, tensor_split=proportions)
    assert found.verdict in ("fits", "tight")
    assert again.verdict == "fits"
    assert sum(map(int, proportions.split(","))) == 81


def test_a_card_that_llama_cpps_own_division_overfills_is_no_reason_for_a_no() -> None:
    """An RTX 3090 and one of 8 GB: in proportion the small one lacks 0.5 GiB of its 8.1."""
    machine = "3090,rtx-3060-8gb"
    found = mixture("gemma-3-27b", "q8_0", machine, 9500)
    told = mixture("gemma-3-27b", "q8_0", machine, 9500, tensor_split="3,1")

    assert found.verdict == "fits"
    assert found.reasons[0].startswith("-ts ")
    assert told.verdict == "no"
