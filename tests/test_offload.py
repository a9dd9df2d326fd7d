"""A part in system RAM: what is offered holds, one layer more does not, and RAM must be there."""

from typing import Literal

import msgspec
import pytest
from transformers_golden import model as golden_model

from fitcheck.architecture import Model
from fitcheck.engines import ENGINES
from fitcheck.engines.base import Offloads, Workload
from fitcheck.fit import Fit, Question, fit
from fitcheck.machine import Card, Machine
from fitcheck.quantization import scheme
from fitcheck.units import GIB, Bytes

Asked = Literal["n_gpu_layers", "n_cpu_moe"]


def question(
    model: Model,
    quant: str,
    *,
    engine: str = "llama.cpp",
    card: float = 23.6,
    cards: int = 1,
    ram: float | None = None,
    settings: dict[str, str] | None = None,
    unified: bool = False,
) -> Question:
    """Is there room for 4,096 tokens on cards of so many GiB, with so much RAM free?"""
    runs = ENGINES[engine]
    loaded = runs.load(model, scheme(quant))
    asked = Workload(context=4096, prompt=4096, settings=settings or {})
    one = Card(
        id="c", name="C", vendor="nvidia", total=Bytes(int(card * GIB)), unified=unified,
        compute_capability=8.6,
    )  # fmt: skip
    free = None if ram is None else Bytes(int(ram * GIB))
    return Question(
        engine=runs,
        loaded=loaded,
        workload=loaded.settle(asked),
        machine=Machine(name="m", cards=(one,) * cards, ram_available=free),
        offload=True,
    )


def held(q: Question) -> Fit:
    return fit(q, solve="table")[0]


@pytest.mark.parametrize("cards", [1, 2])
@pytest.mark.parametrize(
    ("name", "quant", "option"),
    [
        ("llama-3.1-70b", "q8_0", "n_gpu_layers"),
        ("qwen1.5-72b", "q4_k_m", "n_gpu_layers"),
        ("qwen3-30b-a3b", "fp16", "n_cpu_moe"),
        ("mixtral-8x7b", "fp16", "n_cpu_moe"),
    ],
)
def test_check_agrees_with_what_is_offered_and_not_with_one_more(
    name: str, quant: str, option: Asked, cards: int
) -> None:
    """Asked by hand for so many layers, it fits; for one more on the card, it surely does not."""
    model = golden_model(name)
    found = held(question(model, quant, ram=512, cards=cards))
    assert found.verdict == "offload"
    assert found.offload is not None
    given = found.offload.settings

    def verdict(settings: dict[str, int]) -> str:
        told = {key: str(number) for key, number in settings.items()}
        return held(question(model, quant, ram=512, cards=cards, settings=told)).verdict

    more = {"n_gpu_layers": 1, "n_cpu_moe": -1}
    which = option if option in given else "n_gpu_layers"

    assert verdict(dict(given)) == "fits"
    assert verdict({**given, which: given[which] + more[which]}) != "fits"


def test_a_mixture_gives_up_experts_and_keeps_all_layers_on_the_card() -> None:
    """A token reads all of attention, but 8 of 128 experts."""
    found = held(question(golden_model("qwen3-30b-a3b"), "fp16", ram=64))

    assert found.offload is not None
    assert set(found.offload.settings) == {"n_cpu_moe"}
    assert found.offload.layers_on_cards == found.offload.layers


def test_where_attention_alone_is_too_much_layers_go_too() -> None:
    """Both options together, all experts among what is in RAM."""
    found = held(question(golden_model("mixtral-8x7b"), "fp16", ram=128, card=4))

    assert found.offload is not None
    assert found.offload.settings["n_cpu_moe"] == 32
    assert found.offload.settings["n_gpu_layers"] < 33


def test_ollama_has_one_option_of_the_two() -> None:
    """num_gpu counts layers; experts go with them."""
    found = held(question(golden_model("qwen3-30b-a3b"), "fp16", engine="ollama", ram=64))

    assert found.offload is not None
    assert set(found.offload.settings) == {"n_gpu_layers"}
    assert "num_gpu" in found.reasons[-1]


def test_ram_decides() -> None:
    """Unknown or too little: no, and the reason says how much it would take."""
    model = golden_model("llama-3.1-70b")
    enough, too_little, unknown = (
        held(question(model, "q4_k_m", ram=ram)) for ram in (62.0, 17.0, None)
    )

    assert [f.verdict for f in (enough, too_little, unknown)] == ["offload", "no", "no"]
    assert enough.offload is not None
    need = f"{enough.offload.host / GIB:.1f} GiB"
    assert need in enough.reasons[-1]
    assert need in too_little.reasons[-1]
    assert "17.0 available" in too_little.reasons[-1]
    assert need in unknown.reasons[-1]


def test_what_is_on_the_card_and_what_is_not_is_all_of_the_file() -> None:
    """Weights on the card and in RAM: the file and ggml-cuda's fill, no byte twice or lost."""
    q = question(golden_model("llama-3.1-70b"), "q4_k_m", ram=64)
    found, memory = fit(q)
    weights = sum(t.size for t in memory.terms if " as " in t.name)

    assert found.headroom == found.usable - memory.total.expected > 0
    assert abs(weights - q.loaded.file_bytes) < 1e-3 * q.loaded.file_bytes


def test_unified_memory_has_nothing_beside_it() -> None:
    """The card's memory is the computer's."""
    found = held(question(golden_model("llama-3.1-70b"), "q4_k_m", ram=64, unified=True))

    assert (found.verdict, found.offload) == ("no", None)


def test_what_is_asked_to_be_in_ram_must_go_there() -> None:
    """-ngl 20 of 81 leaves 30 GiB; with 16 GiB that is a no, whatever the card has left."""
    model = golden_model("llama-3.1-70b")
    settings = {"n_gpu_layers": "20"}

    assert held(question(model, "q4_k_m", settings=settings)).verdict == "fits"
    found = held(question(model, "q4_k_m", ram=16, settings=settings))
    assert (found.verdict, found.limited_by) == ("no", "host")


def test_a_yes_needs_no_offload() -> None:
    """Nothing is moved where all fits."""
    found = held(question(golden_model("llama-2-7b"), "q4_k_m", ram=64))

    assert (found.verdict, found.offload) == ("fits", None)


@pytest.mark.parametrize("quant", ["bnb-int8", "bnb-nf4"])
def test_bitsandbytes_keeps_layers_off_the_card_in_16_bits(quant: str) -> None:
    """Sixteen-bit layers of Llama 3.1 70B are 1,711 MB each, whatever is packed on the card."""
    found = held(question(golden_model("llama-3.1-70b"), quant, engine="transformers", ram=256))
    assert found.offload is not None
    off = 80 - found.offload.layers_on_cards
    head = 128256 * 8192 * 2

    assert found.offload.host == off * 855_654_400 * 2 + head + 8192 * 2


def test_methods_that_refuse_the_cpu_are_not_offered() -> None:
    """GPTQ's kernels are made for the card."""
    q = question(golden_model("llama-3.1-70b"), "gptq-int4", engine="transformers", ram=256)

    assert (held(q).verdict, held(q).offload) == ("no", None)


def test_vllm_has_none() -> None:
    """--cpu-offload-gb reads pinned memory over the bus at every step; it is not counted here."""
    q = question(golden_model("llama-3.1-70b"), "bf16", engine="vllm", ram=256)

    assert not isinstance(q.loaded, Offloads)
    assert held(q).verdict == "no"


@pytest.mark.parametrize("cards", [1, 2, 3])
def test_more_room_never_leaves_more_in_ram(cards: int) -> None:
    """On the way from 6 to 40 GiB."""
    for quant, engine in (("fp16", "transformers"), ("q8_0", "llama.cpp")):
        q = question(golden_model("llama-3.1-70b"), quant, engine=engine)
        assert isinstance(q.loaded, Offloads)
        hosts = []
        for size in (6, 8, 12, 16, 24, 32, 40):
            found = q.loaded.offloaded(q.workload, [Bytes(size * GIB)] * cards)
            hosts.append(found.host if found else 1 << 40)

        assert hosts == sorted(hosts, reverse=True)


def test_every_card_holds_its_share_for_sure() -> None:
    """The upper end of each card's range is within it."""
    for quant, engine in (("fp16", "transformers"), ("q8_0", "llama.cpp")):
        q = question(golden_model("llama-3.1-70b"), quant, engine=engine)
        assert isinstance(q.loaded, Offloads)
        usable = [Bytes(16 * GIB), Bytes(12 * GIB), Bytes(20 * GIB)]
        found = q.loaded.offloaded(q.workload, usable)
        assert found is not None

        assert all(s.total.high <= u for s, u in zip(found.shares, usable, strict=True))


def test_offload_is_looked_for_in_a_table_only_where_it_is_asked_for() -> None:
    """It takes as long as the rest of the table."""
    q = question(golden_model("llama-3.1-70b"), "q4_k_m", ram=64)
    unasked = msgspec.structs.replace(q, offload=False)

    assert fit(q, solve="table")[0].verdict == "offload"
    assert fit(unasked, solve="table")[0].verdict == "no"
    assert fit(unasked, solve="all")[0].verdict == "offload"


def test_a_small_card_does_not_hold_a_large_one_back() -> None:
    """Beside 23.6 GiB another 7.6 take layers more, though a process fills half of them."""
    alone = question(golden_model("llama-3.1-70b"), "bnb-nf4", engine="transformers", ram=256)
    large = alone.machine.cards[0]
    small = msgspec.structs.replace(large, name="S", total=Bytes(int(7.6 * GIB)))
    both = msgspec.structs.replace(alone.machine, cards=(large, small))
    found = [
        held(msgspec.structs.replace(alone, machine=machine)).offload
        for machine in (alone.machine, both)
    ]

    assert found[0] is not None
    assert found[1] is not None
    assert found[1].layers_on_cards >= found[0].layers_on_cards + 5
    assert found[1].words.endswith("layers on the cards")
