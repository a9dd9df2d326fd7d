"""`fitcheck upgrade`."""

from pathlib import Path
from typing import Any

import click

from fitcheck import render
from fitcheck.cli import given, options, output


@click.command("upgrade")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--from", "origin", default="detected", help="The card that is there: 3060.")
@click.option("--to", "targets", multiple=True, required=True, help="One to move to. Repeatable.")
@options.ram_option
@options.workload_options
@options.selection_options
@options.catalog_option
@options.form_options
def command(
    models: tuple[str, ...],
    origin: str,
    targets: tuple[str, ...],
    overlays: tuple[Path, ...],
    form: render.Form,
    as_json: bool,
    **asked: Any,  # noqa: ANN401
) -> None:
    """What another card opens: models that newly run, better precision, longer context."""
    from fitcheck.answers import upgrade
    from fitcheck.render import plan_objects, upgrade_grid

    selection = options.selection(asked)
    answer = upgrade.upgrade(
        given.selected(models, overlays, selection),
        given.named(origin),
        tuple(given.named(word) for word in targets),
        options.ask(**asked),
        named=bool(models),
        measured=given.measured(),
    )
    output.answer(
        form,
        as_json,
        grid=lambda: upgrade_grid.grid(answer),
        whole=lambda: plan_objects.upgrade(answer),
        rows=lambda: plan_objects.upgrade_rows(answer),
    )
