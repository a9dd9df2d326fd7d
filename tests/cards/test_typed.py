"""What people type for a machine."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitcheck import cards
from fitcheck.cards import typed
from fitcheck.catalog.gpus import load_gpus
from fitcheck.errors import BadInput, FitcheckError, NoCard, UnknownName
from fitcheck.machine import Card, Machine, Unseen
from fitcheck.units import GIB, MIB, Bytes


def ids(word: str) -> list[str]:
    return [card.id for card in cards.machine(word).cards]


@pytest.mark.parametrize(
    ("word", "card"),
    [
        (word, card)
        for card, words in {
            "rtx-3090": "3090|rtx3090|RTX 3090|GeForce RTX 3090|NVIDIA GeForce RTX 3090|rtx-3090"
            "|rtx_3090|  3090 |GeForce RTX™ 3090|GA102 [GeForce RTX 3090]|rtx 3090 24gb",
            "rtx-3090-ti": "3090ti|3090 Ti|RTX 3090TI|rtx-3090-ti",
            "rtx-4090": "4090|RTX 4090 24GB",
            "rtx-4090-laptop": "4090 laptop|4090m|4090 mobile|laptop 4090|RTX 4090 Laptop GPU"
            "|NVIDIA GeForce RTX 4090 Laptop GPU",
            "rtx-4090-d": "4090d|RTX 4090 D",
            "rtx-4070-ti-super": "4070 ti super|4070tis|NVIDIA GeForce RTX 4070 Ti SUPER",
            "rtx-2080-super": "2080s|2080 super",
            "rtx-4060-ti-16gb": "4060ti16g|4060 ti 16gb|rtx 4060 Ti (16 GB)",
            "rtx-3060-12gb": "3060 12gb|3060-12gb",
            "rtx-3080-laptop-16gb": "3080 laptop 16gb|3080 mobile 16g",
            "gtx-1060-6gb": "gtx 1060|1060|gtx 1060 6gb",
            "a100-80gb-sxm": "a100-80gb|A100 80G|A100-SXM4-80GB|NVIDIA A100-SXM4-80GB",
            "a100-80gb-pcie": "A100 80GB PCIe|a100 pcie 80gb",
            "a100-40gb-pcie": "A100-PCIE-40GB",
            "h100-nvl": "h100 nvl|H100 94GB",
            "tesla-v100-sxm2-32gb": "v100 32gb|V100-SXM2-32GB|Tesla V100-SXM2-32GB",
            "tesla-p4": "p4|Tesla P4",
            "tesla-p40": "p40",
            "quadro-p4000": "p4000|Quadro P4000",
            "l4": "l4|NVIDIA L4",
            "l40": "l40",
            "l40s": "l40s",
            "a2": "a2",
            "a10": "a10",
            "a10g": "a10g|NVIDIA A10G",
            "tesla-t4": "t4|Tesla T4",
            "rtx-a6000": "a6000|rtx a6000|quadro a6000",
            "rtx-6000-ada": "rtx 6000 ada|NVIDIA RTX 6000 Ada Generation",
            "rtx-pro-6000-blackwell-ws": "rtx pro 6000|pro 6000|rtx 6000 pro|6000 blackwell",
            "rtx-pro-6000-blackwell-maxq": "pro 6000 max-q"
            "|NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition",
            "gh200-96gb": "gh200 480gb|NVIDIA GH200 480GB",
            "b200": "b200|b200 192gb|b200 180gb",
            "dgx-spark": "dgx spark|gb10|spark",
            "jetson-agx-orin-64gb": "agx orin 64gb",
            "rx-7900-xtx": "7900 xtx|rx7900xtx|Radeon RX 7900 XTX",
            "rx-7900-xt": "7900 xt|Radeon RX 7900 XT",
            "rx-6700m": "6700m",
            "instinct-mi300x": "mi300x|AMD Instinct MI300X",
            "arc-b580": "b580|Intel(R) Arc(TM) B580 Graphics",
            "arc-a770-16gb": "a770 16gb",
            "apple-m4-max-64gb": "m4 max 64gb|m4max64gb|M4 Max (64 GB)|MacBook Pro M4 Max 64GB",
            "apple-m3-ultra-512gb": "mac studio m3 ultra 512gb",
            "ryzen-ai-max-strix-halo-128gb": "strix halo 128gb|ryzen ai max+ 395 128gb",
            "ascend-910b3": "910b3",
        }.items()
        for word in words.split("|")
    ],
)
def test_a_card_by_any_of_its_names(word: str, card: str) -> None:
    """As people, drivers, lspci and shops write it."""
    assert ids(word) == [card]


def test_every_card_is_found_by_its_id() -> None:
    """The name that fitcheck itself prints."""
    known = [card.id for card in cards.catalog_cards()]

    assert [ids(name) for name in known] == [[name] for name in known]


def test_every_driver_s_name_finds_a_card_of_that_name() -> None:
    """Which one of those that share it, memory decides."""
    names = {g.id: g.name for g in load_gpus()}

    assert [n for g in load_gpus() if g.nominal_gb for n in ids(g.name) if names[n] != g.name] == []


@pytest.mark.parametrize(
    ("word", "card", "others"),
    [
        ("a100", "a100-40gb-sxm", "a100-80gb"),
        ("v100", "tesla-v100-sxm2-16gb", "32 GB"),
        ("3060", "rtx-3060-8gb", "rtx-3060-12gb"),
        ("3080", "rtx-3080-10gb", "rtx-3080-12gb"),
        ("4060 ti", "rtx-4060-ti-8gb", "16 GB"),
        ("5060 ti", "rtx-5060-ti-8gb", "16 GB"),
        ("h100", "h100-sxm", "h100-nvl"),
        ("rtx 6000", "quadro-rtx-6000", "rtx-6000-ada"),
        ("rtx 4000", "quadro-rtx-4000", "rtx-4000-ada"),
        ("m4 max", "apple-m4-max-36gb", "128 GB"),
        ("orin", "jetson-orin-nx-8gb", "64 GB"),
        ("strix halo", "ryzen-ai-max-strix-halo-32gb", "128 GB"),
        ("910b", "ascend-910b4", "64 GB"),
        ("3080 max-q", "rtx-3080-laptop-8gb", "rtx-3080-laptop-16gb"),
    ],
)
def test_an_ambiguous_name_is_the_smallest_card_and_says_what_else(
    word: str, card: str, others: str
) -> None:
    """What fits the smaller card fits the larger; never the other way round."""
    found = cards.machine(word)

    assert [c.id for c in found.cards] == [card]
    assert others in " ".join(found.notes)


@pytest.mark.parametrize("word", ["3090", "4090", "2080 ti", "a100-80gb", "m2 ultra 192gb", "t4"])
def test_a_clear_name_needs_no_note(word: str) -> None:
    """Modded boards (a 2080 Ti with 22 GB) make no name ambiguous."""
    assert cards.machine(word).notes == ()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("2x3090", ["rtx-3090"] * 2),
        ("3090x2", ["rtx-3090"] * 2),
        ("2 x 3090", ["rtx-3090"] * 2),
        ("2*3090", ["rtx-3090"] * 2),
        ("2\u00d73090", ["rtx-3090"] * 2),
        ("a100-80gb:4", ["a100-80gb-sxm"] * 4),
        ("4x a100-80gb", ["a100-80gb-sxm"] * 4),
        ("8 h200", ["h200"] * 8),
        ("3090,4090", ["rtx-3090", "rtx-4090"]),
        ("3090 + 2x4090", ["rtx-3090", "rtx-4090", "rtx-4090"]),
        ("2x24GB", ["24gb"] * 2),
        ("24GBx2", ["24gb"] * 2),
        ("rx 6600", ["rx-6600"]),
        ("max 1550", ["data-center-gpu-max-1550"]),
    ],
)
def test_several_cards(word: str, expected: list[str]) -> None:
    """Numbers before or behind; the x of `rx` and of `max` is no multiplication."""
    assert ids(word) == expected


def test_several_words_are_one_machine() -> None:
    found = cards.machine(["3090", "2x4090"])

    assert found.name == "RTX 3090 + 2x RTX 4090"
    assert len(found.cards) == 3


@pytest.mark.parametrize("word", ["6GB", "6g", "6 GiB", "6144MiB", "6 GB VRAM"])
def test_a_size_is_that_many_gib_of_chips_less_what_a_driver_keeps(word: str) -> None:
    """5747 MiB: the least that a catalogued card of 6 GB offers."""
    (card,) = cards.machine(word).cards

    assert (card.total, card.visible // MIB) == (6 * GIB, 5747)
    assert "gtx-1660" in cards.machine(word).notes[0]


@pytest.mark.parametrize("word", ["k80", "mi250", "m60", "a16", "b60 dual"])
def test_a_board_of_several_devices_says_so(word: str) -> None:
    """The driver shows devices: one K80 is two cards of 12 GB."""
    found = cards.machine(word)

    assert len(found.cards) == 1
    assert "devices" in found.notes[-1] and "is the board" in found.notes[-1]


def test_a_gpu_in_a_processor_needs_the_machines_ram() -> None:
    """Half of it, as a Strix Halo under Linux was seen to get."""
    with pytest.raises(BadInput, match="780m 32GB"):
        cards.machine("780m")
    (card,) = cards.machine("780m 32gb").cards
    assert (card.total, card.visible) == (32 * GIB, 16 * GIB)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("3091", "did you mean 3090"),
        ("rtx 3090 super", "did you mean"),
        ("gtx 3090", "did you mean rtx 3090"),
        ("10^9x3090", "no card is called"),
        ("日本", "no card is called"),
        ("4090\x1b[31m", r"4090\x1b"),
        ("x", "no card is called"),
        ("-1", "no card is called"),
    ],
)
def test_an_unknown_name_offers_the_nearest(word: str, says: str) -> None:
    with pytest.raises(UnknownName) as caught:
        cards.machine(word)

    assert says in str(caught.value)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("", "no card is named"),
        (",", "no card is named"),
        ("1000000x3090", "1 to 1024"),
        ("0x3090", "1 to 1024"),
        ("1024x3090,3090", "1024 is the most"),
        ("3090 48gb", "RTX 3090 comes with 24 GB"),
        ("m4 max 96gb", "36 GB, 48 GB, 64 GB, 128 GB"),
        ("0GB", "no size of a card"),
        ("9999999GB", "no size of a card"),
        ("a100 nvl", "there are a100-40gb-sxm"),
    ],
)
def test_a_wrong_question_says_what_would_be_right(word: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        cards.machine(word)

    assert says in str(caught.value)


def here(*indices: int) -> Callable[[], Machine]:
    found = tuple(
        Card(id="x", name=f"card {i}", vendor="nvidia", total=Bytes(GIB), index=i) for i in indices
    )
    return lambda: Machine(name="this machine", cards=found, ram_total=Bytes(64 * GIB))


def test_an_index_is_a_card_of_this_machine() -> None:
    """With what is beside it."""
    found = typed.machine(["1,0"], here(0, 1, 2))

    assert [card.index for card in found.cards] == [1, 0]
    assert found.ram_total == 64 * GIB


def test_a_bare_number_that_is_no_index_may_be_a_size() -> None:
    with pytest.raises(BadInput, match=r"there are: 0, 1\).*24GB"):
        typed.machine(["24"], here(0, 1))


def test_no_card_here_says_whom_it_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3, one line; what each answered is `detect`'s to tell."""
    none = Machine(name="here", cards=(), unseen=(Unseen("NVIDIA driver", "is not installed"),))
    monkeypatch.setattr(cards, "detected", lambda: none)

    with pytest.raises(
        NoCard, match=r"--gpu 24GB \(asked: NVIDIA driver; `fitcheck detect`"
    ) as caught:
        cards.machine("detected")
    assert caught.value.exit_code == 3


@given(st.text(max_size=40) | st.from_regex(r"[0-9]{1,3} ?[x*] ?[a-z0-9 ,+-]{0,20}"))
def test_no_word_is_a_traceback(word: str) -> None:
    """Whatever is typed: a machine with cards, or one clear line."""
    try:
        found = typed.machine([word], here(0))
    except FitcheckError as fault:
        assert "\n" not in str(fault) and len(str(fault)) < 600
    else:
        assert found.cards and all(card.visible > 0 for card in found.cards)


def card(name: str, vendor: str, gib: float, *, unified: bool = False) -> Card:
    return Card(
        id="x", name=name, vendor=vendor, total=Bytes(int(gib * GIB)), unified=unified, index=0
    )


@pytest.mark.parametrize(
    ("there", "counted"),
    [
        ([("3090", "nvidia", 24, False), ("780M", "amd", 32, True)], "3090"),
        ([("3090", "nvidia", 24, False), ("Raphael", "amd", 0.5, False)], "3090"),
        ([("7900 XTX", "amd", 24, False), ("Raphael", "amd", 0.5, False)], "7900 XTX"),
        ([("3090", "nvidia", 24, False)] * 2, "2x 3090"),
        ([("3090", "nvidia", 24, False), ("T4", "nvidia", 15, False)], "3090 + T4"),
        ([("A770", "intel", 16, False), ("3090", "nvidia", 24, False)], "3090"),
        ([("8060S", "amd", 64, True)], "8060S"),
        ([("GT 710", "nvidia", 1, False)], "GT 710"),
    ],
)
def test_of_what_is_here_one_program_uses_the_cards_of_one_maker(
    there: list[tuple[str, str, float, bool]],
    counted: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A processor's GPU beside a card does not hold a part of the model; what is left is told."""
    here = tuple(card(n, v, g, unified=u) for n, v, g, u in there)
    monkeypatch.setattr(cards, "detected", lambda: Machine(name="here", cards=here))
    found = cards.machine("detected")

    assert found.name == counted
    assert bool(found.notes) == (len(found.cards) < len(here))


@pytest.mark.parametrize(
    ("word", "mib"),
    [
        ("h100 3g.40gb", 40448),
        ("h100-mig-1g.10gb", 9984),
        ("A100-SXM4-40GB MIG 1g.5gb", 4864),
        ("2x h200 1g.18gb", 16384),
    ],
)
def test_a_mig_instance_has_what_drivers_print_for_it(word: str, mib: int) -> None:
    """1g.18gb of an H200 is 16 GiB."""
    found = cards.machine(word).cards[0]

    assert (found.visible // MIB, found.bandwidth) == (mib, None)


def test_machines_of_cards_are_nodes() -> None:
    """`2x8xh100`: sixteen cards, of which eight are in one machine."""
    from fitcheck import cards

    found = cards.machine("2x8xa100-80gb")

    assert (found.nodes, len(found.cards)) == (2, 16)
    assert cards.machine("8xa100-80gb").nodes == 1


def test_a_size_behind_a_comma_is_another_card() -> None:
    """Not a memory that the card before it does not come with."""
    assert [card.name for card in cards.machine("7900 xtx,8GB").cards] == [
        "RX 7900 XTX",
        "8GB card",
    ]
