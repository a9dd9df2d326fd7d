"""`fitcheck measure`."""

import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

import click

from fitcheck import render, resolve
from fitcheck.cli import given, options, output, params
from fitcheck.errors import NoCard
from fitcheck.machine import Card


@click.command("measure")
@click.argument("model")
@options.workload_options
@click.option("--card", type=click.IntRange(0, 255), help="Its number in nvidia-smi.")
@click.option(
    "--runs",
    type=click.IntRange(1, 100),
    default=2,
    show_default=True,
    help="Each in a process of its own; the most counts.",
)
@click.option("--timeout", type=params.Finite(1), default=1800.0, help="Seconds for each run.")
@click.option("--python", default=sys.executable, help="The Python that has torch.")
@click.option(
    "--llama-cpp", type=click.Path(path_type=Path), help="The folder of llama.cpp's programs."
)
@click.option(
    "--log", type=click.Path(path_type=Path), help="Run nothing: read what an engine wrote."
)
@click.option("--save", is_flag=True, help="Keep the row; later answers use it.")
@options.catalog_option
@options.form_options
def command(
    model: str,
    card: int | None,
    runs: int,
    timeout: float,
    python: str,
    llama_cpp: Path | None,
    log: Path | None,
    save: bool,
    overlays: tuple[Path, ...],
    form: render.Form,
    as_json: bool,
    **asked: Any,  # noqa: ANN401
) -> None:
    """Run the model here on random weights, and put what it takes beside the estimate.

    Nothing is downloaded: the engine that is installed loads a model of the same shape. Exit 0:
    inside the estimate's range, 1: outside, 3: no card here.
    """
    from fitcheck.answers import measure, measure_jobs
    from fitcheck.measure import here, logs, rows
    from fitcheck.render import measure_grid, measure_objects

    entries = given.catalog(overlays)
    subject, ask = resolve.subject(model, entries), options.ask(**asked)
    if log is not None:
        reading = logs.read(log)
        e, readings = measure.one(subject, ask, reading), [reading]
        seen, driver = None, ""
    else:
        e = measure.one(subject, ask)
        seen, driver = _card(card)
        run = measure_jobs.run(e, model, entries, python, llama_cpp)
        start = here.on(seen, os.environ, card is not None, timeout)
        output.tell([f"running {e.subject.id} on {seen.name}; this takes a while"])
        readings = here.several(run, runs, start)
    found = measure.measure(e, readings, date.today().isoformat(), seen, driver)
    output.answer(
        form,
        as_json,
        grid=lambda: measure_grid.grid(found),
        whole=lambda: measure_objects.answer(found),
        rows=lambda: measure_objects.lines(found),
    )
    if save:
        rows.append(given.measured_file(), measure.kept(found))
        output.tell([f"kept in {given.measured_file()}"])
    raise SystemExit(found.exit_code)


def _card(wanted: int | None) -> tuple[Card, str]:
    """The card in this machine that was asked for, else its first, and its driver.

    Raises NoCard.
    """
    from fitcheck import cards

    machine = cards.detected()
    found = [c for c in machine.cards if wanted is None or c.index == wanted]
    if found:
        return found[0], machine.driver or ""
    if machine.cards:
        raise NoCard(f"no card here has the number {wanted}")
    why = "; ".join(f"{u.asked}: {u.why}" for u in machine.unseen)
    raise NoCard(
        f"measure runs the model, and there is no card here ({why}); "
        "--log FILE reads what an engine wrote elsewhere, `fitcheck estimate` needs no card"
    )
