"""The way out: answers on stdout in the form asked for, talk on stderr."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence

import click

from fitcheck.errors import printable
from fitcheck.render import Form, text
from fitcheck.render.grid import Grid, Object


def width() -> int:
    """Columns of the terminal; COLUMNS counts, and 80 where nothing is known."""
    from shutil import get_terminal_size

    return get_terminal_size((80, 24)).columns


def colour() -> bool:
    """Only on a terminal, and never against NO_COLOR (no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def answer(
    form: Form,
    as_json: bool,
    *,
    grid: Callable[[], Grid] = Grid,
    whole: Callable[[], object],
    rows: Callable[[], Sequence[Object]],
) -> None:
    """Print an answer in the form asked for."""
    said = text(
        "json" if as_json else form,
        grid=grid,
        whole=whole,
        rows=rows,
        width=width(),
        colour=colour(),
    )
    click.echo(_sayable(said, as_json or form == "json"), nl=False, color=True)


def _sayable(said: str, as_json: bool) -> str:
    """The text, without what stdout has no letters for: JSON's own escapes, or question marks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        said.encode(encoding)
    except UnicodeEncodeError:
        if not as_json:
            return said.encode(encoding, "replace").decode(encoding)
        from json import dumps

        return "".join(c if c.isascii() else dumps(c)[1:-1] for c in said)
    return said


def tell(notes: Iterable[str]) -> None:
    """Say on stderr what a reader of stdout should not have to skip."""
    for note in dict.fromkeys(notes):
        click.echo(f"fitcheck: {printable(note)}", err=True)
