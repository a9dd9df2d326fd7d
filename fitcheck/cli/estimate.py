"""`fitcheck estimate`."""

from pathlib import Path
from typing import Any

import click

from fitcheck import render, resolve
from fitcheck.cli import given, options, output


@click.command("estimate")
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
    """Memory alone, no card needed: each component in bytes."""
    from fitcheck.answers.estimate import estimate
    from fitcheck.render import estimate_grid, objects

    subject = resolve.subject(model, given.catalog(overlays))
    found = estimate(subject, options.ask(**asked), given.measured())
    results = [objects.estimate(e) for e in found]
    output.answer(
        form,
        as_json,
        grid=lambda: estimate_grid.grid(found),
        whole=lambda: results[0] if len(results) == 1 else results,
        rows=lambda: results,
    )
