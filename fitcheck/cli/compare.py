"""`fitcheck compare`."""

from pathlib import Path
from typing import Any

import click

from fitcheck import render
from fitcheck.cli import given, options, output


@click.command("compare")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@options.card_options
@options.ram_option
@options.workload_options
@click.option("--fits", "only_fits", is_flag=True, help="Leave out what runs on none of them.")
@options.selection_options
@options.catalog_option
@options.form_options
def command(
    models: tuple[str, ...],
    gpus: tuple[str, ...],
    described: Path | None,
    only_fits: bool,
    overlays: tuple[Path, ...],
    form: render.Form,
    as_json: bool,
    **asked: Any,  # noqa: ANN401
) -> None:
    """The same models on several cards, side by side."""
    from fitcheck.answers import compare
    from fitcheck.render import compare_grid, objects

    selection = options.selection(asked)
    table = not (models or as_json or form != "table")
    with given.known_totals(overlays, wanted=table) as known:
        answer = compare.compare(
            given.selected(models, overlays, selection),
            given.machines(gpus, described, ("detected",), asked),
            options.ask(**asked),
            named=bool(models),
            known=known,
            measured=given.measured(),
        )
    answer = compare.only_fitting(answer) if only_fits else answer
    output.answer(
        form,
        as_json,
        grid=lambda: compare_grid.grid(answer),
        whole=lambda: objects.compare(answer),
        rows=lambda: objects.compare_rows(answer),
    )
