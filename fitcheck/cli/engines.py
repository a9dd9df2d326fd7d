"""`fitcheck engines`."""

import click

from fitcheck import render
from fitcheck.cli import options, output


@click.command("engines")
@click.argument("name", required=False)
@options.form_options
def command(name: str | None, form: render.Form, as_json: bool) -> None:
    """The engines, or one engine's options: what they are called there, and their defaults."""
    from fitcheck.answers.asked import engine_named
    from fitcheck.engines import ENGINES
    from fitcheck.render import list_objects, lists

    if name is not None:
        engine = engine_named(name)
        told = [list_objects.option(o) for o in engine.options]
        output.answer(
            form,
            as_json,
            grid=lambda: lists.options(engine),
            whole=lambda: {"schema": "fitcheck.options/1", "engine": engine.name, "options": told},
            rows=lambda: told,
        )
        return
    rows = [list_objects.engine(e) for e in ENGINES.values()]
    output.answer(
        form,
        as_json,
        grid=lambda: lists.engines(ENGINES.values()),
        whole=lambda: {"schema": "fitcheck.engines/1", "engines": rows},
        rows=lambda: rows,
    )
