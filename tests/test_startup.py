"""What is imported is paid for: held by names, not by the clock."""

import subprocess
import sys

import pytest

HEAVY = (
    "yaml", "tabulate", "wcwidth", "psutil", "pynvml", "subprocess", "asyncio", "csv", "difflib",
    "importlib.metadata", "huggingface_hub", "matplotlib", "json",
)  # fmt: skip


def loaded(code: str) -> set[str]:
    """The heavy modules that are there after this code."""
    ask = f"{code}\nimport sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return set(eval(found.stdout.splitlines()[-1]))


def test_help_loads_nothing_heavy() -> None:
    """`import fitcheck.cli` is all that --help and completion pay for."""
    assert loaded("import fitcheck.cli") == set()


@pytest.mark.parametrize("words", ["--help", "check --help", "--version"])
def test_asking_for_help_loads_nothing_heavy(words: str) -> None:
    """Help of a command loads the command, and no engine's or catalog's tools."""
    code = (
        f"import fitcheck.cli\ntry: fitcheck.cli.main({words.split()!r})\nexcept SystemExit: pass"
    )

    assert loaded(code) <= {"difflib"}


def test_help_loads_no_engine_no_catalog_and_no_arithmetic() -> None:
    """Commands say what they take; who only reads that pays for no answer."""
    code = (
        "import fitcheck.cli\ntry: fitcheck.cli.main(['--help'])\nexcept SystemExit: pass\n"
        "import sys; print([m for m in sys.modules if m.startswith('fitcheck.')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rooms = {name.split(".")[1] for name in eval(ran.stdout.splitlines()[-1])}

    assert rooms <= {"cli", "errors"}


def test_the_package_itself_is_free() -> None:
    """`import fitcheck` is the version, nothing else."""
    code = "import sys; n = len(sys.modules); import fitcheck; print(len(sys.modules) - n)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "1\n"
