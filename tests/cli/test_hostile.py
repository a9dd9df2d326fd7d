"""Odd questions and odd surroundings: one clear line, exit 2, and never a traceback."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fitcheck import kept
from fitcheck.cli.given import cache_folder

Run = Callable[..., Any]

ODD = [
    (("estimate", "llama-7b", "--precision", "int4", "--quant", "fp8"), "give one of them"),
    (("estimate", ""), "no model is named"),
    (("show", " "), "no model is named"),
    (("estimate", "a" * 5000), "aaa...'"),
    (
        ("estimate", "llama-7b", "--engine", "vllm", "--gpu-memory-utilization", "nan"),
        "is no number",
    ),
    (("estimate", "llama-7b", "--engine", "llama.cpp", "--batch", "100000"), "1 to 256 slots"),
    (("check", "llama-7b", "--gpu", "3090", "--engine", "ollama", "--batch", "300"), "256 slots"),
    (("catalog",), "fitcheck catalog validate FILE"),
    (("catalog", "validate", "/dev/zero"), "larger than any catalog"),
    (("check", "--gpu", "3090", "--catalog", "/dev/zero"), "larger than any catalog"),
    (("check", "--gpu", "3090", "--catalog", "/nosuch.yaml"), "No such file"),
    (("estimate", "llama-7b", "--context", "0"), "no number of tokens"),
    (("plan", "llama-7b", "--budget", "nan"), "is no number"),
    (("check", "llama-7b", "--gpu=-24GB"), "no card is called '-24GB'"),
    (("check", "llama-7b", "--gpu", ""), "no card is named"),
]


@pytest.mark.parametrize(("words", "said"), ODD, ids=[" ".join(w)[:60] for w, _ in ODD])
def test_an_odd_question_is_one_line(fitcheck: Run, words: tuple[str, ...], said: str) -> None:
    """What is wrong, on stderr; nothing on stdout. Also where the usual catalog is kept already."""
    fitcheck("check", "llama-7b", "--gpu", "3090")
    ran = fitcheck(*words)

    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
    assert said in ran.err
    assert len(ran.err) < 400


def test_a_tab_in_a_catalog_is_called_a_tab(fitcheck: Run, tmp_path: Path) -> None:
    """YAML's own words (`cannot start any token`) say nothing to who pressed the key."""
    file = tmp_path / "models.yaml"
    file.write_text("models:\n\t- id: x\n")
    ran = fitcheck("check", "llama-7b", "--gpu", "3090", "--catalog", str(file))

    assert ran.code == 2
    assert f"{file}:2: begins with a tab" in ran.err


def run(*words: str, **surroundings: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: ANN401
    """The program as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "fitcheck", *words],
        stderr=subprocess.PIPE,
        check=False,
        cwd=Path(__file__).parents[2],
        **surroundings,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_is_said_to_be_full() -> None:
    """Exit 2: half an answer is none."""
    with Path("/dev/full").open("w") as full:
        ran = run("engines", stdout=full)

    assert ran.returncode == 2
    assert ran.stderr == b"fitcheck: the answer cannot be written: No space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="streams are not closed so there")
def test_a_closed_stdout_is_no_fault() -> None:
    """The exit code is an answer too (`fitcheck check ... >&-`)."""
    ran = run("engines", preexec_fn=lambda: os.close(1))

    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize("form", ["table", "json"])
def test_an_encoding_without_our_letters_is_no_fault(form: str) -> None:
    """Question marks in a table; in JSON its own escapes, so that nothing is lost."""
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "COLUMNS": "60"}
    words = ("show", "chatglm-6b", "--format", form)
    ran = run(*words, stdout=subprocess.PIPE, env=environment)

    assert (ran.returncode, ran.stderr) == (0, b"")
    if form == "json":
        whole = run(*words, stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": "utf-8"})
        assert json.loads(ran.stdout.decode("latin-1")) == json.loads(whole.stdout)


def test_without_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a container's user who is in no /etc/passwd."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    kept.write(cache_folder() / "x", "key", 1)

    assert kept.read(cache_folder() / "x", "key", int) is None


def test_without_a_home_questions_are_answered(
    fitcheck: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And other programs' stores are nowhere."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)

    assert fitcheck("check", "llama-7b", "--gpu", "3090").code == 0
    assert fitcheck("models", "--local").code == 0
    assert "did you mean" in fitcheck("estimate", "lama-7b").err
