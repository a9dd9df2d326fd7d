"""Filters of the catalog: what they take, and what they refuse."""

import pytest

from fitcheck import resolve
from fitcheck.answers.select import Selection
from fitcheck.catalog import load_models
from fitcheck.errors import FitcheckError

CATALOG = load_models()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Selection(family="lama"), "no family is called 'lama'; did you mean llama"),
        (Selection(family="zzz"), "there are qwen, llama"),
        (Selection(language="chinese"), "there are en, zh"),
        (Selection(modality="img"), "did you mean image"),
        (Selection(licence="wtfpl"), "no licence here has 'wtfpl' in its name"),
        (Selection(words=("nothing",)), "no model is called 'nothing'"),
    ],
)
def test_a_word_that_no_entry_has_is_refused(asked: Selection, said: str) -> None:
    """An empty table would say that nothing runs, which is another thing."""
    with pytest.raises(FitcheckError) as told:
        asked.check(CATALOG)

    assert said in str(told.value)


@pytest.mark.parametrize(
    "asked",
    [
        Selection(),
        Selection(family="Llama", language="ZH", modality="Image", licence="APACHE"),
        Selection(family="chatglm-6b"),
        Selection(modality="text", words=("qwen3", "8B")),
    ],
)
def test_words_that_an_entry_has_pass(asked: Selection) -> None:
    """However they are capitalised."""
    asked.check(CATALOG)


def test_words_are_all_in_one_name() -> None:
    """`fitcheck models qwen3 coder`."""
    asked = Selection(words=("Qwen3", "coder"))

    found = [e.id for e in CATALOG if asked.takes(resolve.of_entry(e, CATALOG))]

    assert found == ["qwen3-coder-30b-a3b", "qwen3-coder-480b-a35b"]


def test_text_takes_what_reads_nothing_else() -> None:
    """And `image` what reads images beside text."""
    text, image = Selection(modality="text"), Selection(modality="image")
    llava = resolve.of_entry(CATALOG.entries["llava-1.5-7b"], CATALOG)

    assert image.takes(llava)
    assert not text.takes(llava)
