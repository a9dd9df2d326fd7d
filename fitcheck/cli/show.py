"""`fitcheck show`."""

from pathlib import Path

import click

from fitcheck import render, resolve
from fitcheck.cli import given, options, output


@click.command("show")
@click.argument("model")
@options.catalog_option
@options.form_options
def command(model: str, overlays: tuple[Path, ...], form: render.Form, as_json: bool) -> None:
    """One MODEL: facts, parts, the publisher's claims.

    Dimensions, parameters by part, licence, and what the publisher says it needs beside what we
    find on the machine that they name.
    """
    from fitcheck import cards
    from fitcheck.answers import show
    from fitcheck.render import list_objects, show_text

    answer = show.show(resolve.subject(model, given.catalog(overlays)), cards.machine)
    if form in ("table", "markdown") and not as_json:
        table = form == "table"
        said = show_text.text(answer, output.width()) if table else show_text.markdown(answer)
        click.echo(said, nl=False)
        return
    output.answer(
        form,
        as_json,
        whole=lambda: list_objects.show(answer),
        rows=lambda: [list_objects.show(answer)],
    )
