"""Every example in README.md is run, and prints what it says there, character for character."""

import re
from pathlib import Path

import pytest

from fitcheck.catalog.checks import problems
from fitcheck.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text()
EXAMPLES = [
    (command, shown)
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=[c for c, _ in EXAMPLES])
def test_an_example_prints_what_it_shows(
    command: str,
    shown: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """80 columns wide, nothing of the user's own; the lines that set up are CI's to run."""
    name, *words = command.split()
    if name != "fitcheck":
        pytest.skip("sets up: run by CI")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    with pytest.raises(SystemExit):
        main(words)

    printed = capsys.readouterr()
    assert printed.out + printed.err == shown


def test_the_readme_has_examples() -> None:
    """And the two lines that set up: one for the main job, one for the tests."""
    commands = [command for command, _ in EXAMPLES]

    assert sum(c.startswith("fitcheck") for c in commands) >= 4
    assert sum(c.startswith("python3 -m venv") for c in commands) == 2


def test_the_catalog_file_that_it_shows_is_a_good_one(tmp_path: Path) -> None:
    """Whoever copies it begins with something that `catalog validate` passes."""
    (shown,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    file = tmp_path / "models.yaml"
    file.write_text(shown)

    assert problems(file) == []
