"""What was measured beside what was estimated: figures of real logs, and made-up runs."""

from pathlib import Path

import pytest
from msgspec import structs

from fitcheck import cards, resolve
from fitcheck.answers import measure
from fitcheck.answers.asked import Ask
from fitcheck.answers.estimate import Estimate
from fitcheck.answers.measure import MeasureAnswer
from fitcheck.catalog import Catalog, load_models
from fitcheck.errors import BadInput
from fitcheck.measure import logs
from fitcheck.measure.records import Machine, Parts, Reading
from fitcheck.render import as_table, measure_grid, measure_objects
from fitcheck.units import GIB, MIB, Bytes

LOGS = Path(__file__).parents[1] / "measure" / "engine_logs"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_models()


def from_log(catalog: Catalog, name: str, log: str, ask: Ask) -> MeasureAnswer:
    """The answer to `measure NAME --log LOG`."""
    reading = logs.read(LOGS / f"{log}.log")
    e = measure.one(resolve.subject(name, catalog), ask, reading)
    return measure.measure(e, [reading], "2026-11-21")


def llama(catalog: Catalog) -> Estimate:
    return measure.one(resolve.subject("llama-2-7b", catalog), Ask(context=4096))


def run(e: Estimate, process: int | None, ran_out: str = "") -> Reading:
    """A run of the estimate's own parts, and so much in all."""
    memory = e.memory
    return Reading(
        engine="transformers",
        how="run",
        parts=Parts(
            weights=memory.component("weights"),
            kv_cache=memory.component("kv_cache"),
            activations=memory.component("activations"),
            allocated=Bytes(memory.total.expected - memory.component("overhead")),
        ),
        process=None if process is None else Bytes(process),
        machine=Machine(card="NVIDIA A100-SXM4-80GB", total=Bytes(80 * GIB)),
        ran_out=ran_out,
    )


def test_a_published_cache_and_scratch_are_met_to_the_mib(catalog: Catalog) -> None:
    """Qwen2.5 3B in llama.cpp 4701 on an RTX 4080 SUPER: 144.00 and 300.75 MiB."""
    found = from_log(catalog, "qwen2.5-3b", "llama_cpp_2025", Ask(quants=("q4_k_m",)))
    parts = {line.name: line for line in found.lines}

    assert parts["kv_cache"].measured == 144 * MIB == parts["kv_cache"].estimated
    assert abs(parts["activations"].estimated - 300.75 * MIB) < MIB
    assert parts["weights"].measured is None


def test_a_log_says_what_it_was_started_with(catalog: Catalog) -> None:
    """llama-server with -c 1024 -np 2: two slots of 512, and logits of one token for each."""
    found = from_log(catalog, "smollm2-135m", "llama_cpp_fit", Ask(quants=("q4_k_m",)))

    assert (found.estimate.workload.context, found.estimate.workload.batch) == (512, 2)
    assert all(abs(line.error or 0) < 0.001 for line in found.lines)
    assert found.inside


def test_published_weights_in_vllm_are_met(catalog: Catalog) -> None:
    """Llama 3 8B: 14.96 GiB, as vLLM 0.6 printed."""
    found = from_log(catalog, "llama-3-8b", "vllm_v0_table", Ask())
    weights = found.lines[0]

    assert found.estimate.engine == "vllm"
    assert weights.error is not None
    assert abs(weights.error) < 0.001


def test_vllms_log_says_what_it_was_started_with(catalog: Catalog) -> None:
    """Gemma 4 31B on B300: 16,384 tokens of 217,116 in 182.37 GiB, windows of 8192 at once."""
    found = from_log(catalog, "gemma-4-31b", "vllm_one_line", Ask(quants=("bf16",)))
    cache = next(line for line in found.lines if line.name == "kv_cache")

    assert found.estimate.workload.context == 16384
    assert abs(cache.error or 1) < 0.001
    assert found.inside


def test_a_worker_of_several_stands_for_all_of_them(catalog: Catalog) -> None:
    """Qwen3 235B-A22B in FP8 on four cards: 55.19 GiB of weights on each."""
    ask = Ask(quants=("fp8",), context=32768, settings={"tensor_parallel_size": "4"})
    found = from_log(catalog, "qwen3-235b-a22b", "vllm_consumed", ask)
    parts = {line.name: line for line in found.lines}

    assert parts["weights"].measured == pytest.approx(4 * 55.19 * GIB, rel=1e-6)
    assert abs(parts["weights"].error or 1) < 0.002
    assert abs(parts["kv_cache"].error or 1) < 0.002


def test_vllms_cache_compares_by_the_token(catalog: Catalog) -> None:
    """It takes all that is left; without a number of tokens nothing is known."""
    without = from_log(catalog, "llama-3-8b", "vllm_v0_table", Ask())
    some = logs.read(LOGS / "vllm_v0_table.log")
    e = measure.one(resolve.subject("llama-3-8b", catalog), Ask(context=8192), some)
    held = structs.replace(some, tokens=int(53.29 * GIB) // (128 * 1024))
    known = measure.measure(e, [held], "2026-11-21")

    assert without.lines[1].measured is None
    assert (without.inside, without.exit_code) == (None, 0)
    assert abs((known.lines[1].measured or 0) - GIB) < MIB


def test_a_process_inside_the_range_is_a_yes(catalog: Catalog) -> None:
    """Held to the whole estimate, overhead and all."""
    e = llama(catalog)
    found = measure.measure(e, [run(e, e.memory.total.expected)], "2026-11-21")

    assert (found.inside, found.exit_code, found.error) == (True, 0, 0.0)
    assert found.row.figure == "process"
    overhead = found.lines[-1]
    assert (overhead.name, overhead.measured) == ("overhead", overhead.estimated)


def test_what_an_engine_does_not_say_of_the_card_is_added(catalog: Catalog) -> None:
    """llama.cpp names no driver and no memory; both belong to the row."""
    e = llama(catalog)
    card = cards.machine("3090").cards[0]
    silent = structs.replace(run(e, 17 * GIB), machine=Machine(card="RTX 3090"))
    machine = measure.measure(e, [silent], "2026-11-21", card, "580.65").row.reading.machine

    assert (machine.card, machine.driver) == ("RTX 3090", "580.65")
    assert (machine.architecture, machine.total) == ("8.6", card.total)


def test_a_process_outside_the_range_is_a_no(catalog: Catalog) -> None:
    """A quarter more than was expected."""
    e = llama(catalog)
    much = int(e.memory.total.expected * 1.25)
    found = measure.measure(e, [run(e, much)], "2026-11-21")

    assert (found.inside, found.exit_code) == (False, 1)
    assert found.error == pytest.approx(-0.2)
    assert "OUTSIDE" in measure_grid.verdict(found)


def test_the_most_of_several_runs_counts(catalog: Catalog) -> None:
    """What it may take once it may take again."""
    e = llama(catalog)
    sizes = [e.memory.total.expected + n * MIB for n in (0, 20, 4)]
    found = measure.measure(e, [run(e, size) for size in sizes], "2026-11-21")

    assert (found.figure, found.row.spread) == (sizes[1], 20 * MIB)


def test_without_the_driver_the_engines_own_count_is_held(catalog: Catalog) -> None:
    """Overhead is then on neither side."""
    e = llama(catalog)
    found = measure.measure(e, [run(e, None)], "2026-11-21")

    assert found.row.figure == "allocated"
    assert found.error == 0.0
    assert all(line.name != "overhead" for line in found.lines)
    assert 0 < found.total.low <= found.total.expected <= found.total.high


@pytest.mark.parametrize(("total", "inside"), [(16 * GIB, True), (80 * GIB, False)])
def test_running_out_is_held_to_the_estimate(catalog: Catalog, total: int, inside: bool) -> None:
    """It may, where the range reaches beyond the card; 15.8 GiB and more are expected here."""
    e = llama(catalog)
    full = run(e, None, ran_out="generating")
    full = structs.replace(full, machine=Machine(total=Bytes(total)))
    found = measure.measure(e, [full], "2026-11-21")

    assert (found.inside, found.figure) == (inside, None)
    assert any(note.startswith("memory ran out while generating") for note in found.notes)


def test_an_older_transformers_is_estimated_as_what_it_is(catalog: Catalog) -> None:
    """Before 4.45 all positions' logits were kept, in 32 bits: 32000 * 4 * 4096 bytes more."""
    e = llama(catalog)
    old = structs.replace(run(e, None), versions={"transformers": "4.38.2"})
    found = measure.measure(e, [old], "2026-11-21")

    more = found.estimate.memory.component("activations") - e.memory.component("activations")
    assert more >= 32000 * 4 * 4096 - 300 * MIB


def test_several_schemes_are_one_too_many(catalog: Catalog) -> None:
    """A run loads one model."""
    subject = resolve.subject("llama-2-7b", catalog)
    with pytest.raises(BadInput, match="one scheme at a time, not fp16, bnb-nf4"):
        measure.one(subject, Ask(quants=("fp16", "bnb-nf4")))


def test_only_what_was_measured_here_is_kept(catalog: Catalog) -> None:
    """Neither a log of who knows whom, nor a run without a figure."""
    e = llama(catalog)
    good = measure.measure(e, [run(e, 17 * GIB)], "2026-11-21")
    full = measure.measure(e, [run(e, None, ran_out="generating")], "2026-11-21")
    log = from_log(catalog, "llama-3-8b", "vllm_v0_table", Ask())

    assert measure.kept(good).runs == (17 * GIB,)
    with pytest.raises(BadInput, match="another machine's"):
        measure.kept(log)
    with pytest.raises(BadInput, match="ran out"):
        measure.kept(full)


def test_the_table_shows_both_and_how_far_they_lie_apart(catalog: Catalog) -> None:
    """A line for each component, the sum, and the verdict in words."""
    found = from_log(catalog, "smollm2-135m", "llama_cpp_fit", Ask(quants=("q4_k_m",)))
    lines = as_table.draw(measure_grid.grid(found), 100, colour=False).splitlines()

    assert lines[0] == (
        "SmolLM2 135M, q4_k_m in llama.cpp, context 512, prompt 512, batch 2; "
        "from a log on Stub GPU"
    )
    assert [line.split() for line in lines[4:6]] == [
        ["weights", "99", "MiB", "99", "MiB", "0.0%"],
        ["KV", "cache", "22", "MiB", "22", "MiB", "0.0%"],
    ]
    assert any(line.startswith("inside the estimate's range") for line in lines)


def test_the_object_is_what_programs_are_promised(catalog: Catalog) -> None:
    """Bytes, shares, and null for what nobody told."""
    found = from_log(catalog, "qwen2.5-3b", "llama_cpp_2025", Ask(quants=("q4_k_m",)))
    told = measure_objects.answer(found)

    assert told["schema"] == "fitcheck.measure/1"
    assert told["memory"]["kv_cache"] == {
        "estimated": 144 * MIB, "measured": 144 * MIB, "error": 0.0,
    }  # fmt: skip
    assert told["memory"]["weights"]["measured"] is None
    assert (told["how"], told["inside"], told["process"]) == ("log", None, None)
    assert told["memory"]["total"].keys() == {"low", "estimated", "high", "measured", "error"}
