"""What engines write about their memory, read from lines that they really wrote."""

from pathlib import Path

import pytest

from fitcheck.errors import BadInput
from fitcheck.measure import logs
from fitcheck.measure.records import Reading
from fitcheck.units import Bytes

LOGS = Path(__file__).parent / "engine_logs"


def read(name: str) -> Reading:
    """The reading of a capture."""
    return logs.read(LOGS / f"{name}.log")


def mib(size: float) -> Bytes:
    return Bytes(round(size * (1 << 20)))


def gib(size: float) -> Bytes:
    return Bytes(round(size * (1 << 30)))


def test_a_log_of_2024_has_weights_cache_and_scratch_of_the_card() -> None:
    """`buffer size` alone is a model's; CPU and CUDA_Host are RAM."""
    found = read("llama_cpp_2024")

    assert found.parts.weights == mib(7317.71)
    assert found.parts.kv_cache == mib(180)
    assert found.parts.activations == mib(105)
    assert found.parts.host == mib(297) + mib(0.19)
    assert (found.machine.card, found.machine.architecture) == ("NVIDIA GeForce RTX 4080", "8.9")
    assert found.started["n_ctx"] == "512"


def test_two_cards_are_added_up_and_said() -> None:
    """The estimate is of the whole model too."""
    found = read("llama_cpp_two_cards")

    assert found.parts.weights == mib(5434.38) + mib(13989.53)
    assert found.parts.kv_cache == mib(1536) + mib(3584)
    assert found.notes == ("the log is of 2 cards, and these are their sums",)


def test_lines_behind_a_prefix_count() -> None:
    """LLamaSharp and journald put their own words before llama.cpp's."""
    found = read("llama_cpp_2025")

    assert (found.parts.kv_cache, found.parts.activations) == (mib(144), mib(300.75))


def test_what_no_line_tells_is_unknown_and_not_zero() -> None:
    """The capture begins after the weights were loaded."""
    found = read("llama_cpp_2025")

    assert found.parts.weights is None
    assert found.parts.allocated is None


def test_a_trial_without_memory_is_not_counted() -> None:
    """llama-server of 2026 loads a model twice: first to see what fits, with buffers of nothing."""
    found = read("llama_cpp_fit")

    assert found.parts.weights == mib(98.93)
    assert found.parts.kv_cache == mib(22.5)
    assert found.parts.activations == mib(12.88)
    assert found.versions == {"llama.cpp": "1 (0c1e570)"}
    assert found.started["n_outputs_max"] == "2"


def test_a_build_for_the_cpu_has_nothing_on_a_card() -> None:
    """CPU_Mapped and CPU_REPACK are RAM as well."""
    found = read("llama_bench_cpu")

    assert found.parts.allocated == 0
    assert found.parts.host == sum(map(mib, (91.27, 7.59, 0.19, 5.62, 49.13)))


def test_a_buffer_that_is_reported_again_at_the_end_counts_once() -> None:
    """`compute buffer size is 49.1260 MiB, matches expectation` is no second buffer."""
    text = (LOGS / "llama_bench_cpu.log").read_text()

    assert "matches expectation" in text
    assert text.count("compute buffer size") == 2


def test_two_caches_on_one_device_are_added() -> None:
    """A model with windows has one for them and one for the rest (llama-kv-cache-iswa.cpp)."""
    text = "llama_kv_cache: CUDA0 KV buffer size = 64.00 MiB\n" * 2
    found = logs.llama_cpp(text)

    assert found is not None
    assert found.parts.kv_cache == mib(128)


def test_colours_do_not_hide_a_line() -> None:
    """llama.cpp colours its log on terminals, and people paste it so."""
    text = "\x1b[34m0.00.6\x1b[0m \x1b[32mI \x1b[0mload_tensors: CUDA0 model buffer size = 1.00 MiB"
    found = logs.parse(text)

    assert found is not None
    assert found.parts.weights == mib(1)


def test_ollamas_own_engine_tells_its_sizes_rounded() -> None:
    """And the capture begins after the weights."""
    found = read("ollama")

    assert found.engine == "ollama"
    assert (found.parts.kv_cache, found.parts.activations) == (mib(936), mib(98))
    assert found.parts.host == mib(8)
    assert found.parts.weights is None


def test_of_several_loads_ollamas_last_counts() -> None:
    """Its log goes on for days."""
    first = 'msg="kv cache" device=CUDA0 size="1.0 GiB"\nmsg="total memory" size="5.4 GiB"\n'
    last = 'msg="model weights" device=CUDA0 size="2.0 GiB"\nmsg="total memory" size="2.0 GiB"\n'
    found = logs.ollama(first + last)

    assert found is not None
    assert (found.parts.weights, found.parts.kv_cache) == (gib(2), None)


def test_a_load_that_has_only_begun_tells_nothing_yet() -> None:
    """The buffers before it are another model's."""
    with pytest.raises(BadInput, match=r"no line of llama\.cpp's, Ollama's or vLLM's"):
        read("ollama_runner")


def test_vllms_table_of_2024_is_read() -> None:
    """vLLM 0.6 wrote a line for each figure."""
    found = read("vllm_v0_table")

    assert found.engine == "vllm"
    assert (found.parts.weights, found.parts.activations) == (gib(14.96), gib(1.26))
    assert found.parts.kv_cache == gib(53.29)
    assert found.machine.total == gib(79.22)


def test_vllms_one_line_is_read_for_one_worker() -> None:
    """Every worker writes its own, and they are alike."""
    found = read("vllm_v0_line")

    assert (found.parts.weights, found.parts.kv_cache) == (gib(21.21), gib(1.57))
    assert found.notes[0].startswith("the log is that of 2 workers")


def test_vllm_v1_says_how_many_tokens_its_cache_holds() -> None:
    """The cache is all that is left, so that only bytes for a token compare."""
    found = read("vllm_v1")

    assert (found.parts.kv_cache, found.tokens) == (gib(2.30), 75840)


def test_vllm_v1_says_what_loading_took() -> None:
    """`Loading weights took 24.84 seconds` is a time."""
    assert read("vllm_v1_loading").parts.weights == gib(12.66)


def test_vllms_summary_after_its_graphs_is_read() -> None:
    """0.10 to 0.26: one line tells of weights, activations and what is not torch's."""
    found = read("vllm_one_line")

    assert (found.parts.weights, found.parts.activations) == (gib(58.99), gib(3.9))
    assert (found.machine.total, found.versions) == (gib(267.69), {"vllm": "0.26.0"})
    assert found.started["max_seq_len"] == "16384"
    assert found.started["max_num_batched_tokens"] == "8192"


def test_what_vllm_consumed_is_weights_and_the_rest() -> None:
    """0.27 on: 56.89 GiB, of which 55.19 were loaded."""
    found = read("vllm_consumed")

    assert (found.parts.weights, found.parts.activations) == (gib(55.19), gib(0.76))
    assert (found.parts.kv_cache, found.tokens) == (gib(27.85), 621392)
    assert any(note.startswith("beside torch's count: 2.02 GiB") for note in found.notes)


def test_a_file_that_is_no_log_is_named_in_one_line(tmp_path: Path) -> None:
    """Binary or missing alike."""
    odd = tmp_path / "odd.log"
    odd.write_bytes(bytes(range(256)) * 4)

    for path in (odd, tmp_path / "none.log"):
        with pytest.raises(BadInput) as caught:
            logs.read(path)
        assert str(path) in str(caught.value)
