"""`fitcheck models`."""

from pathlib import Path
from typing import Any

import click

from fitcheck import render, resolve
from fitcheck.cli import given, options, output


@click.command("models")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@options.local_option
@options.selection_options
@options.catalog_option
@options.form_options
def command(
    on_this_machine: bool,
    overlays: tuple[Path, ...],
    form: render.Form,
    as_json: bool,
    **filters: Any,  # noqa: ANN401
) -> None:
    """What is in the catalog, or with --local what other programs have put on this machine.

    WORDs narrow the list to what has them in a name: `fitcheck models qwen3 coder`.
    """
    from fitcheck.render import list_objects, lists

    selection = options.selection(filters)
    if on_this_machine:
        options.refuse_filters(selection)
        stored = given.stored()
        held = [list_objects.stored(s) for s in stored]
        output.answer(
            form,
            as_json,
            grid=lambda: lists.stored(stored),
            whole=lambda: {"schema": "fitcheck.local/1", "models": held},
            rows=lambda: held,
        )
        return
    catalog = given.catalog(overlays)
    selection.check(catalog)
    found = [s for e in catalog if selection.takes(s := resolve.of_entry(e, catalog))]
    output.tell([] if found else ["no model of the catalog passes all of these filters"])
    rows = [list_objects.model(s) for s in found]
    output.answer(
        form,
        as_json,
        grid=lambda: lists.models(found),
        whole=lambda: {"schema": "fitcheck.models/1", "models": rows},
        rows=lambda: rows,
    )
