"""What is offered for a name that nothing has."""

import pytest

from fitcheck.errors import nearest, spelled

MODELS = (
    "llama-7b", "llama-13b", "llama2-7b", "llama-2-7b", "llama-3-8b", "llama-3-70b", "llama-3.1-8b",
    "qwen3-8b", "qwen3-4b", "Qwen/Qwen3-VL-8B-Instruct", "phi-4", "phi-4-mini",
)  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lama-7b", "llama-7b"),
        ("llama3", "llama-3-8b"),
        ("phi4", "phi-4"),
        ("qwen3-8b-instruct", "qwen3-8b"),
        ("Qwen3 4B", "qwen3-4b"),
        ("llama 3.1", "llama-3.1-8b"),
    ],
)
def test_what_was_meant_is_offered_first(typed: str, meant: str) -> None:
    """What the name goes on to, what it goes on from, then what is written much like it."""
    assert nearest(typed, MODELS)[0] == meant


def test_digits_that_changed_places_are_nearest() -> None:
    """3900 is 3090 mistyped, and not the B390 that shares as many in their order."""
    assert nearest("3900", ["b390", "b300", "9070", "3090"])[0] == "3090"


def test_nothing_like_it_offers_nothing() -> None:
    """A hint is told instead."""
    assert nearest("zzz", MODELS) == []
    assert nearest("", MODELS) == []


def test_a_name_is_its_words_and_numbers() -> None:
    """However they are divided; but a number stays whole."""
    assert spelled("Llama 3.1:8B") == spelled("llama-3.1-8b") == ("llama", "3.1", "8", "b")
    assert spelled("llama-13b") != spelled("llama-1-3b")
