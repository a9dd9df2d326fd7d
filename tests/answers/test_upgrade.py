"""What another card opens, as `check` has it on both."""

import pytest

from fitcheck import cards, resolve
from fitcheck.answers.asked import Ask
from fitcheck.answers.check import check
from fitcheck.answers.upgrade import Gain, UpgradeAnswer, upgrade
from fitcheck.catalog import load_models

MODELS = ("llama-3.1-8b", "qwen2.5-14b", "qwen2.5-0.5b", "llama-3.1-405b", "gpt2")


def moved(origin: str, *targets: str, engine: str = "transformers") -> UpgradeAnswer:
    """Five models from one card to others."""
    catalog = load_models()
    subjects = tuple(resolve.subject(word, catalog) for word in MODELS)
    machines = tuple(cards.machine(word) for word in targets)
    return upgrade(subjects, cards.machine(origin), machines, Ask(engine=engine), named=True)


def gain(answer: UpgradeAnswer, model: str) -> Gain:
    """On the first target."""
    return next(g for g in answer.targets[0].gains if g.subject.id == model)


@pytest.mark.parametrize(
    ("model", "opens"),
    [
        ("qwen2.5-14b", "model"),  # 9 GiB at 4 bits are too many for 8, not for 24
        ("llama-3.1-8b", "precision"),  # 15 GiB in 16 bits
        ("qwen2.5-0.5b", "nothing"),  # in 16 bits and at its whole context on both
        ("gpt2", "nothing"),
        ("llama-3.1-405b", "nothing"),  # nor on the other
    ],
)
def test_what_24_gb_open_to_who_has_8(model: str, opens: str) -> None:
    """An RTX 3060 of 8 GB and an RTX 3090."""
    assert gain(moved("rtx-3060-8gb", "3090"), model).opens == opens


def test_a_second_card_opens_a_longer_context() -> None:
    """Llama 3.1 8B in 16 bits fits on one; on two its cache has 24 GiB more."""
    found = gain(moved("3090", "2x3090", engine="llama.cpp"), "llama-3.1-8b")

    assert found.opens == "context"
    assert found.before is not None
    assert found.after is not None
    assert found.before.fit is not None
    assert found.after.fit is not None
    assert (found.before.fit.longest or 0) < 131072 == found.after.fit.longest


def test_what_newly_runs_check_refuses_before_and_allows_after() -> None:
    """With the same question."""
    answer = moved("rtx-3060-8gb", "3090", "5090")
    for target in answer.targets:
        for found in target.opened("model"):
            rows = [
                check((found.subject,), m, answer.ask, named=True, solve="table").rows[0]
                for m in (answer.origin, target.machine)
            ]
            assert [row.verdict in ("fits", "tight", "short") for row in rows] == [False, True]


def test_the_same_card_opens_nothing() -> None:
    """Whatever the model."""
    (target,) = moved("3090", "3090").targets

    assert {g.opens for g in target.gains} == {"nothing"}
