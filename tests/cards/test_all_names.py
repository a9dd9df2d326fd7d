"""Every name that people and tools give to cards, and a thousand that are nearly such."""

import csv
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from fitcheck import cards
from fitcheck.catalog.gpus import Gpu, load_gpus
from fitcheck.errors import BadInput, FitcheckError

GOLDEN: Final = Path(__file__).parents[1] / "golden"
GPUS: Final = {gpu.id: gpu for gpu in load_gpus()}


def rows(name: str) -> list[dict[str, str]]:
    with (GOLDEN / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


NAMES: Final = rows("gpu_names.csv")
AMBIGUOUS: Final = rows("gpu_names_ambiguous.csv")

# Several cards of equal memory share these, and the first of them is meant; `titan-x-p` is, without
# its hyphens, the TITAN Xp.
SHARED: Final = {
    "NVIDIA GeForce GTX 1650": "gtx-1650",
    "titan-x": "titan-x-maxwell",
    "titan-x-p": "titan-xp",
    "Intel(R) Arc(TM) Pro B60 Graphics": "arc-pro-b60",
}
# Boards with more memory than their maker gave them: the driver calls them as those without.
MODDED: Final = {"rtx-2080-ti-22gb", "rtx-4090-48gb", "rtx-4090-d-48gb"}


def test_every_name_finds_its_card_or_says_which_it_may_be() -> None:
    """1,200 names: the row itself; or a card that shares the name, with the row told beside it."""
    wrong = []
    for row in NAMES:
        gpu, word = GPUS[row["id"]], row["name"]
        try:
            found = cards.machine(word)
        except BadInput as fault:
            if gpu.nominal_gb is not None or "say how much" not in str(fault):
                wrong.append((word, row["id"], str(fault)))
            continue
        got = found.cards[0].id
        told = any(row["id"] in note or f"{gpu.nominal_gb:g} GB" in note for note in found.notes)
        meant = got == gpu.id or told or SHARED.get(word) == got
        if not meant and not (gpu.id in MODDED and GPUS[got].name == gpu.name):
            wrong.append((word, row["id"], got))

    assert wrong == []
    assert len(NAMES) > 1200
    assert {row["id"] for row in NAMES} == set(GPUS)


def test_the_catalog_has_the_sizes_that_the_names_are_of() -> None:
    assert [
        row["id"]
        for row in NAMES
        if row["nominal_gb"] and GPUS[row["id"]].nominal_gb != float(row["nominal_gb"])
    ] == []


# The whole name of one product; the others are that name and more (`4090 Laptop`, `4070 Ti SUPER`),
# or boards with chips put in later.
WHOLE: Final = {"4070 ti", "4090", "5090", "2080 ti"}


@pytest.mark.parametrize("row", AMBIGUOUS, ids=lambda row: row["typed"])
def test_an_ambiguous_name_is_one_of_its_cards_and_says_so(row: dict[str, str]) -> None:
    """Where the others have another memory."""
    found = cards.machine(row["typed"])
    sizes = {GPUS[name].nominal_gb for name in row["candidates"].split("|")}

    assert found.cards[0].id in row["candidates"].split("|")
    assert bool(found.notes) or len(sizes) == 1 or row["typed"] in WHOLE


# --- a thousand names that are nearly such -----------------------------------------------------

ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789 -"
SUFFIXES: Final = (
    " gpu| graphics| ti| super| laptop| xt| 24gb| 8gb| 80| s|s|d|m| max-q| pro| 16 gb| 48GB"
)
PREFIXES: Final = "nvidia |rtx |amd |geforce |2x |quadro |radeon |NVIDIA GeForce "
WORDS: Final = (
    "rtx gtx rx 4090 4080 4070 4060 3090 3080 3070 3060 2080 2060 1080 1660 1650 5090 5080 5070 ti "
    "super xt xtx laptop mobile a100 h100 h200 a10 a10g a40 l4 l40 l40s t4 p4 p40 v100 mi300x mi250"
    " 7900 7800 6800 9070 m1 m2 m3 m4 max pro ultra arc a770 b580 a2000 a4000 a6000 6000 5000 4000 "
    "ada blackwell quadro tesla radeon geforce nvidia amd intel apple 8gb 10gb 12gb 16gb 24gb 48gb "
    "80gb 80 40 64gb sxm pcie nvl d s gre x titan orin thor agx xavier w7900 v2 max-q spark"
)


def mangled(dice: random.Random, word: str) -> str:
    """One slip of a finger, or another way to write it."""
    at = dice.randrange(len(word))
    slips = (
        lambda: word.upper(),
        lambda: re.sub("[ -]", dice.choice(["-", "_", "", "  ", "."]), word),
        lambda: word[:at] + word[at + 1 :],
        lambda: word[: at + 1] + word[at:],
        lambda: word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
        lambda: word[:at] + dice.choice(ALPHABET) + word[at + 1 :],
        lambda: word[:at] + dice.choice(ALPHABET) + word[at:],
        lambda: word + dice.choice(SUFFIXES.split("|")),
        lambda: dice.choice(PREFIXES.split("|")) + word,
        lambda: " ".join(dice.sample(word.split(), len(word.split()))),
        lambda: word[: max(2, at)],
        lambda: word[at:],
    )
    return dice.choice(slips)() or "x"


def thousand(seed: int) -> Iterator[str]:
    dice = random.Random(seed)
    for _ in range(600):
        word = mangled(dice, dice.choice(NAMES)["name"])
        yield mangled(dice, word) if dice.random() < 0.4 else word
    for _ in range(400):
        glue = dice.choice([" ", " ", "", "-"])
        yield glue.join(dice.sample(WORDS.split(), dice.randint(1, 4)))


# Words that make another product of a name; `s` behind a number is short for SUPER, or a letter of
# its name (`l40s`).
QUALIFIERS: Final = re.compile(r"(?<=[0-9])m?(ti|super|xtx|xt|gre|s)|(?<=ti)(super|s)")
ALONE: Final = frozenset(("ti", "super", "xtx", "xt", "gre"))
PORTABLE: Final = re.compile("laptop|mobile|notebook|maxq")
COUNT: Final = re.compile(r"^\s*\d{1,2}\s*[x*]\s*(?=\S{2})|^\d{1,2}\s+(?=\S*[a-z0-9]{3})")


def contradiction(word: str, gpu: Gpu) -> str:
    """What in the word says that another card is meant; empty if nothing does.

    Told apart from the code that is tested: by digits and qualifiers alone, without an index, and
    wherever hyphens stand.
    """
    typed = COUNT.sub("", word.lower())
    names = (gpu.id, gpu.name, gpu.model, *gpu.aliases)
    known = set(re.findall(r"\d+", " ".join(names)))
    size = f"{gpu.nominal_gb or 0:g}"
    known |= {size, f"0{size}"} if gpu.nominal_gb else set(re.findall(r"\d+(?=\s?g)", typed))
    for run in re.findall(r"\d+", squashed(typed)):
        if not made_of(run, known):
            return f"{run} is not in its names"
    said = qualifiers(typed)
    if said not in [qualifiers(name) for name in names]:
        return f"it is no {' '.join(sorted(said)) or 'plain one'}"
    if PORTABLE.search(squashed(typed)) and not PORTABLE.search(squashed(" ".join(names))):
        return "it is for a desktop"
    return ""


def squashed(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def made_of(run: str, known: set[str]) -> bool:
    """Whether the digits are those of names, one behind the other (`a100 80gb` as `a10080gb`)."""
    return not run or any(made_of(run[len(k) :], known) for k in known if run.startswith(k))


def qualifiers(name: str) -> set[str]:
    joined = re.sub("sxm|sff|server|studio", "", squashed(name))
    found = {"super" if (a or b) == "s" else a or b for a, b in QUALIFIERS.findall(joined)}
    return found | (ALONE & set(re.split("[^a-z0-9]+", name.lower())))


@pytest.mark.parametrize("seed", [2026])
def test_a_mangled_name_is_never_a_card_of_another_memory_in_silence(seed: int) -> None:
    """A thousand: refused in one line, or a card that the words do name, or told by a note.

    In silence is: resolved, without a note, to a card that the typed digits, sizes, `Ti`, `SUPER`,
    `XT` or `Laptop` contradict.
    """
    silent, refused, found = [], 0, 0
    for word in thousand(seed):
        try:
            machine = cards.machine(word)
        except FitcheckError as fault:
            assert "\n" not in str(fault), word
            refused += 1
            continue
        found += 1
        gpu = GPUS.get(machine.cards[0].id)
        if gpu is not None and not machine.notes and (why := contradiction(word, gpu)):
            silent.append((word, gpu.id, why))

    assert silent == []
    assert (refused + found, refused > 400, found > 200) == (1000, True, True)


@pytest.mark.parametrize(
    "word", ["rtx 3090", "GeForce RTX 4090 Laptop GPU", "a100 80gb", "7900 XTX"]
)
def test_the_oracle_sees_what_is_wrong(word: str) -> None:
    """Of cards of another memory it says of every one that the word does not name it."""
    meant = GPUS[cards.machine(word).cards[0].id]
    others = [
        g for g in GPUS.values() if g.nominal_gb != meant.nominal_gb and g.model != meant.model
    ]

    assert contradiction(word, meant) == ""
    assert [g.id for g in others if not contradiction(word, g)] == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("rtx 3090 ti", "rtx-3090-ti"),
        ("4090 laptop", "rtx-4090-laptop"),
        ("a100 80", "a100-80gb-sxm"),
        ("a100-80", "a100-80gb-sxm"),
        ("m4 max 64", "apple-m4-max-64gb"),
        ("4060 ti 16", "rtx-4060-ti-16gb"),
        ("H100NVL", "h100-nvl"),
        ("3060 12gb", "rtx-3060-12gb"),
        ("l40s", "l40s"),
        ("l40", "l40"),
    ],
)
def test_names_that_are_easily_mistaken(word: str, expected: str) -> None:
    """Without a note: they are clear."""
    found = cards.machine(word)

    assert ([c.id for c in found.cards], found.notes) == ([expected], ())


@pytest.mark.parametrize(
    "word",
    [
        "3090 tii",
        "4090 ti",
        "rtx 3900",
        "rtx-3080-12gb 24gb",  # says two sizes
        "a6000 16gb 48gb",
        "v100 pcie max-q",
        "rtx 3060 24gb",
        "80 3090",  # a count without its x is at most sixteen
        "l400",
        "h100 sxm nvl",
    ],
)
def test_what_contradicts_itself_is_no_card(word: str) -> None:
    with pytest.raises(FitcheckError):
        cards.machine(word)


@pytest.mark.parametrize(("word", "hypothetical"), [("7GB", True), ("20GB", False), ("37GB", True)])
def test_a_size_that_no_card_has_is_hypothetical(word: str, hypothetical: bool) -> None:
    """And says so; of a size that cards have it says whose figure it takes."""
    found = cards.machine(word)

    assert ("hypothetical" in found.name) == hypothetical
    assert any("hypothetical" in note for note in found.notes) == hypothetical
    assert any(f"'{word}' counts as" in note for note in found.notes)


@pytest.mark.parametrize("word", ["7900xtx 80", "7900xtx2", "rx7900xtx 2", "mi300x 80"])
def test_the_x_of_a_name_is_no_times(word: str) -> None:
    """An RX 7900 XTX is never several RX 7900 XT."""
    with pytest.raises(FitcheckError):
        cards.machine(word)


@pytest.mark.parametrize(
    "word", ["7900xtx x2", "2x 7900xtx", "7900 xtx *2", "7900xtx:2", "2 7900xtx"]
)
def test_several_of_a_card_that_ends_in_x(word: str) -> None:
    assert [card.id for card in cards.machine(word).cards] == ["rx-7900-xtx"] * 2


def test_a_name_cut_short_may_be_cards_that_share_memory_too() -> None:
    """Those have no size of their own; of the others the least is taken."""
    found = cards.machine("Intel(R) A...")

    assert found.cards[0].id == "arc-a310"
    assert "arc-pro-b70 (32 GB)" in found.notes[0]
