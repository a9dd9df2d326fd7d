"""`fitcheck measure` as it is typed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from model_files import LLAMA, llama_tensors, write_gguf

from fitcheck import cards, cli
from fitcheck.machine import Card, Machine, Unseen
from fitcheck.measure import here
from fitcheck.measure.process import Command, Finished, Start
from fitcheck.units import GIB, Bytes

LOG = Path(__file__).parents[1] / "measure" / "engine_logs" / "llama_cpp_fit.log"
HERE = Machine(
    name="this machine",
    driver="580.65.06",
    cards=(
        Card(
            id="a100-80gb",
            name="NVIDIA A100-SXM4-80GB",
            vendor="NVIDIA",
            total=Bytes(80 * GIB),
            compute_capability=8.0,
            index=0,
        ),
    ),
)
RESULT = {
    "weights": 13_476_839_424, "kv_cache": 2_147_483_648, "kept": 8_519_680,
    "allocated": 16_200_000_000, "reserved": 16_400_000_000,
    "card": "NVIDIA A100-SXM4-80GB", "capability": "8.0", "total": 80 * GIB,
    "versions": {"torch": "2.13.0", "transformers": "5.23.0"},
}  # fmt: skip

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """The command line, with a home of its own: exit code, stdout, stderr."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))

    def typed(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return typed


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a card, and a process that answers at once."""
    monkeypatch.setattr(cards, "detected", lambda: HERE)

    def start(command: Command) -> Finished:
        folder = Path(command.words[-1]).parent
        (folder / "result.json").write_text(json.dumps(RESULT))
        return Finished(
            code=0, output="", errors="", process=Bytes(16_900_000_000), told="the driver"
        )

    def on(*asked: object) -> Start:
        return start

    monkeypatch.setattr(here, "on", on)


def test_without_a_card_one_line_says_what_can_be_done(
    run: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 3, and nothing on stdout."""
    why = (Unseen("NVIDIA driver (NVML)", "no NVIDIA driver is installed"),)
    monkeypatch.setattr(cards, "detected", lambda: Machine(name="x", cards=(), unseen=why))
    code, out, err = run("measure", "llama-2-7b")

    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "no NVIDIA driver is installed" in err
    assert "--log FILE" in err


def test_a_log_needs_no_card(run: Cli) -> None:
    """Its figures beside the estimate, exit 0 inside the range."""
    code, out, err = run(
        "measure", "smollm2-135m", "--quant", "q4_k_m", "--log", str(LOG), "--json"
    )

    assert (code, err) == (0, "")
    assert json.loads(out)["memory"]["weights"]["measured"] == round(98.93 * (1 << 20))


def test_a_run_is_kept_and_the_next_estimate_tells_of_it(run: Cli, card: None) -> None:
    """The whole way: run, keep, and answer."""
    asked = ("llama-2-7b", "--context", "4096")
    code, out, err = run("measure", *asked, "--save", "--json")
    assert (code, json.loads(out)["machine"]["driver"]) == (0, "580.65.06")
    assert "measured.jsonl" in err

    code, out, err = run("estimate", *asked, "--json")
    found = json.loads(out)
    assert (
        "(NVIDIA A100-SXM4-80GB, torch 2.13.0, transformers 5.23.0): 15.7 GiB"
        in (found["notes"][-1])
    )
    assert found["memory"]["total"]["high"] - found["memory"]["total"]["low"] < 1_000_000_000
    assert err == ""


def test_a_spoilt_file_of_rows_is_one_line_on_stderr(run: Cli, tmp_path: Path) -> None:
    """And the answer comes all the same."""
    kept = tmp_path / "fitcheck" / "measured.jsonl"
    kept.parent.mkdir()
    kept.write_text("what is this\n")
    code, out, err = run("estimate", "llama-2-7b", "--json")

    assert (code, err.count("\n")) == (0, 1)
    assert "line 1 is no measured row" in err
    assert json.loads(out)["schema"] == "fitcheck.estimate/1"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("llama-2-7b", "--quant", "gptq-int4"), "makes no gptq-int4 out of random numbers"),
        (("llama-2-7b", "--engine", "vllm"), "for vllm give its --log"),
        (("llama-2-7b", "--card", "7"), "no card here has the number 7"),
        (("llama-2-7b", "--quant", "fp16", "--quant", "fp32"), "one scheme at a time"),
        (("llama-2-7b", "--log", "/nowhere.log"), "cannot read /nowhere.log"),
        (("deepseek-v4-flash", "--quant", "q4_k_m"), "name a .gguf"),
        (("lama-2-7b",), "did you mean"),
    ],
)
def test_a_question_that_cannot_be_run_is_one_line(
    run: Cli, card: None, words: tuple[str, ...], says: str
) -> None:
    """Nothing on stdout, and no traceback."""
    code, out, err = run("measure", *words)

    assert code in (2, 3)
    assert (out, err.count("\n")) == ("", 1)
    assert says in err


def test_check_and_estimate_say_the_same_of_what_was_measured(run: Cli, card: None) -> None:
    """On a card of the same architecture; on another one the row says nothing."""
    asked = ("llama-2-7b", "--context", "4096")
    run("measure", *asked, "--save")
    estimated = json.loads(run("estimate", *asked, "--json")[1])
    question = (*asked, "--precision", "fp16", "--json")
    checked = json.loads(run("check", *question, "--gpu", "a100-80gb")[1])["results"][0]
    elsewhere = json.loads(run("check", *question, "--gpu", "3090")[1])["results"][0]

    assert checked["memory"] == estimated["memory"]
    assert checked["notes"][-1] == estimated["notes"][-1]
    assert elsewhere["memory"]["total"]["high"] > checked["memory"]["total"]["high"]


def test_a_gguf_file_is_run_as_it_is(
    run: Cli, card: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """llama-bench is given that very file, whatever it is called; nothing is made in its place."""
    blob = write_gguf(tmp_path / "sha256-00", LLAMA, llama_tensors())
    asked: list[str] = []

    def start(command: Command) -> Finished:
        asked.extend(command.words)
        return Finished(code=1, output="", errors="no such thing", process=None, told="")

    monkeypatch.setattr(here, "on", lambda *_: start)
    bench = tmp_path / "llama-bench"
    bench.touch(mode=0o755)
    code, out, err = run("measure", str(blob), "--llama-cpp", str(tmp_path))

    assert str(blob) in asked
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 2


def test_a_gguf_file_is_not_run_by_transformers(run: Cli, card: None, tmp_path: Path) -> None:
    """Refused before anything is started."""
    file = write_gguf(tmp_path / "m.gguf", LLAMA, llama_tensors())
    code, out, err = run("measure", str(file), "--engine", "transformers")

    assert (code, out) == (2, "")
    assert "is a GGUF file, which transformers does not run" in err
