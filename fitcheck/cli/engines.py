"""`fitcheck engines`."""

import click

from fitcheck import render
from fitcheck.cli import options


@click.command("engines")
@options.form_options
def command(form: render.Form, as_json: bool) -> None:
    """The engines, and what each takes when nothing is said."""
    from fitcheck.engines import ENGINES
    from fitcheck.render import lists, objects

    rows = [objects.engine(e) for e in ENGINES.values()]
    options.answer(
        form,
        as_json,
        grid=lambda: lists.engines(ENGINES.values()),
        whole=lambda: {"schema": "fitcheck.engines/1", "engines": rows},
        rows=lambda: rows,
    )
