"""What vLLM printed of itself, in logs of 0.6 to 0.31."""

import sys
from importlib import import_module
from pathlib import Path

import pytest
from measured_vllm_logs import Log, logs

from fitcheck.engines.vllm import residuals

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))

LOGS = {log.row["id"]: log for log in logs()}
HYBRIDS = ("qwen3.5-4b", "qwen3.8-27b-rocm")


def test_two_dozen_starts_and_more_are_held_against_us() -> None:
    """Each row prints something, and names where."""
    assert len(LOGS) > 50
    assert all(log.row["source"] and log.row["version"] for log in LOGS.values())


@pytest.mark.parametrize("name", HYBRIDS)
def test_hybrid_pools_of_earlier_versions_had_two_blocks_of_states(name: str) -> None:
    """0.27 and 0.29: ours of 0.33 keeps a third, for a checkpoint of the prefill.

    What is left is the block: 528 tokens in the log of 0.29, 576 in 0.33.
    """
    log = LOGS[name]

    assert log.tokens_then() == pytest.approx(int(log.row["capacity"]), rel=0.005)


def test_windows_of_earlier_versions_saw_one_step_on_its_way() -> None:
    """Gemma 4 E4B in 0.22.1, before steps overlapped in the count."""
    log = LOGS["gemma-4-e4b"]

    assert log.tokens_then(steps=1) == pytest.approx(int(log.row["capacity"]), rel=0.003)


DENSE = [
    log
    for log in LOGS.values()
    if log.told and log.row["activations"] and not log.held.model.towers
    if log.row["id"] not in ("qwen3-235b-pro6000", "qwen2.5-0.5b-92")
]


@pytest.mark.parametrize("log", DENSE, ids=lambda log: log.row["id"])
def test_the_profiling_run_follows_its_rule_in_every_version(log: Log) -> None:
    """Under the sampler of then. Left out: one that differs from its own twin, and experts in fp8,
    whose kernels have a smaller workspace than Triton's."""
    assert log.profiled == pytest.approx(log.size("activations"), rel=0.06)


def test_residuals_are_what_the_program_makes_of_the_logs() -> None:
    """benchmarks/fit_vllm.py --write was run since the table changed."""
    numbers, _ = import_module("fit_vllm").residuals(list(logs()))

    assert all(getattr(residuals, name) == value for name, value in numbers.items())
