"""`fitcheck upgrade`: what is typed, and what programs read."""

from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_json_has_what_each_card_opens(fitcheck: Run) -> None:
    """Counts of each kind, and the models named, before and after."""
    said = fitcheck(
        "upgrade",
        "--from",
        "rtx-3060-8gb",
        "--to",
        "3090",
        "--to",
        "5090",
        "llama-3.1-8b",
        "--json",
    ).json

    assert said["schema"] == "fitcheck.upgrade/1"
    assert [target["machine"] for target in said["to"]] == ["RTX 3090", "RTX 5090"]
    assert said["to"][0]["opens"]["precision"] == 1
    (model,) = said["to"][0]["models"]
    assert (model["before"]["precision"], model["after"]["precision"]) == ("int4", "fp16")


def test_without_models_the_table_is_of_what_newly_runs_or_runs_in_more_bits(fitcheck: Run) -> None:
    """And the rest is counted below it."""
    said = fitcheck("upgrade", "--from", "8GB", "--to", "24GB", "--family", "llama").out

    assert "new" in said
    assert "run in more bits" in said
    assert "llama-3.1-405b" not in said


def test_no_card_to_move_to_is_a_wrong_question(fitcheck: Run) -> None:
    """In one line."""
    ran = fitcheck("upgrade", "--from", "3060")

    assert ran.code == 2
    assert "--to" in ran.err
