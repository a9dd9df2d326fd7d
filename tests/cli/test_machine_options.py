"""--machine, --reserve and --assume-empty, on every command that takes --gpu."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fitcheck.units import GIB, MIB

Run = Callable[..., Any]

CAPTURES = Path(__file__).parents[1] / "captures"
BUSY = str(CAPTURES / "nvidia-smi-table_rtx2080super_windows_610.txt")
COMMANDS = ("check", "compare", "plan", "sweep")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_described_machine_can_be_asked_about(fitcheck: Run, command: str) -> None:
    """With what is supposed of it in the header and in the machine object."""
    words = (command, "gpt2", "--machine", BUSY, "--reserve", "1GB", "--assume-empty")
    ran = fitcheck(*words, "--json")
    told = ran.json.get("machine") or ran.json["machines"][0]
    told = told.get("machine", told)

    assert (told["assumed_empty"], told["kept_free"]) == (True, GIB)
    assert told["cards"][0]["usable"] == 8162115584 - GIB
    assert "0.8 GiB of NVIDIA GeForce RTX 2080 ... in use is not counted" in ran.err
    table = " ".join(fitcheck(*words).out.split())
    assert "as if nothing else ran, 1.0 GiB of each card kept free" in table


@pytest.mark.parametrize("command", [*COMMANDS, "detect"])
def test_a_machine_may_come_through_a_pipe(
    fitcheck: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ssh box nvidia-smi | fitcheck check --machine -`."""
    data = io.BytesIO(Path(BUSY).read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data))
    ran = fitcheck(command, *(() if command == "detect" else ("gpt2",)), "--machine", "-")

    assert (ran.code, "RTX 2080" in ran.out) == (0, True), ran.err


def test_what_is_in_use_is_counted_unless_it_is_assumed_away(fitcheck: Run) -> None:
    """797 MiB of them."""
    usable = [
        fitcheck("check", "gpt2", "--machine", BUSY, *more, "--json").json["machine"]["cards"][0]
        for more in ((), ("--assume-empty",))
    ]

    assert usable[1]["usable"] - usable[0]["usable"] == 797 * MIB


def test_compare_puts_a_described_machine_beside_named_ones(fitcheck: Run) -> None:
    found = fitcheck("compare", "gpt2", "--gpu", "3090", "--machine", BUSY, "--json").json

    assert [m["machine"]["cards"][0]["id"] for m in found["machines"]] == [
        "rtx-3090",
        "rtx-2080-super",
    ]


def test_an_instance_of_a_cloud_is_a_machine(fitcheck: Run) -> None:
    """Four A10G and 192 GiB."""
    told = fitcheck("check", "gpt2", "--gpu", "aws:g5.12xlarge", "--json").json["machine"]

    assert (len(told["cards"]), told["ram_total"]) == (4, 192 * GIB)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--gpu", "3090", "--reserve", "30GB"), "leaves nothing of RTX 3090"),
        (("--gpu", "3090", "--reserve", "much"), "is no amount of memory"),
        (("--gpu", "aws:g5.13xlarge"), "did you mean aws:g5.12xlarge or"),
        (("--machine", "/nonexistent"), "cannot read /nonexistent"),
        (("--machine", __file__), "is not what a tool prints"),
        (("--gpu", "3090", "--machine", BUSY), "give one of them"),
    ],
)
def test_a_wrong_machine_is_one_line(fitcheck: Run, words: tuple[str, ...], says: str) -> None:
    ran = fitcheck("check", "gpt2", *words)

    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


def test_nodes_are_stages_of_vllm_and_of_nothing_else(fitcheck: Run) -> None:
    """`--nodes 2` is `2x8xh100`; transformers is counted on one machine."""
    words = ("check", "llama-3.1-405b", "--engine", "vllm", "--precision", "fp16", "--json")
    both = [
        fitcheck(*words, "--gpu", "8xh100-sxm", "--nodes", "2").json,
        fitcheck(*words, "--gpu", "2x8xh100-sxm").json,
    ]
    fits = [said["results"][0]["fit"] for said in both]

    assert fits[0]["per_card"] == fits[1]["per_card"]
    assert (fits[0]["verdict"], fits[0]["cards"]) == ("fits", 16)
    assert fits[0]["limiting_card"] is not None
    refused = fitcheck("check", "gpt2", "--precision", "fp16", "--gpu", "3090", "--nodes", "2")
    assert refused.code == 2
    assert "--engine vllm" in refused.err


def test_the_table_says_what_is_on_each_card(fitcheck: Run) -> None:
    """Of what runs on several: their parts, and which has least left."""
    words = ("check", "llama-3.3-70b", "--engine", "llama.cpp", "--quant", "q4_k_m")
    said = fitcheck(*words, "--gpu", "3090,4090").out

    assert "on 2 cards, card" in said
    assert "has least left" in said
