"""`fitcheck upgrade`."""

from pathlib import Path
from typing import Any

import click

from fitcheck import render, resolve
from fitcheck.cli import options


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
    from fitcheck.render import objects, upgrade_grid

    selection = options.selection(asked)
    answer = upgrade.upgrade(
        resolve.selected(models, options.catalog(overlays), selection.takes),
        options.named(origin),
        tuple(options.named(word) for word in targets),
        options.ask(**asked),
        named=bool(models),
        measured=options.measured(),
    )
    options.answer(
        form,
        as_json,
        grid=lambda: upgrade_grid.grid(answer),
        whole=lambda: objects.upgrade(answer),
        rows=lambda: objects.upgrade_rows(answer),
    )
