"""`fitcheck check`."""

from pathlib import Path
from typing import Any

import click

from fitcheck import render, resolve
from fitcheck.cli import options


@click.command("check")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@options.gpu_option
@options.workload_options
@click.option("--strict", is_flag=True, help="Only `fits` counts as a yes.")
@click.option("--allow-offload", is_flag=True, help="Part of it in system RAM counts as a yes.")
@options.catalog_option
@options.form_options
def command(
    models: tuple[str, ...],
    gpus: tuple[str, ...],
    overlays: tuple[Path, ...],
    form: render.Form,
    as_json: bool,
    **asked: Any,  # noqa: ANN401
) -> None:
    """What runs on the card: all models, or whether these MODELs do."""
    from fitcheck.answers import check
    from fitcheck.render import check_grid, objects

    catalog = options.catalog(overlays)
    answer = check.check(
        resolve.subjects(models, catalog) or resolve.everything(catalog),
        options.machine(gpus),
        options.ask(**asked),
        named=bool(models),
        solve=bool(models) or form != "table" or as_json,
    )
    options.say(
        render.text(
            options.chosen(form, as_json),
            grid=lambda: check_grid.grid(answer),
            whole=lambda: objects.check(answer),
            rows=lambda: objects.check(answer)["results"],
            width=options.width(),
            colour=options.colour(),
        )
    )
    raise SystemExit(answer.exit_code)
