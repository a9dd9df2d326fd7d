"""Machines that a person describes, and those that fitcheck itself told of."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitcheck import cards
from fitcheck.cards import answered, profile
from fitcheck.errors import BadFile, BadInput, FitcheckError
from fitcheck.machine import SYSTEM_RAM
from fitcheck.render import objects
from fitcheck.units import GIB, MIB

CAPTURES = Path(__file__).parents[1] / "captures"

WORKSHOP = """\
# A comment.
name: workshop
cards:
  - name: rtx 3090
    count: 2
    in_use: 1GB
  - memory: 12GB
  - name: rtx 4090     # one of those that were given more memory
    memory: 48GB
  - 2x a100-80gb
ram: 128GB
link: nvlink
"""


def test_a_profile_is_the_cards_that_it_names() -> None:
    """By name, by memory, by both, and by --gpu's words."""
    found = cards.read_capture(WORKSHOP)

    assert [(c.id, c.total // MIB) for c in found.cards] == [
        ("rtx-3090", 24576),
        ("rtx-3090", 24576),
        ("12gb", 12288),
        ("rtx-4090-48gb", 49152),
        ("a100-80gb-sxm", 81920),
        ("a100-80gb-sxm", 81920),
    ]
    assert [c.used for c in found.cards] == [GIB, GIB, None, None, None, None]
    assert [c.index for c in found.cards] == [0, 1, 2, 3, 4, 5]
    assert found.cards[0].available == found.cards[0].visible - GIB
    assert (found.name, found.link) == ("workshop", "nvlink")
    assert (found.ram_total, found.ram_available) == (128 * GIB, 128 * GIB - SYSTEM_RAM)


@pytest.mark.parametrize("text", ["cards: 3090\n", "cards: [3090]\n", "cards:\n- 1x 3090\n"])
def test_the_shortest_profile_is_a_line(text: str) -> None:
    found = cards.read_capture(text)

    assert ([c.id for c in found.cards], found.name) == (["rtx-3090"], "RTX 3090")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cards:\n- nam: 3090\n", "box.yaml:2: cards[0].nam is not a key here; did you mean name?"),
        ("cards:\n- 3090\nrma: 64GB\n", "box.yaml:3: rma is not a key here; did you mean ram?"),
        ("cards:\n- 3090\n- name: rtx 30900\n", "box.yaml:3: cards[1] cannot be read: no card is"),
        ("cards:\n- name: 3090\n  in_use: 30GB\n", "30GB are in use of 23.6 GiB"),
        ("cards:\n- name: 3090\n  in_use: 5\n", "cards[0].in_use '5' is no amount of memory"),
        ("cards:\n- count: 2\n", "it has neither a name nor a memory"),
        ("cards:\n- name: 3090\n  count: 0\n", "cards[0].count is 1 to 1024"),
        ("cards:\n- detected\n", "a profile names its cards"),
        ("cards: []\n", "cards names no card"),
        ("cards:\n- 3090\nram: much\n", "ram 'much' is no amount of memory"),
        ("cards:\n- 3090\n- [\n", "box.yaml:"),
        ("cards:\n- name: 4090\n  name: 3090\n", "box.yaml:3: cards[0].name is given twice"),
    ],
)
def test_a_fault_of_a_profile_is_told_with_its_line(text: str, says: str) -> None:
    with pytest.raises(BadFile) as caught:
        profile.read(text, "box.yaml")

    assert says in str(caught.value)


def test_every_fault_of_a_profile_is_told() -> None:
    """A person mends them all at once."""
    text = "cards:\n- memory: 20\n- name: 3091\n- name: 3090\n  in_use: lots\nram: lots\n"
    with pytest.raises(BadFile) as caught:
        profile.read(text, "box.yaml")

    assert [p.line for p in caught.value.problems] == [6, 2, 3, 5]


@given(st.text(alphabet="cards:-[]{} \n'\"&*!|>3090GBx#,?%@`\t\0", max_size=60))
def test_no_profile_is_a_traceback(text: str) -> None:
    """Whatever stands after `cards:`."""
    try:
        found = profile.read("cards:" + text, "box.yaml")
    except FitcheckError:
        return
    assert found.cards and all(card.available >= 0 for card in found.cards)


READABLE = sorted(
    path.name
    for path in CAPTURES.iterdir()
    if path.name != "README.md" and cards.read_capture(path).cards
)


@pytest.mark.parametrize("name", READABLE)
def test_what_detect_tells_is_read_back_to_the_byte(name: str) -> None:
    """Another machine's `fitcheck detect --json` is as good as its nvidia-smi."""
    here = cards.read_capture(CAPTURES / name)
    told = {"schema": answered.SCHEMA, **objects.machine(here)}
    there = cards.read_capture(json.dumps(told))

    assert objects.machine(there)["cards"] == objects.machine(here)["cards"]
    assert there.ram_total == here.ram_total
    assert (there.driver, there.name) == (here.driver, here.name)


def card(**changed: Any) -> str:  # noqa: ANN401
    told = objects.machine(cards.machine("3090"))
    told["cards"][0].update(changed)
    return json.dumps({"schema": answered.SCHEMA, **told})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (card(total="much"), "is no answer of `fitcheck detect --json`"),
        (card(total=0), "cannot be what it says"),
        (card(free=25 * GIB), "cannot be what it says"),
        (card(used=-1), "cannot be what it says"),
        (card(total=1 << 60), "cannot be what it says"),
        ('{"schema": "fitcheck.machine/1", ', "is not valid JSON"),
        ('{"schema": "fitcheck.gpus/1", "gpus": []}', "is no answer"),
        ('{"schema": "fitcheck.gpus/1", "name": "x", "cards": []}', "is fitcheck.gpus/1, not"),
    ],
)
def test_a_damaged_answer_is_one_clear_line(text: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        cards.read_capture(text)

    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_check_holds_its_machine_as_well() -> None:
    """`check --json` says what it was about."""
    told = {"schema": "fitcheck.check/1", "machine": objects.machine(cards.machine("2x3090"))}

    assert len(cards.read_capture(json.dumps(told)).cards) == 2
