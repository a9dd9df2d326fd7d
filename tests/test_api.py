"""Whatever a command answers, a program can ask with one call."""

import doctest
from pathlib import Path

import pytest

from fitcheck import api


def test_the_example_is_true() -> None:
    """The module's own lines."""
    assert doctest.testmod(api).failed == 0


def test_every_promised_name_is_there() -> None:
    """`__all__` is the promise."""
    assert [name for name in api.__all__ if not hasattr(api, name)] == []


def test_an_answer_is_a_record_in_bytes() -> None:
    """Weights of Llama 2 7B in 16 bits."""
    (found,) = api.estimate("llama-2-7b", precisions=("fp16",))

    assert found.memory.component("weights") == 13_476_831_232


def test_a_wrong_question_is_raised() -> None:
    """With the sentence that the command prints."""
    with pytest.raises(api.FitcheckError, match="did you mean llama-7b"):
        api.check("lama-7b", gpu="3090")


def test_cards_side_by_side() -> None:
    """MOSS in 16 bits: not on one 3090, on two."""
    found = api.compare("moss-16b", gpus=("3090", "2x3090"), precisions=("fp16",))

    assert [c.rows[0].verdict for c in found.checks] == ["no", "fits"]


def test_a_machine_can_be_brought() -> None:
    """One that a tool's output or a profile describes, asked about as any card is."""
    box = api.described("cards: 2x3090\nram: 64GB\n")

    assert api.check("moss-16b", gpu=box, precisions=("fp16",)).rows[0].verdict == "fits"
    assert api.plan("gpt2", gpus=[box]).options[0].machine == box


def test_an_engines_options_can_be_asked_for() -> None:
    """With the engine's own name for each."""
    found = {o.name: o for o in api.options("vllm")}

    assert found["gpu_memory_utilization"].default == "0.92"


def test_stored_models_can_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, where every store is empty."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for variable in ("HF_HUB_CACHE", "OLLAMA_MODELS", "LLAMA_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))

    assert api.stored() == ()
