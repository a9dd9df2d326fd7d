"""Which card a program sees, and how often it is run."""

import pytest

from fitcheck.machine import Card
from fitcheck.measure import here
from fitcheck.measure.process import Command, Finished
from fitcheck.measure.records import Parts, Reading
from fitcheck.units import GIB, Bytes


def card(vendor: str, index: int | None) -> Card:
    return Card(id="x", name="X", vendor=vendor, total=Bytes(24 * GIB), index=index)


@pytest.mark.parametrize(
    ("vendor", "index", "environment", "chosen", "shown"),
    [
        ("NVIDIA", 1, {}, True, {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"}),
        ("nvidia", 0, {"CUDA_VISIBLE_DEVICES": "3"}, False, {}),
        ("nvidia", 0, {"CUDA_VISIBLE_DEVICES": "3"}, True,
         {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"}),
        ("amd", 1, {}, True, {"HIP_VISIBLE_DEVICES": "1"}),
        ("apple", None, {}, False, {}),
    ],
)  # fmt: skip
def test_one_card_is_shown(
    vendor: str, index: int | None, environment: dict[str, str], chosen: bool, shown: dict[str, str]
) -> None:
    """The one that was chosen; what the user has said in the environment otherwise stands."""
    assert here.sight(card(vendor, index), environment, chosen) == shown


def test_runs_end_where_memory_does() -> None:
    """A second try of what does not fit would only take its time."""
    full = Reading(parts=Parts(), how="run", ran_out="loading the weights")
    good = Reading(parts=Parts(), how="run")

    def start(command: Command) -> Finished:
        raise AssertionError(command)

    assert len(here.several(lambda _: full, 5, start)) == 1
    assert len(here.several(lambda _: good, 5, start)) == 5
