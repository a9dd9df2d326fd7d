"""What can be wrong with a question, as values and as the few exceptions that end a command."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

# What of a name that somebody typed is told in an error, which is one line.
LONGEST_SHOWN: Final = 200


class Problem(msgspec.Struct, frozen=True):
    """One fault in a file: where it is and what it is. `line` is 0 where it is not known."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        """`models.yaml:8: models[0].licence is given twice`, control characters as escapes."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        what = f"{self.path} {self.message}".strip()
        return printable(": ".join(part for part in (place, what) if part))


class FitcheckError(Exception):
    """The question cannot be answered as asked; its text is the one line that a user sees."""

    exit_code = 2


class UnknownName(FitcheckError):
    """Nothing is called that; the nearest names are offered."""

    def __init__(self, what: str, name: str, names: Iterable[str], hint: str = "") -> None:
        near = nearest(name, names)
        offer = f"; did you mean {' or '.join(near)}?" if near else ""
        shown = name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}..."
        super().__init__(printable(f"no {what} is called '{shown}'{offer or hint}"))


class BadInput(FitcheckError):
    """A file or an option that cannot be read as what it should be, in one line."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message).replace("\n", "\\n"))


class BadFile(FitcheckError):
    """A file with faults; every one of them is told, a line each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


class NoCard(FitcheckError):
    """There is no card to ask about."""

    exit_code = 3


def nearest(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names most like `name`, best first."""
    from difflib import get_close_matches

    return get_close_matches(name.lower(), list(names), n=most, cutoff=0.6)


def printable(text: str) -> str:
    """`text` with control characters escaped, so that no file name or key can drive a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
