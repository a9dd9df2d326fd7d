"""`fitcheck plan`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fitcheck import render, resolve
from fitcheck.cli import given, options, output, params

if TYPE_CHECKING:
    from fitcheck.answers.ways import Rental

# Cards that people have, rent and buy, small to large: what is planned for when none is named.
USUAL = (
    "6GB", "8GB", "3060 12gb", "4060 ti 16gb", "3090", "4090", "5090", "l40s", "a100-40gb",
    "a100-80gb", "h100-sxm", "h200", "b200", "mi300x",
)  # fmt: skip


@click.command("plan")
@click.argument("model")
@options.card_options
@options.ram_option
@options.workload_options
@click.option("--strict", is_flag=True, help="Only `fits` counts as a yes.")
@click.option("--allow-offload", is_flag=True, help="Part of it in system RAM counts as a yes.")
@click.option(
    "--budget",
    type=params.Finite(0, min_open=True),
    help="US dollars an hour: what can be rented for that, where the price is known.",
)
@options.catalog_option
@options.form_options
def command(
    model: str,
    budget: float | None,
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
    from fitcheck.answers import plan, ways
    from fitcheck.render import plan_grid, plan_objects

    named = bool(gpus or described)
    market = ways.Market(
        cards=given.unasked(USUAL) if named else (),
        rentals=() if named and budget is None else _rentals(),
        budget=budget,
    )

    answer = plan.plan(
        resolve.subject(model, given.catalog(overlays)),
        given.machines(gpus, described, USUAL, asked),
        options.ask(**asked),
        given.measured(),
        market,
    )
    output.answer(
        form,
        as_json,
        grid=lambda: plan_grid.grid(answer),
        whole=lambda: plan_objects.plan(answer),
        rows=lambda: plan_objects.plan(answer)["results" if budget is None else "ways"],
    )
    raise SystemExit(answer.exit_code)


def _rentals() -> "tuple[Rental, ...]":
    """What clouds rent out, with its price where the table has one."""
    from fitcheck import cards
    from fitcheck.answers.ways import Rental
    from fitcheck.catalog.cloud import load_instances

    return tuple(
        Rental(name=row.id, machine=cards.machine(row.id), price=row.price, source=row.source)
        for row in load_instances()
        if row.count is not None
    )
