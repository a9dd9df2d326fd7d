"""`fitcheck plan`: what it prints, and that `check` says the same."""

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]

SAME = ("verdict", "headroom")
SOLVED = ("max_context", "max_batch")


def test_every_way_has_a_line_of_its_own_within_80_columns(fitcheck: Run) -> None:
    """So many ways as JSON has, in aligned columns."""
    done = fitcheck("plan", "llama-3.3-70b", "--quant", "bnb-nf4")
    ways = fitcheck("plan", "llama-3.3-70b", "--quant", "bnb-nf4", "--json").json["ways"]
    lines = done.out.splitlines()
    table = lines[next(i for i, line in enumerate(lines) if "$/H" in line) + 2 :]

    assert max(map(len, lines)) <= 80
    assert len(table) == len(ways)


def test_nothing_is_said_of_names_that_nobody_typed(fitcheck: Run) -> None:
    """Cards are planned for that the user did not name; `a100` is one that he did."""
    assert fitcheck("plan", "llama-3.1-8b").err == ""
    assert "may be" in fitcheck("plan", "llama-3.1-8b", "--gpu", "a100").err


def test_what_is_beyond_a_budget_leaves_no_empty_table(fitcheck: Run) -> None:
    """Nothing is had for ten cents: one sentence, and the exit code of a no."""
    done = fitcheck("plan", "gpt-3", "--budget", "0.1")

    assert done.code == 1
    assert "\n\n\n" not in done.out
    assert "within $0.1 an hour, on demand: nothing runs it" in done.out


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("llama-3.3-70b", ("--engine", "llama.cpp", "--quant", "q4_k_m")),
        ("qwen2.5-32b", ("--quant", "bnb-int8")),
        ("deepseek-v3", ("--engine", "vllm")),
    ],
)
def test_check_agrees_with_every_way(fitcheck: Run, model: str, options: tuple[str, ...]) -> None:
    """The same verdict and headroom on the machine that the way names.

    The longest context and the most sequences too, or more: `check` of one machine also looks for
    what the cards hold if llama.cpp is told where layers go.
    """
    for way in fitcheck("plan", model, *options, "--json").json["ways"]:
        if way["kind"] == "offload":
            continue
        name = way["machine"].partition(" (")[0].removesuffix(" card")
        words = dict.fromkeys((*options, "--quant", way["quantization"]))
        (found,) = fitcheck("check", model, *words, "--gpu", name, "--json").json["results"]
        fit = found["fit"]

        assert [fit[key] for key in SAME] == [way[key] for key in SAME], name
        assert all(fit[key] >= way[key] for key in SOLVED), name
        if "llama.cpp" not in options:
            assert [fit[key] for key in SOLVED] == [way[key] for key in SOLVED], name


def test_the_same_reason_is_told_once(fitcheck: Run) -> None:
    """vLLM runs nothing on Apple's chips, in whatever precision."""
    out = fitcheck("check", "llama-3.1-8b", "--gpu", "m4 max 64gb", "--engine", "vllm").out

    assert out.count("is none") == 1
    assert "llama-3.1-8b fp16, fp8, awq-int4: vllm runs on cards of" in " ".join(out.split())


def test_a_sheet_within_a_budget_has_what_it_buys(fitcheck: Run) -> None:
    """As the table: rented machines and their prices, no cards to buy."""
    out = fitcheck("plan", "llama-3.1-8b", "--budget", "1", "--format", "csv").out
    heading, *rows = out.splitlines()

    assert "price_usd_hour" in heading
    assert rows
    assert all(row.startswith("cloud,") for row in rows)
