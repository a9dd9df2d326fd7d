"""Programs are started, watched and ended; these are small ones, under this very Python."""

import sys
from pathlib import Path

import pytest

from fitcheck.measure.meter import Count
from fitcheck.measure.process import Command, start, starter
from fitcheck.units import Bytes


def python(code: str, until: str = "") -> Command:
    return Command(words=(sys.executable, "-S", "-c", code), until=until)


def blind() -> None:
    return None


def test_what_it_printed_and_how_it_ended_are_told() -> None:
    """Both streams, apart."""
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    found = start(python(code), blind, 30)

    assert (found.code, found.output, found.errors) == (3, "out\n", "err\n")
    assert (found.process, found.told) == (None, "")


def test_what_takes_too_long_is_ended() -> None:
    """Nothing stays behind on the card."""
    found = start(python("import time; time.sleep(60)"), blind, 0.3)

    assert found.code is None


def test_a_server_is_ended_once_it_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would never end by itself."""
    monkeypatch.setattr("fitcheck.measure.process._READY_SECONDS", 0.0)
    code = "import time; print('listening on http://x', flush=True); time.sleep(60)"
    found = start(python(code, until="listening on http"), blind, 30)

    assert found.code == 0
    assert "listening" in found.output


def test_a_signal_is_told_as_such() -> None:
    """The kernel ends what takes too much RAM with signal 9."""
    found = start(python("import os; os.kill(os.getpid(), 9)"), blind, 30)

    assert found.code == -9


def test_the_environment_is_added_to() -> None:
    """What the user has set stays, and the card is chosen on top."""
    run = starter(blind, 30, {"FITCHECK_ONE": "1"})
    found = run(python("import os; print(os.environ['FITCHECK_ONE'], 'PATH' in os.environ)"))

    assert found.output == "1 True\n"


def test_a_program_that_is_not_there_raises() -> None:
    """Who asked for it knows what to say."""
    with pytest.raises(OSError):
        start(Command(words=("/nowhere/at/all",)), blind, 1)


def test_a_path_is_meant_from_where_fitcheck_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program starts in a folder of its own, where `venv/bin/python` would be nothing."""
    (tmp_path / "here").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    found = start(Command(words=("./here", "-S", "-c", "print(1)")), blind, 30)

    assert found.output == "1\n"


def test_what_the_card_held_before_is_not_the_programs() -> None:
    """Where the driver tells no process apart, as in containers."""
    counts = iter([100, 100, 900, 900])
    seen = [100]

    def meter() -> Count:
        seen.append(next(counts, 900))
        return Count(Bytes(seen[-1]), {})

    found = start(python("import time; time.sleep(0.35)"), meter, 30)

    assert found.process == 800
    assert "whole card" in found.told
