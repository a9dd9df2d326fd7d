"""What the solvers say, `check` says: over models, engines, cards and workloads drawn by number."""

import random
from typing import Any

import msgspec
import pytest

from fitcheck import cards, resolve
from fitcheck.answers.asked import Ask
from fitcheck.answers.check import check
from fitcheck.cards import supposed
from fitcheck.catalog import load_models
from fitcheck.errors import FitcheckError
from fitcheck.fit import Fit, Solve
from fitcheck.machine import Machine
from fitcheck.resolve import Subject
from fitcheck.units import GIB, Bytes

CARDS = (
    "6GB", "8GB", "3060 12gb", "3090", "4090", "l40s", "a100-80gb", "h200", "mi300x", "t4", "l4",
    "7900 xtx", "m4 max 64gb",
)  # fmt: skip
SCHEMES = {
    "transformers": ("fp16", "bnb-int8", "bnb-nf4", "gptq-int4"),
    "llama.cpp": ("q4_k_m", "q8_0", "fp16"),
    "ollama": ("q4_k_m",),
    "vllm": ("bf16", "fp8", "awq-int4"),
}
MODELS = (
    "llama-3.1-8b", "qwen2.5-32b", "mixtral-8x7b", "gemma-3-12b", "deepseek-v2-lite", "gpt2-xl",
    "qwen3-30b-a3b", "chatglm3-6b", "nemotron-nano-9b-v2", "llama-3.3-70b", "phi-4",
)  # fmt: skip


class Case(msgspec.Struct, frozen=True):
    """A question, as a person might put it."""

    subject: Subject
    machine: Machine
    ask: Ask

    def fit(self, solve: Solve = "verdict", **other: Any) -> Fit | None:  # noqa: ANN401  (of Ask)
        """How `check` finds it, with other options; None where the engine cannot be asked that."""
        ask = msgspec.structs.replace(self.ask, **other)
        try:
            row = check((self.subject,), self.machine, ask, named=True, solve=solve).rows[0]
        except FitcheckError:
            return None
        return row.estimates[0].fit if row.estimates else None

    def verdict(self, **other: Any) -> str:  # noqa: ANN401  (of Ask)
        """The verdict alone; `none` where there is none."""
        found = self.fit(**other)
        return found.verdict if found else "none"


def drawn(number: int) -> Case:
    """The same for the same number: one card or several, alike or not, some with memory kept."""
    draw = random.Random(number)
    engine = draw.choice(list(SCHEMES))
    count = draw.choice((1, 1, 2, 3, 4))
    alike = [draw.choice(CARDS)] * count
    mixed = [draw.choice(CARDS) for _ in range(count)]
    machine = cards.machine(",".join(draw.choice((alike, mixed))))
    if draw.random() < 0.25:
        machine = supposed.keeping(machine, Bytes(GIB))
    ask = Ask(
        engine=engine,
        quants=(draw.choice(SCHEMES[engine]),),
        context=draw.choice((None, 1000, 4096, 20000)),
        prompt=draw.choice((None, None, 256)),
        batch=draw.choice((1, 1, 2, 8)),
        strict=draw.random() < 0.2,
    )
    return Case(resolve.subject(draw.choice(MODELS), load_models()), machine, ask)


@pytest.mark.parametrize("number", range(40))
def test_one_token_and_one_sequence_more_are_no_yes(number: int) -> None:
    """The longest context and the largest batch hold, and the next does not."""
    case = drawn(number)
    found = case.fit("all")
    assert case.subject.model is not None
    limit = case.subject.model.context_length or 0
    if found is None:
        return
    if found.max_context_sure:
        assert case.verdict(context=found.max_context_sure) == "fits"
        if found.max_context_sure < limit:
            assert case.verdict(context=found.max_context_sure + 1) != "fits"
    if found.max_context and not case.ask.strict:
        assert case.verdict(context=found.max_context) in ("fits", "tight")
        if found.max_context < limit:
            assert case.verdict(context=found.max_context + 1) not in ("fits", "tight")
    if found.max_batch and found.verdict in ("fits", "tight"):
        yes = ("fits",) if case.ask.strict else ("fits", "tight")
        assert case.verdict(batch=found.max_batch) in yes
        assert case.verdict(batch=found.max_batch + 1) not in yes
    if found.offload is not None:
        ram = Bytes(found.offload.host + 2 * GIB)
        assert case.verdict(ram=ram, allow_offload=True) in ("offload", "short")
