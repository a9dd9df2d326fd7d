"""`fitcheck explain`."""

from pathlib import Path
from typing import Any

import click

from fitcheck import render, resolve
from fitcheck.cli import given, options, output


@click.command("explain")
@click.argument("model")
@options.workload_options
@options.catalog_option
@options.form_options
def command(
    model: str,
    overlays: tuple[Path, ...],
    form: render.Form,
    as_json: bool,
    **asked: Any,  # noqa: ANN401
) -> None:
    """Teach the estimate: every term, formula, source."""
    from fitcheck.answers.estimate import estimate
    from fitcheck.render import explain_text, objects

    subject = resolve.subject(model, given.catalog(overlays))
    found = estimate(subject, options.ask(**asked), given.measured())
    if form in ("table", "markdown") and not as_json:
        said = explain_text.text if form == "table" else explain_text.markdown
        click.echo(said(found), nl=False)
        return
    results = [objects.explained(e) for e in found]
    output.answer(
        form,
        as_json,
        whole=lambda: results[0] if len(results) == 1 else results,
        rows=lambda: [row for e in found for row in objects.terms(e)],
    )
