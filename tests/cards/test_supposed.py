"""Machines as they would be."""

from pathlib import Path

import pytest
from msgspec import structs

from fitcheck import cards
from fitcheck.cards import supposed
from fitcheck.engines import ENGINES
from fitcheck.engines.base import Workload
from fitcheck.errors import BadInput
from fitcheck.machine import SYSTEM_RAM, Card
from fitcheck.units import GIB, MIB, Bytes

WINDOWS = Path(__file__).parents[1] / "captures/nvidia-smi-table_rtx2080super_windows_610.txt"
ASKED = Workload(context=4096, prompt=4096)


def test_an_empty_card_has_all_that_its_driver_leaves() -> None:
    """The capture shows 797 of 8192 MiB in use."""
    here = cards.read_capture(WINDOWS)
    empty = supposed.emptied(here)

    assert empty.cards[0].available == empty.cards[0].visible == here.cards[0].visible
    assert empty.cards[0].available - here.cards[0].available == 797 * MIB
    assert empty.assumed_empty
    assert "as if nothing else ran: 0.8 GiB" in empty.notes[-1]


def test_a_machine_that_is_idle_anyway_needs_no_note() -> None:
    named = cards.machine("3090")

    assert supposed.emptied(named).cards == named.cards
    assert supposed.emptied(named).notes == named.notes


def test_of_memory_that_is_the_computers_the_system_keeps_its_part() -> None:
    """Nothing but fitcheck running still is an operating system."""
    here = cards.machine("dgx-spark")
    busy = structs.replace(here.cards[0], free=Bytes(30 * GIB))
    found = supposed.emptied(structs.replace(here, cards=(busy,))).cards[0]

    assert found.available == busy.visible - SYSTEM_RAM


@pytest.mark.parametrize("name", ENGINES)
def test_what_is_kept_for_others_no_engine_takes(name: str) -> None:
    """vLLM asks for a share of the whole card: less only where it would take what is kept."""
    (card,) = cards.machine("3090").cards
    (keeping,) = supposed.keeping(cards.machine("3090"), Bytes(4 * GIB)).cards
    engine = ENGINES[name]

    least = card.visible - 4 * GIB if name == "vllm" else engine.usable(card, ASKED) - 4 * GIB

    assert engine.usable(keeping, ASKED) == least


def test_a_busy_card_keeps_it_of_what_is_free() -> None:
    """Not of what programs hold already."""
    card = Card(id="x", name="x", vendor="nvidia", total=Bytes(24 * GIB), free=Bytes(10 * GIB))

    assert structs.replace(card, kept_free=Bytes(GIB)).available == 9 * GIB
    assert structs.replace(card, kept_free=Bytes(11 * GIB)).available == 0


def test_nothing_left_is_a_wrong_question() -> None:
    with pytest.raises(BadInput, match=r"leaves nothing of RTX 3090, which has 23\.6 GiB"):
        supposed.keeping(cards.machine("2x3090"), Bytes(24 * GIB))
