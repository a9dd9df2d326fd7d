"""`fitcheck detect`."""

from pathlib import Path

import click

from fitcheck import render
from fitcheck.cli import options


@click.command("detect")
@options.machine_option
@options.form_options
def command(described: Path | None, form: render.Form, as_json: bool) -> None:
    """What this machine has, and what was not seen.

    Cards, memory in use and usable, driver, RAM, and why something was not seen. Exit 3: no card.
    """
    from fitcheck import cards
    from fitcheck.render import detect_grid, objects

    found = options.from_file(described) if described else cards.detected()
    options.answer(
        form,
        as_json,
        grid=lambda: detect_grid.grid(found),
        whole=lambda: {"schema": "fitcheck.machine/1", **objects.machine(found)},
        rows=lambda: [objects.card(c) for c in found.cards],
    )
    raise SystemExit(0 if found.cards else 3)
