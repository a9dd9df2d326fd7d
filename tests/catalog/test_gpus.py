"""The table of cards: what it promises, and that nothing offers more than was measured."""

import re
from pathlib import Path

import pytest

from fitcheck.catalog import gpu_memory, gpus, mig
from fitcheck.units import GIB, MIB, Bytes

GPUS = gpus.load_gpus()
BY_ID = {gpu.id: gpu for gpu in GPUS}


def usable_mib(name: str) -> float:
    found = gpu_memory.offer(BY_ID[name])
    assert found is not None
    return found.usable / MIB


def test_ids_are_unique_and_names_are_given() -> None:
    """A row is found by its id; a driver's name is what a detected card is found by."""
    assert len(BY_ID) == len(GPUS) == 319
    assert all(g.name and g.model and re.fullmatch(r"[a-z0-9.+-]+", g.id) for g in GPUS)


def test_every_row_says_where_it_is_from() -> None:
    assert [g.id for g in GPUS if not g.source] == []


def test_an_unknown_memory_is_none_and_never_zero() -> None:
    sizes = [
        size
        for g in GPUS
        for size in (g.total, g.visible, g.total_other_ecc, g.metal_macos15, g.metal_macos26)
    ]

    assert 0 not in sizes
    assert BY_ID["tesla-m60"].total is None


@pytest.mark.parametrize("gpu", GPUS, ids=lambda g: g.id)
def test_a_card_never_offers_more_than_its_sticker_or_than_was_seen(gpu: gpus.Gpu) -> None:
    """A false "fits" is the worst answer."""
    found = gpu_memory.offer(gpu)
    seen = [s for s in (gpu.total, gpu.visible, gpu.nominal, gpu.metal_macos15) if s is not None]

    assert found is None or 0 < found.usable <= min(seen)


@pytest.mark.parametrize(
    ("name", "mib"),
    [
        ("rtx-3090", 24126),  # driver 590: 24576 less 450 reserved
        ("rtx-4090", 24081),
        ("h100-sxm", 81079),
        ("h200", 143157),
        ("a100-40gb-sxm", 40355),
        ("tesla-t4", 14912),
        ("l40s", 45459),
        ("rtx-2080-super", 8192 - 408),  # nvidia_gpu_exporter captures, driver 595
        ("dgx-spark", 122502),  # the least CUDA total seen of a GB10
        ("rx-7900-xt", 20464),  # llama.cpp's HIP total equals rocm-smi's
        ("apple-m4-max-64gb", 49152),  # macOS 15: three quarters
    ],
)
def test_what_a_real_card_was_seen_to_offer(name: str, mib: int) -> None:
    """CUDA, HIP and Metal totals printed on real machines."""
    assert usable_mib(name) == mib


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("rtx-3060-laptop", 5700, 6144 - 197),  # 197 reserved at driver 515, more since
        ("rtx-3080-12gb", 11800, 12288 - 368),  # a 3060 of that size keeps 368
        ("rtx-4060", 7700, 7815),  # the laptop card of that size offers 7815
        ("h100-pcie", 81000, 81079),
        ("tesla-p40", 22400, 22937),  # less than a P100's reserve off 23040
        ("titan-rtx", 24000, 24576 - 408),
        ("gb300", 282000, 284208 - 927),
        ("rx-6600-xt", 8100, 8176),  # RX 6600 of the same chip family: 8176
        ("tesla-m40-12gb", 11000, 11520),  # its 24 GB sister shows 23040: ECC takes a sixteenth
    ],
)
def test_a_card_nobody_read_offers_what_cards_like_it_do(name: str, least: int, most: int) -> None:
    """Between what such cards were seen to offer and a few per cent below."""
    assert least <= usable_mib(name) <= most


def test_the_drivers_share_never_shrinks_with_memory() -> None:
    """Of one architecture, beyond the largest measured one as well."""
    sizes = [Bytes(gib * GIB) for gib in (4, 6, 8, 12, 16, 24, 32, 48, 80, 96, 180, 300, 600)]
    kept = [gpu_memory.reserve(size, "nvidia", "Ada Lovelace") for size in sizes]

    assert kept == sorted(kept)


def test_nothing_is_known_of_a_vendor_never_measured() -> None:
    assert gpu_memory.reserve(Bytes(8 * GIB), "acme") == 0


@pytest.mark.parametrize("gb", [4, 6, 8, 10, 11, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 141])
def test_a_bare_size_offers_no_more_than_any_card_sold_with_it(gb: int) -> None:
    """Over every discrete card of that sticker whose memory was read."""
    offers = [
        found.usable
        for g in GPUS
        if g.discrete and g.nominal_gb == gb and g.total and (found := gpu_memory.offer(g))
    ]

    assert offers and gpu_memory.sized(Bytes(gb * GIB)).usable <= min(offers)


def test_six_gigabytes_offer_what_a_gtx_1660_does() -> None:
    """1660 Ti: CUDA total 5747 of 6144 MiB; Pascal's and Ampere's cards of 6 GB offer more."""
    assert gpu_memory.sized(Bytes(6 * GIB)).usable // MIB == 5747


def test_mig_instances_have_what_was_read_not_what_their_name_says() -> None:
    """H200's 1g.18gb has 16 GiB; a profile that nobody read has no larger share."""
    assert mig.instance("H200", "1g.18gb") == 16 * GIB
    assert mig.instance("H100", "3g.40gb") == 40448 * MIB
    assert mig.instance("A100", "1g.5gb+me") == 4864 * MIB
    unread = mig.instance("B200", "1g.23gb")
    assert unread is not None and unread <= 23 * GIB * 16 // 18
    assert mig.instance("H100", "half") is None


def test_comments_in_the_table_are_no_rows(tmp_path: Path) -> None:
    """Its legend is where its readers look."""
    lines = gpus.GPUS_PATH.read_text("utf-8").splitlines(keepends=True)
    header = next(i for i, line in enumerate(lines) if line.startswith("id,"))
    short = tmp_path / "gpus.csv"
    short.write_text("".join([*lines[: header + 1], "# a word\n", lines[header + 1]]), "utf-8")

    assert [g.id for g in gpus.load_gpus(short)] == ["gtx-1050-ti"]
