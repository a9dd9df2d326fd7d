"""Answers → text. Nothing here looks at a terminal: width and colour are given."""

from collections.abc import Callable, Sequence
from typing import Final, Literal

from fitcheck.render.grid import Grid, Object

Form = Literal["table", "json", "csv", "markdown", "yaml"]
FORMS: Final[tuple[Form, ...]] = ("table", "json", "csv", "markdown", "yaml")


def text(
    form: Form,
    *,
    grid: Callable[[], Grid],
    whole: Callable[[], object],
    rows: Callable[[], Sequence[Object]],
    width: int,
    colour: bool,
) -> str:
    """The answer in the form asked for: people get `grid`, programs `whole`, sheets `rows`."""
    match form:
        case "table":
            from fitcheck.render import as_table

            return as_table.draw(grid(), width, colour)
        case "markdown":
            from fitcheck.render import as_markdown

            return as_markdown.draw(grid())
        case "json":
            from fitcheck.render import as_json

            return as_json.draw(whole())
        case "yaml":
            from fitcheck.render import as_yaml

            return as_yaml.draw(whole())
        case "csv":
            from fitcheck.render import as_csv

            return as_csv.draw(rows())
