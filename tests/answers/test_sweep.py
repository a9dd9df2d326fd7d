"""Memory by context: the same as `check` at every point, and the edges where the card ends."""

import pytest

from fitcheck import cards, resolve
from fitcheck.answers.asked import Ask
from fitcheck.answers.check import check
from fitcheck.answers.estimate import estimate
from fitcheck.answers.sweep import SweepAnswer, sweep
from fitcheck.catalog import load_models
from fitcheck.errors import BadInput


def swept(model: str, *gpus: str, contexts: tuple[int, ...] = (), **asked: object) -> SweepAnswer:
    """The answer for a model and cards by name."""
    subject = resolve.subject(model, load_models())
    ask = Ask(**asked)  # type: ignore[arg-type]
    return sweep(subject, tuple(cards.machine(gpu) for gpu in gpus), ask, contexts)


def test_contexts_are_powers_of_two_to_the_models_limit() -> None:
    """GPT-J was made for 2,048 tokens, Llama 3.1 for 131,072."""
    assert swept("gpt4all-j").contexts == (1024, 2048)
    assert swept("llama-3.1-8b").contexts == tuple(1024 << n for n in range(8))


def test_the_exact_longest_contexts_are_among_them() -> None:
    """The last token that goes in is a row, and what lies beyond is none."""
    (series,) = swept("llama-3.1-8b", "3090", quants=("fp16",)).series
    verdicts = {p.context: p.verdict for p in series.points}

    assert series.max_context_sure is not None
    assert series.max_context is not None
    assert verdicts[series.max_context_sure] == "fits"
    assert verdicts[series.max_context] == "tight"
    assert {v for c, v in verdicts.items() if c > series.max_context} == {"no"}


def test_a_card_without_bf16_is_swept_in_what_the_engine_takes_there() -> None:
    """vLLM's --dtype auto is fp16 on Turing, as `check` has it."""
    (series,) = swept("llama-3.1-8b", "2xt4", engine="vllm", precisions=("fp16",)).series

    assert series.scheme.name == "fp16"
    assert {p.context: p.verdict for p in series.points}[4096] == "fits"


@pytest.mark.parametrize(
    ("engine", "quant"), [("transformers", "bnb-nf4"), ("llama.cpp", "q8_0"), ("vllm", "awq-int4")]
)
def test_check_says_the_same_at_every_point_and_no_one_further(engine: str, quant: str) -> None:
    """Verdict and bytes, at 8,192 tokens and around the longest."""
    (series,) = swept("llama-3.1-8b", "12GB", engine=engine, quants=(quant,)).series
    longest = series.max_context
    assert longest is not None
    asked = (1024, 8192, longest, longest + 1)
    (again,) = swept("llama-3.1-8b", "12GB", engine=engine, quants=(quant,), contexts=asked).series

    subject = resolve.subject("llama-3.1-8b", load_models())
    for point in again.points:
        ask = Ask(engine=engine, quants=(quant,), context=point.context)
        answer = check((subject,), cards.machine("12GB"), ask, named=True, solve="table")
        (estimated,) = answer.rows[0].estimates
        assert estimated.fit is not None
        assert (estimated.fit.verdict, estimated.memory.total) == (
            point.verdict,
            point.memory.total,
        )
    assert [p.verdict in ("fits", "tight") for p in again.points] == [True, True, True, False]


def test_without_a_card_it_is_the_estimate() -> None:
    """No verdict, the same bytes."""
    (series,) = swept("llama-2-7b", quants=("fp16",), contexts=(4096,)).series
    (estimated,) = estimate(
        resolve.subject("llama-2-7b", load_models()), Ask(quants=("fp16",), context=4096)
    )

    assert series.points[0].verdict is None
    assert series.points[0].memory == estimated.memory


def test_more_context_never_takes_less() -> None:
    """Along every series, on one card."""
    for series in swept("gemma-2-9b", "3090").series:
        totals = [p.memory.total.expected for p in series.points]
        assert totals == sorted(totals)


def test_a_model_of_which_nothing_is_known_is_one_line() -> None:
    """Nothing can be counted of a closed model."""
    closed = resolve.Subject(id="closed", name="Closed", source="catalog", model=None)

    with pytest.raises(BadInput, match="not published"):
        sweep(closed, (), Ask())
