"""What docs/machines.md says is so."""

import re
from pathlib import Path
from typing import Final

import pytest

from fitcheck import cards
from fitcheck.cards.profile import Profile, ProfileCard
from fitcheck.cli import main
from fitcheck.errors import BadInput
from fitcheck.units import GIB, Bytes, gib

TEXT: Final = (Path(__file__).parents[1] / "docs" / "machines.md").read_text("utf-8")
PROFILES: Final = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("profile", PROFILES, ids=["short", "long"])
def test_a_profile_of_the_page_is_read(profile: str) -> None:
    assert cards.read_capture(profile).cards


def test_the_page_has_every_key_of_a_profile() -> None:
    """And the words before them are the keys."""
    keys = set(re.findall(r"(?m)^(?:  - |    )?(\w+):", PROFILES[1]))

    assert keys == {*Profile.__struct_fields__, *ProfileCard.__struct_fields__}


def names() -> list[str]:
    """What stands in backticks in the section on names, and is one."""
    section = TEXT.partition("## A card by name")[2].partition("## This machine")[0]
    quoted = re.findall(r"`([^`]+)`", section.replace("\n", " "))
    return [
        w.removeprefix("--gpu ") for w in quoted if not w.startswith(("fitcheck", "--v", "--m"))
    ]


@pytest.mark.parametrize("name", names())
def test_a_name_of_the_page_is_known(name: str) -> None:
    try:
        assert cards.machine(name).cards
    except BadInput as fault:
        pytest.fail(str(fault))


def test_the_commands_of_the_page_have_these_options(capsys: pytest.CaptureFixture[str]) -> None:
    """As their help lists them."""
    said = ""
    for command in ("check", "detect", "gpus"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        said += capsys.readouterr().out
    named = set(re.findall(r"--(?:machine|reserve|assume-empty|cloud|vendor|min-memory)", TEXT))

    assert {option for option in named if option not in said} == set()
    assert "--verbose" in said and "--report" in said


def test_the_steps_of_the_3090_are_its_figures() -> None:
    """Sticker, reported, usable, and that less a GiB."""
    (card,) = cards.machine("3090").cards
    steps = re.findall(r"(?m)\| ([\d.]+) GiB \|$", TEXT)

    figures = (Bytes(24 * GIB), card.total, card.visible, card.available, card.available - GIB)
    assert steps == [gib(size) for size in figures]
