"""`fitcheck gpus`: one card, some of them, and what clouds rent out."""

from collections.abc import Callable
from typing import Any

import pytest

from fitcheck.catalog.cloud import load_instances
from fitcheck.catalog.gpus import load_gpus
from fitcheck.units import GIB, MIB

Run = Callable[..., Any]


def test_one_card_is_told_with_its_sources(fitcheck: Run) -> None:
    """What is on the box, what its driver reports, what a program gets."""
    out = fitcheck("gpus", "3090").out

    for fact in ("24 GB", "24576 MiB", "24126 MiB", "936.2 GB/s", "8.6", "bf16, int8", "telegraf"):
        assert fact in out


@pytest.mark.parametrize("gpu", load_gpus(), ids=lambda gpu: gpu.id)
def test_every_card_has_its_page(gpu: Any) -> None:  # noqa: ANN401
    """Also one that shares a memory of unknown size."""
    from fitcheck.cards import listed
    from fitcheck.render import gpu_objects, gpu_text

    (found,) = [one for one in listed.some([gpu.id]) if one.gpu == gpu]

    assert gpu.source in gpu_text.text(found)
    assert gpu_objects.gpu(found)["reported"] == gpu.total


def test_a_name_of_several_lists_them(fitcheck: Run) -> None:
    ids = [row["id"] for row in fitcheck("gpus", "a100", "80", "--json").json["gpus"]]

    assert set(ids) == {"a100-80gb-sxm", "a100-80gb-pcie"}


def test_words_narrow_the_list(fitcheck: Run) -> None:
    names = [row["id"] for row in fitcheck("gpus", "rtx", "40", "laptop", "--json").json["gpus"]]

    assert len(names) == 5
    assert all("laptop" in name and "40" in name for name in names)


def test_maker_and_memory_narrow_it_too(fitcheck: Run) -> None:
    """A card of 24 GB reports less than 24 GiB: its box counts."""
    ran = fitcheck("gpus", "--vendor", "NVIDIA", "--min-memory", "24GB", "--json")
    found = {row["id"]: row for row in ran.json["gpus"]}

    assert {"rtx-4090", "l4", "rtx-3090"} <= found.keys()
    assert "rtx-4080" not in found and "rx-7900-xtx" not in found
    assert found["rtx-4090"]["total"] < 24 * GIB


def test_clouds_instances_are_listed(fitcheck: Run) -> None:
    """All of them, or those with these words."""
    everything = fitcheck("gpus", "--cloud", "--json").json["instances"]
    h200 = fitcheck("gpus", "--cloud", "aws", "h200", "--json").json["instances"]

    assert len(everything) == len(load_instances())
    assert [row["id"] for row in h200] == ["aws:p5e.48xlarge", "aws:p5en.48xlarge"]
    assert "azure:Standard_ND96isr_H200_v5" in fitcheck("gpus", "--cloud").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("30900",), "no card is called '30900'; did you mean 3090"),
        (("--vendor", "nvida"), "did you mean nvidia?"),
        (("--min-memory", "lots"), "is no amount of memory"),
    ],
)
def test_a_wrong_question_is_one_line(fitcheck: Run, words: tuple[str, ...], says: str) -> None:
    ran = fitcheck("gpus", *words)

    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


@pytest.mark.parametrize("form", ["csv", "markdown", "yaml"])
def test_every_form_is_there(fitcheck: Run, form: str) -> None:
    assert "rtx-3090" in fitcheck("gpus", "3090", "--format", form).out


@pytest.mark.parametrize(
    ("name", "int8", "tops"),
    [
        # NVIDIA's data sheets: T4 130, A100 624, H100 SXM 1979 dense INT8 TOP/s; V100 and GTX 16
        # have no matrix units for bytes (CUDA C++ Programming Guide 13.0, compute capabilities).
        ("tesla-t4", True, 130),
        ("a100-80gb-sxm", True, 624),
        ("h100-sxm", True, 1979),
        ("tesla-v100-sxm2-16gb", False, None),
        ("gtx-1660-ti", False, None),
        ("rx-7900-xtx", True, None),
        ("rx-6800-xt", False, None),
    ],
)
def test_units_for_bytes_are_as_data_sheets_have_them(
    name: str, int8: bool, tops: int | None
) -> None:
    gpu = next(gpu for gpu in load_gpus() if gpu.id == name)

    assert gpu.int8 is int8
    assert tops is None or gpu.int8_tops == pytest.approx(tops, rel=0.01)


def test_what_a_card_can_do_is_known_of_every_card_of_nvidia() -> None:
    """Formats follow from its compute capability; memory is a whole number of MiB."""
    cards = [gpu for gpu in load_gpus() if gpu.vendor == "nvidia"]

    assert [g.id for g in cards if None in (g.bf16, g.fp8, g.fp4, g.int8)] == []
    assert [g.id for g in cards if g.compute_capability is None] == []
    assert all(gpu.total is None or gpu.total % MIB == 0 for gpu in load_gpus())
