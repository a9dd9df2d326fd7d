"""What can be wrong with a question, as values and as the few exceptions that end a command."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

# What of a name that somebody typed is told in an error, which is one line.
LONGEST_SHOWN: Final = 200
_ALIKE: Final = 0.6  # the least likeness that is offered as meant, as difflib has it


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
    """The names most like `name`, best first: those that go on where it ends, the longest that it
    goes on from, then those with its letters in nearly its order.
    """
    wanted = spelled(name)
    words = {n: spelled(n) for n in names}
    longer = [n for n, has in words.items() if wanted and has[: len(wanted)] == wanted]
    shorter = [n for n, has in words.items() if len(has) > 1 and wanted[: len(has)] == has]
    alike = [(likeness, n) for n in words if (likeness := _likeness(name.lower(), n)) >= _ALIKE]
    close = sorted(alike, key=lambda pair: -pair[0])
    found = [*sorted(longer, key=len), *sorted(shorter, key=len)[-1:], *(n for _, n in close)]
    return list(dict.fromkeys(found))[:most]


def spelled(name: str) -> tuple[str, ...]:
    """Words and numbers of a name, however it is divided: `llama 3.1:8B` and `llama-3.1-8b` are
    one, `llama-13b` and `llama-1-3b` are not.
    """
    return tuple(re.findall(r"\d+(?:\.\d+)*|[^\W\d_]+", name.lower()))


def _likeness(name: str, other: str) -> float:
    """0 to 1: letters in common in their order, and in any, so that 3900 is 3090 before 390."""
    from difflib import SequenceMatcher

    match = SequenceMatcher(None, name, other)
    if match.real_quick_ratio() < _ALIKE or match.quick_ratio() < _ALIKE:
        return 0.0
    ratio = match.ratio()
    return 0.75 * ratio + 0.25 * match.quick_ratio() if ratio >= _ALIKE else 0.0


def printable(text: str) -> str:
    """`text` with control characters escaped, so that no file name or key can drive a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
