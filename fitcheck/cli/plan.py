"""`fitcheck plan`."""

from pathlib import Path
from typing import Any

import click

from fitcheck import render, resolve
from fitcheck.cli import options

# Cards that people have, rent and buy, small to large: what is planned for when none is named.
USUAL = (
    "6GB", "8GB", "3060", "4060 ti 16gb", "3090", "4090", "5090", "l40s", "a100-40gb",
    "a100-80gb", "h100", "h200", "b200", "mi300x",
)  # fmt: skip


@click.command("plan")
@click.argument("model")
@options.card_options
@options.ram_option
@options.workload_options
@click.option("--strict", is_flag=True, help="Only `fits` counts as a yes.")
@click.option("--allow-offload", is_flag=True, help="Part of it in system RAM counts as a yes.")
@options.catalog_option
@options.form_options
def command(
    model: str,
    gpus: tuple[str, ...],
    described: Path | None,
    overlays: tuple[Path, ...],
    form: render.Form,
    as_json: bool,
    **asked: Any,  # noqa: ANN401
) -> None:
    """Which cards, and how many of them, run this MODEL; longest context and most users on each.

    With one --gpu: the quantizations that run there, from the best down.
    """
    from fitcheck.answers import plan
    from fitcheck.render import objects, plan_grid

    answer = plan.plan(
        resolve.subject(model, options.catalog(overlays)),
        options.machines(gpus, described, USUAL, asked),
        options.ask(**asked),
        options.measured(),
    )
    options.answer(
        form,
        as_json,
        grid=lambda: plan_grid.grid(answer),
        whole=lambda: objects.plan(answer),
        rows=lambda: objects.plan(answer)["results"],
    )
    raise SystemExit(answer.exit_code)
