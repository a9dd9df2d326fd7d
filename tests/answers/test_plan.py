"""Which scheme does best on one machine, and which cards run a model: as `check` has it."""

import pytest

from fitcheck import cards, resolve
from fitcheck.answers.asked import Ask
from fitcheck.answers.check import check
from fitcheck.answers.plan import LADDERS, PlanAnswer, plan
from fitcheck.catalog import load_models
from fitcheck.engines import ENGINES
from fitcheck.quantization import SCHEMES
from fitcheck.units import GIB, Bytes


def planned(model: str, *gpus: str, **asked: object) -> PlanAnswer:
    """The answer for models and cards by name."""
    subject = resolve.subject(model, load_models())
    return plan(subject, tuple(cards.machine(gpu) for gpu in gpus), Ask(**asked))  # type: ignore[arg-type]


def verdict(answer: PlanAnswer, quant: str) -> str:
    """What `check` says of that scheme on the same machine."""
    engine = answer.options[0].row.estimates[0].engine
    ask = Ask(engine=engine, quants=(quant,), ram=answer.ask.ram)
    machine = answer.options[0].machine
    return check((answer.subject,), machine, ask, named=True, solve="table").rows[0].verdict


@pytest.mark.parametrize(
    ("model", "gpu", "engine"),
    [
        ("mixtral-8x7b", "3090", "llama.cpp"),
        ("qwen2.5-32b", "3090", "llama.cpp"),
        ("gemma-2-27b", "3090", "lmstudio"),
        ("qwen2.5-14b", "3090", "transformers"),
        ("qwen2.5-32b", "a100-40gb", "vllm"),
    ],
)
def test_the_best_scheme_is_a_yes_and_the_one_with_more_bits_is_not(
    model: str, gpu: str, engine: str
) -> None:
    """`check` agrees at that scheme and disagrees one further, and all above it."""
    answer = planned(model, gpu, engine=engine)
    rungs = [e.scheme.name for e in answer.options[0].row.estimates]
    assert answer.best is not None
    best = rungs.index(answer.best.scheme.name)

    assert best > 0
    assert verdict(answer, rungs[best]) in ("fits", "tight")
    assert {verdict(answer, rung) for rung in rungs[:best]} <= {"no", "short"}


def test_schemes_go_from_most_to_fewest_bits() -> None:
    """By the size of the model's own file, not by the name's number."""
    estimates = planned("llama-3.1-8b", "3090", engine="llama.cpp").options[0].row.estimates
    sizes = [e.file_bytes for e in estimates]

    assert [e.scheme.name for e in estimates] == list(LADDERS["llama.cpp"])
    assert sizes == sorted(sizes, reverse=True)


def test_a_card_is_not_offered_what_it_cannot_run() -> None:
    """An RTX 3090 has no FP8 units for transformers, an H100 has."""
    names = {
        gpu: {e.scheme.name for e in planned("qwen2.5-7b", gpu).options[0].row.estimates}
        for gpu in ("3090", "h100")
    }

    assert names["h100"] - names["3090"] == {"fp8"}


def test_what_is_published_packed_is_offered_as_it_is() -> None:
    """gpt-oss is MXFP4, and nothing else is made of it."""
    answer = planned("gpt-oss-20b", "h100")

    assert [e.scheme.name for e in answer.options[0].row.estimates] == ["mxfp4"]


def test_what_was_asked_for_is_not_widened() -> None:
    """--quant and --precision say which schemes."""
    answer = planned("qwen2.5-7b", "3090", engine="llama.cpp", quants=("q4_0", "q8_0"))

    assert [e.scheme.name for e in answer.options[0].row.estimates] == ["q8_0", "q4_0"]


def test_ram_makes_offload_the_last_resort() -> None:
    """With 64 GB of it, Q8_0 runs in part, and nothing is `best` unasked."""
    quants, ram = ("fp16", "q8_0", "q4_k_m"), Bytes(64 * GIB)
    engine = "llama.cpp"
    asked = planned(
        "llama-3.1-70b", "3090", engine=engine, quants=quants, ram=ram, allow_offload=True
    )
    unasked = planned("llama-3.1-70b", "3090", engine=engine, quants=("q8_0",), ram=ram)

    assert unasked.best is None
    assert asked.best is not None
    assert asked.best.scheme.name == "q8_0"
    assert verdict(asked, "q8_0") == "offload"
    assert verdict(asked, "fp16") == "no"


def test_several_cards_are_held_against_the_columns_of_check() -> None:
    """Cards down, precisions across, no best among them."""
    answer = planned("llama-3.1-8b", "3090", "6GB")

    assert not answer.by_scheme
    assert answer.best is None
    assert [e.column for e in answer.options[0].row.estimates] == ["fp16", "int8", "int4"]


def test_nothing_that_runs_anywhere_is_exit_code_1() -> None:
    """No number of cards runs FP8 where there are no units; a 70B model needs two."""
    assert planned("llama-3.1-70b", "3090", quants=("fp8",)).exit_code == 1
    assert planned("llama-3.1-70b", "3090", quants=("gptq-int4",)).exit_code == 0


@pytest.mark.parametrize("engine", sorted(LADDERS))
def test_every_rung_is_a_scheme_of_its_engine(engine: str) -> None:
    """A name that is not known would be passed over in silence."""
    runs = engine if engine in ("transformers", "vllm") else "llama.cpp"

    assert engine in ENGINES
    assert all(runs in SCHEMES[name].engines for name in LADDERS[engine])
