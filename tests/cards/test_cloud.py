"""Instances that clouds rent out, by their names."""

import pytest

from fitcheck import cards
from fitcheck.catalog.cloud import load_instances
from fitcheck.catalog.gpus import load_gpus
from fitcheck.errors import BadInput, UnknownName
from fitcheck.units import GIB, MIB


def test_every_instance_is_found_by_its_name() -> None:
    """With its provider, alone, in capitals, and without Azure's prefix."""
    for row in load_instances():
        for word in (row.id, row.instance, row.id.upper(), row.instance.removeprefix("Standard_")):
            assert cards.machine(word).name.startswith(row.id), word


def test_every_instance_has_cards_of_the_table_or_says_their_memory() -> None:
    """And a source."""
    known = {gpu.id for gpu in load_gpus()}

    assert [r.id for r in load_instances() if r.gpu not in known and not r.memory] == []
    assert all(r.source for r in load_instances())
    assert len(load_instances()) == 128


@pytest.mark.parametrize(
    ("word", "count", "card", "total_mib", "ram_gib"),
    [
        # aws: instance types of Karpenter's reference; azure: size series of its documentation.
        ("aws:g5.12xlarge", 4, "a10g", 23028, 192),
        ("p4d.24xlarge", 8, "a100-40gb-sxm", 40960, 1152),
        ("azure:NC40ads_H100_v5", 1, "h100-nvl", 95830, 320),
        ("gcp:a3-highgpu-8g", 8, "h100-sxm", 81559, 1872),
        ("gcp:a2-megagpu-16g", 16, "a100-40gb-sxm", 40960, 1360),
        ("azure:Standard_ND96isr_MI300X_v5", 8, "instinct-mi300x", 196592, 1850),
        ("aws:g6f.2xlarge", 1, "l4", 5722, 32),
        ("g4ad.xlarge", 1, "radeonprov520", 8192, 16),
    ],
)
def test_an_instance_is_its_cards_and_ram(
    word: str, count: int, card: str, total_mib: int, ram_gib: int
) -> None:
    """A slice has the memory that the cloud names for it."""
    found = cards.machine(word)

    assert [c.id for c in found.cards] == [card] * count
    assert (found.cards[0].total // MIB, found.ram_total) == (total_mib, ram_gib * GIB)


def test_a_slice_promises_no_rates() -> None:
    """An eighth of an L4 is not as quick as an L4."""
    assert cards.machine("aws:g6f.large").cards[0].bandwidth is None


def test_what_a_source_does_not_say_is_said() -> None:
    """How many cards Azure's preview sizes have is nowhere written."""
    assert "how many it has is not known" in cards.machine("NC32ds_xl_RTXPRO6000BSE_v6").notes[1]


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("aws:g5.12xlarg", "aws:g5.12xlarge"),
        ("g5.12xlarg", "g5.12xlarge"),
        ("gcp:a3-mega", "gcp:a3-megagpu-8g"),
        ("Standard_NC24ads_A100", "nc24ads_a100_v4"),
        ("azure:3090", "gpus --cloud"),
        ("ec2:g5.12xlarg", "aws:g5.12xlarge"),
    ],
)
def test_a_name_that_is_nearly_one_offers_it(word: str, near: str) -> None:
    with pytest.raises(UnknownName, match="no cloud instance is called") as caught:
        cards.machine(word)

    assert near in str(caught.value)


@pytest.mark.parametrize("word", ["ec2:g5.xlarge", "Amazon:g5.xlarge", "AWS: g5.xlarge"])
def test_a_cloud_has_more_names_than_one(word: str) -> None:
    assert cards.machine(word).name == "aws:g5.xlarge (A10G)"


def test_an_unknown_cloud_says_which_are_known() -> None:
    with pytest.raises(UnknownName, match=r"no cloud is called 'runpod'; there are aws, azure"):
        cards.machine("runpod:a100")


@pytest.mark.parametrize("word", ["2x aws:p5.48xlarge", "g5.12xlarge,3090", "2x g5.xlarge"])
def test_an_instance_among_others_is_no_one_machine(word: str) -> None:
    with pytest.raises(BadInput, match="name it alone"):
        cards.machine(word)


def test_no_instance_is_called_as_a_card_is() -> None:
    """Neither takes the other's name."""
    typed = {gpu.id for gpu in load_gpus()}

    assert typed.isdisjoint(row.instance.lower() for row in load_instances())


def test_a_name_with_a_line_break_is_told_in_one_line() -> None:
    with pytest.raises(UnknownName) as caught:
        cards.machine("gcp:a\n-ultragpu-1g")

    assert "\n" not in str(caught.value)
