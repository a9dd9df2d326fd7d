"""The process that runs transformers: what it is told, and what is made of its answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from fitcheck.errors import NoCard
from fitcheck.measure import transformers
from fitcheck.measure.process import Command, Finished
from fitcheck.measure.records import NoFigure, TransformersJob

JOB = TransformersJob(
    config={"model_type": "llama"}, dtype="bfloat16", prompt=90, new_tokens=11, batch=2
)
DONE = Finished(code=0, output="", errors="")
RESULT: dict[str, Any] = {
    "weights": 1000, "kv_cache": 100, "kept": 8, "allocated": 1208, "reserved": 1400,
    "card": "NVIDIA A100-SXM4-80GB", "capability": "8.0", "total": 85_000, "used": 2000,
    "versions": {"torch": "2.13.0", "transformers": "5.23.0"},
}  # fmt: skip


def test_the_process_finds_its_job_and_its_answer_is_read() -> None:
    """Under the Python that was named, told to fetch nothing."""
    seen: list[Command] = []

    def start(command: Command) -> Finished:
        seen.append(command)
        path = Path(command.words[-1])
        assert json.loads(path.read_text())["config"] == {"model_type": "llama"}
        (path.parent / "result.json").write_text(json.dumps(RESULT))
        return Finished(code=0, output="", errors="", process=1900, told="the driver")  # type: ignore[arg-type]

    found = transformers.run(JOB, "/opt/python", start)
    assert seen[0].words[0] == "/opt/python"
    assert seen[0].environment["HF_HUB_OFFLINE"] == "1"
    assert not Path(seen[0].words[-1]).exists()
    assert (found.process, found.machine.card) == (1900, "NVIDIA A100-SXM4-80GB")


def test_activations_are_what_is_beside_all_that_stays() -> None:
    """1208 at the peak, less 1000 of weights, 100 of cache and 8 of a workspace that stays."""
    found = transformers.reading(RESULT, DONE)

    assert found.parts.activations == 100
    assert (found.parts.weights, found.parts.kv_cache, found.parts.reserved) == (1000, 100, 1400)


def test_a_model_without_a_cache_has_none() -> None:
    """An encoder: unknown is not zero, and the rest is activations."""
    found = transformers.reading({**RESULT, "kv_cache": None}, DONE)

    assert (found.parts.kv_cache, found.parts.activations) == (None, 200)


def test_running_out_of_memory_is_a_reading() -> None:
    """With where, and what was taken by then."""
    result = {
        "failure": "out of memory", "message": "loading the weights", "allocated": 84_000,
        "reserved": 84_500, "card": "NVIDIA A100-SXM4-80GB", "total": 85_000,
    }  # fmt: skip
    found = transformers.reading(result, DONE)

    assert found.ran_out == "loading the weights"
    assert (found.parts.allocated, found.parts.weights) == (84_000, None)


@pytest.mark.parametrize(
    ("result", "error", "says"),
    [
        ({"failure": "missing", "message": "python cannot import torch"}, NoFigure, "--pyt"),
        ({"failure": "no card", "message": "it is built for the CPU alone"}, NoCard, "CPU alone"),
        ({"failure": "unknown model", "message": "no moss models"}, NoFigure, "no moss"),
        ({"failure": "refused", "message": "ValueError: \x1b[31m"}, NoFigure, r"\\x1b"),
    ],
)  # fmt: skip
def test_each_failure_says_what_to_do(
    result: dict[str, str], error: type[Exception], says: str
) -> None:
    """In one line, whatever a library has put into it."""
    with pytest.raises(error, match=says):
        transformers.reading(result, DONE)


@pytest.mark.parametrize(
    ("finished", "says"),
    [
        (Finished(code=None, output="", errors=""), "--timeout"),
        (Finished(code=-9, output="", errors=""), "signal 9: did the computer run out of RAM"),
        (Finished(code=1, output="", errors="a\nImportError: b\n"), "exit code 1: ImportError: b"),
        (Finished(code=0, output="", errors=""), "it said nothing"),
    ],
)
def test_a_process_without_an_answer_is_explained(finished: Finished, says: str) -> None:
    """It was ended from outside, or broke before it began."""
    with pytest.raises(NoFigure, match=says):
        transformers.reading(None, finished)


def test_a_python_that_is_not_there_is_named() -> None:
    """As it was typed."""

    def start(command: Command) -> Finished:
        raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(NoFigure, match="cannot start /opt/python: No such file"):
        transformers.run(JOB, "/opt/python", start)
