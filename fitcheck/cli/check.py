"""`fitcheck check`."""

from pathlib import Path
from typing import Any

import click

from fitcheck import render
from fitcheck.cli import given, options, output
from fitcheck.errors import BadInput


@click.command("check")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@options.card_options
@options.ram_option
@options.workload_options
@click.option("--strict", is_flag=True, help="Only `fits` counts as a yes.")
@click.option("--allow-offload", is_flag=True, help="Part of it in system RAM counts as a yes.")
@click.option("--fits", "only_fits", is_flag=True, help="Leave out what does not run.")
@options.local_option
@options.selection_options
@options.catalog_option
@options.form_options
def command(
    models: tuple[str, ...],
    gpus: tuple[str, ...],
    described: Path | None,
    only_fits: bool,
    on_this_machine: bool,
    overlays: tuple[Path, ...],
    form: render.Form,
    as_json: bool,
    **asked: Any,  # noqa: ANN401
) -> None:
    """What runs on the card: all models, or whether these MODELs do."""
    from fitcheck.answers import check
    from fitcheck.answers.asked import COLUMNS
    from fitcheck.render import check_grid, objects

    selection = options.selection(asked)
    if on_this_machine:
        if models or asked["precisions"] or asked["quants"]:
            raise BadInput("--local asks about models as stored: no MODEL, --precision, --quant")
        options.refuse_filters(selection)
        subjects = tuple(s.subject for s in given.stored() if s.subject is not None)
    else:
        subjects = given.selected(models, overlays, selection)
    table = not (models or on_this_machine or as_json or form != "table")
    with given.known_totals(overlays, wanted=table) as known:
        answer = check.check(
            subjects,
            given.machine(gpus, described, asked),
            options.ask(**asked),
            named=bool(models),
            solve="table" if table else "all" if models or on_this_machine else "batch",
            known=known,
            measured=given.measured(),
            columns=("fp16",) if on_this_machine else COLUMNS,
        )
    answer = check.only_fitting(answer) if only_fits else answer
    output.answer(
        form,
        as_json,
        grid=lambda: (check_grid.as_stored if on_this_machine else check_grid.grid)(answer),
        whole=lambda: objects.check(answer),
        rows=lambda: objects.check(answer)["results"],
    )
    raise SystemExit(answer.exit_code)
