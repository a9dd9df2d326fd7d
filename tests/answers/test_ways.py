"""The least that runs a model, what almost does, and what a budget allows."""

from functools import cache

import pytest

from fitcheck import cards, resolve
from fitcheck.answers.asked import Ask
from fitcheck.answers.check import check
from fitcheck.answers.plan import PlanAnswer, plan
from fitcheck.answers.ways import KINDS, Market, Rental, Way
from fitcheck.catalog import load_models

USUAL = ("rtx-3060-12gb", "3090", "l40s", "a100-80gb", "h200")


def rental(name: str, price: float | None) -> Rental:
    """An instance of the table, at that price."""
    return Rental(name=name, machine=cards.machine(name), price=price, source="a test")


RENTALS = (
    rental("aws:g5.12xlarge", 5.67),
    rental("aws:g6e.xlarge", 1.86),
    rental("aws:p5.48xlarge", 55.04),
    rental("azure:Standard_ND96asr_v4", None),
)


@cache
def planned(model: str, quant: str, engine: str, budget: float | None = None) -> PlanAnswer:
    """The usual cards, and four instances."""
    return plan(
        resolve.subject(model, load_models()),
        tuple(cards.machine(word) for word in USUAL),
        Ask(engine=engine, quants=(quant,)),
        market=Market(rentals=RENTALS, budget=budget),
    )


def of(answer: PlanAnswer, kind: str) -> list[Way]:
    """The ways of a kind."""
    return [way for way in answer.ways if way.kind == kind]


def test_ways_go_from_one_card_to_rented_ones() -> None:
    """In that order, and the least of each kind first."""
    answer = planned("llama-3.3-70b", "q4_k_m", "llama.cpp")
    kinds = [way.kind for way in answer.ways]

    assert kinds == sorted(kinds, key=KINDS.index)
    assert set(kinds) == set(KINDS)
    assert of(answer, "card")[0].machine.name == "L40S"
    assert of(answer, "cards")[0].machine.name == "2x RTX 3090"


@pytest.mark.parametrize("kind", ["card", "cards", "cloud"])
def test_check_says_yes_to_every_way(kind: str) -> None:
    """On the machine that is named, with as much left."""
    for way in of(planned("llama-3.3-70b", "q4_k_m", "llama.cpp"), kind):
        ask = Ask(engine="llama.cpp", quants=("q4_k_m",))
        subject = way.estimate.subject
        row = check((subject,), way.machine, ask, named=True, solve="verdict").rows[0]

        assert row.verdict in ("fits", "tight")
        assert row.estimates[0].fit is not None
        assert row.estimates[0].fit.headroom == way.headroom


def test_with_ram_says_how_much() -> None:
    """Experts of Qwen3 30B A3B beside a card of 12 GB; what a 24 GB card holds needs none."""
    found = of(planned("qwen3-30b-a3b", "q4_k_m", "llama.cpp"), "offload")

    assert [way.machine.name for way in found] == ["RTX 3060 12GB"]
    assert 5 << 30 < found[0].host < 10 << 30


def test_the_cheapest_is_rented_first_and_what_has_no_price_last() -> None:
    """$1.86 for an L40S before anything that costs more."""
    prices = [way.price for way in of(planned("llama-3.3-70b", "q4_k_m", "llama.cpp"), "cloud")]

    assert prices[0] == 1.86
    assert prices == sorted(prices, key=lambda p: p or float("inf"))


def test_a_budget_keeps_what_is_rented_for_less_and_counts_what_has_no_price() -> None:
    """Cards that are bought cost nothing an hour, so they are no answer to it."""
    answer = planned("llama-3.1-8b", "fp16", "vllm", 2.0)

    assert [way.price for way in answer.ways] == [1.86]
    assert answer.unpriced == 1
    assert answer.exit_code == 0


def test_a_budget_that_is_too_small_is_a_no() -> None:
    """Nothing here costs less than a dollar an hour."""
    answer = planned("llama-3.1-8b", "fp16", "vllm", 1.0)

    assert (answer.ways, answer.exit_code) == ((), 1)


def test_what_almost_fits_is_told_with_the_next_step_up() -> None:
    """Llama 3.1 8B in 16 bits, 15 GiB of weights, on a card of 16 GB."""
    answer = plan(
        resolve.subject("llama-3.1-8b", load_models()),
        tuple(cards.machine(word) for word in ("rtx-4060-ti-16gb", "3090", "l40s")),
        Ask(quants=("fp16",), context=4096),
    )
    (step,) = answer.steps

    assert step.machine.name == "RTX 4060 Ti 16GB"
    assert 0 < step.lacks < 3 << 30
    assert step.up is not None
    assert step.up.machine.name == "RTX 3090"


def test_for_one_machine_the_next_step_is_to_the_scheme_above_its_best() -> None:
    """A card of 12 GB runs 8B in LLM.int8(); 16 bits need a larger one."""
    answer = plan(
        resolve.subject("llama-3.1-8b", load_models()),
        (cards.machine("rtx-3060-12gb"),),
        Ask(),
        market=Market(cards=tuple(cards.machine(word) for word in USUAL)),
    )
    (step,) = answer.steps
    rungs = [e.scheme for e in answer.options[0].row.estimates]

    assert answer.best is not None
    assert step.estimate.scheme == rungs[rungs.index(answer.best.scheme) - 1]
    assert step.up is not None
    assert sum(c.available for c in step.up.machine.cards) > sum(
        c.available for c in step.machine.cards
    )
