"""`fitcheck models`."""

from pathlib import Path
from typing import Any

import click

from fitcheck import render, resolve
from fitcheck.cli import options


@click.command("models")
@options.selection_options
@options.catalog_option
@options.form_options
def command(
    overlays: tuple[Path, ...],
    form: render.Form,
    as_json: bool,
    **filters: Any,  # noqa: ANN401
) -> None:
    """What is in the catalog."""
    from fitcheck.render import lists, objects

    catalog = options.catalog(overlays)
    takes = options.selection(filters).takes
    found = [s for e in catalog if takes(s := resolve.of_entry(e, catalog))]
    rows = [objects.model(s) for s in found]
    options.answer(
        form,
        as_json,
        grid=lambda: lists.models(found),
        whole=lambda: {"schema": "fitcheck.models/1", "models": rows},
        rows=lambda: rows,
    )
