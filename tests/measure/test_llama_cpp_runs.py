"""llama.cpp's programs: how they are called, and what is made of what they print."""

import json
from pathlib import Path

import pytest

from fitcheck.errors import NoCard
from fitcheck.measure import llama_cpp
from fitcheck.measure.process import Command, Finished
from fitcheck.measure.records import LlamaCppJob, NoFigure
from fitcheck.units import Bytes

LOGS = Path(__file__).parent / "engine_logs"
JOB = LlamaCppJob(file="m.gguf", context=4096, prompt=4000)
BENCH = json.dumps([{"build_commit": "0c1e570", "build_number": 7204}])
# ggml/src/ggml-cuda/ggml-cuda.cu and src/llama-model.cpp, as github.com/ggml-org/llama.cpp/issues
# show it.
FULL = """
llama_model_loader: loaded meta data with 33 key-value pairs and 292 tensors from m.gguf
load_tensors: CUDA0 model buffer size = 4403.49 MiB
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 16384.00 MiB on device 0: \
cudaMalloc failed: out of memory
"""


def test_a_prompt_and_its_answer_run_in_one_context() -> None:
    """-pg makes a context of both; -v prints the buffers, which llama-bench else keeps quiet."""
    words = llama_cpp.bench_command(JOB, "llama-bench").words

    assert words[words.index("-pg") + 1] == "4000,96"
    assert "-v" in words
    assert words[words.index("-ngl") + 1] == "999"


def test_a_prompt_alone_is_a_prompt_test() -> None:
    """llama-bench refuses an answer of no tokens in -pg."""
    job = LlamaCppJob(file="m.gguf", context=4096, prompt=4096, flash_attention="off")
    words = llama_cpp.bench_command(job, "llama-bench").words

    assert "-pg" not in words
    assert words[words.index("-p") + 1] == "4096"
    assert words[words.index("-fa") + 1] == "0"


def test_several_slots_are_a_servers() -> None:
    """-c is the context of all slots together."""
    job = LlamaCppJob(file="m.gguf", context=4096, prompt=4096, parallel=4)
    command = llama_cpp.server_command(job, "llama-server", 8123)

    assert command.words[command.words.index("-c") + 1] == "16384"
    assert command.until == "listening on http"


def test_what_is_not_there_is_said_with_what_to_do(tmp_path: Path) -> None:
    """Which program, and how its folder is named."""
    with pytest.raises(NoFigure, match=f"takes its llama-bench, which is not in {tmp_path}"):
        llama_cpp.program(JOB, tmp_path)


def test_a_build_folder_is_looked_into(tmp_path: Path) -> None:
    """People name the checkout that they built in."""
    program = tmp_path / "build" / "bin" / "llama-bench"
    program.parent.mkdir(parents=True)
    program.write_text("")
    program.chmod(0o755)

    assert llama_cpp.program(JOB, tmp_path) == str(program)


def test_a_run_tells_its_buffers_and_its_build() -> None:
    """With what the driver counted meanwhile."""
    log = (LOGS / "llama_cpp_fit.log").read_text()
    finished = Finished(code=0, output=BENCH, errors=log, process=Bytes(600), told="the driver")
    found = llama_cpp.reading(finished, "run")

    assert found.parts.weights == round(98.93 * (1 << 20))
    assert found.versions == {"llama.cpp": "7204 (0c1e570)"}
    assert (found.process, found.how) == (600, "run")


def test_running_out_of_memory_is_a_finding() -> None:
    """What it had by then is told."""
    found = llama_cpp.reading(Finished(code=1, output="", errors=FULL), "run")

    assert found.ran_out == "allocating its buffers"
    assert found.parts.weights == round(4403.49 * (1 << 20))


def test_running_out_before_the_first_buffer_is_a_finding_too() -> None:
    """The weights alone are too much: no buffer is told of."""
    errors = "ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory"
    found = llama_cpp.reading(Finished(code=1, output="", errors=errors), "run")

    assert found.ran_out
    assert found.parts.weights is None


def test_a_build_without_a_card_is_no_measurement() -> None:
    """Everything in RAM says nothing of a card."""
    log = (LOGS / "llama_bench_cpu.log").read_text()
    with pytest.raises(NoCard, match="kept everything in RAM"):
        llama_cpp.reading(Finished(code=0, output=BENCH, errors=log), "run")


def test_a_complaint_is_passed_on_in_one_line() -> None:
    """llama.cpp's own first error, not its last words."""
    errors = "build: 1\nerror loading model: unknown model architecture: 'x'\nmain: exiting\n"
    with pytest.raises(NoFigure, match="exit code 1: error loading model: unknown model arch"):
        llama_cpp.reading(Finished(code=1, output="", errors=errors), "run")


def test_too_long_says_what_to_do() -> None:
    """The option by name."""
    with pytest.raises(NoFigure, match="--timeout"):
        llama_cpp.reading(Finished(code=None, output="", errors=""), "run")


def test_a_file_without_weights_is_gone_afterwards() -> None:
    """It lies there while the program runs."""
    seen: list[Path] = []

    def start(command: Command) -> Finished:
        seen.append(Path(command.words[command.words.index("-m") + 1]))
        assert seen[0].read_bytes().startswith(b"GGUF")
        return Finished(code=0, output=BENCH, errors=(LOGS / "llama_cpp_fit.log").read_text())

    llama_cpp.run_hollow(JOB, "llama-bench", start, {}, [])
    assert not seen[0].exists()
