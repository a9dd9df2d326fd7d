"""`fitcheck detect`."""

import os
from collections.abc import Iterator
from pathlib import Path

import click

from fitcheck import kept, render
from fitcheck.cli import given, options, output

# What programs and drivers heed of the environment, where cards are concerned.
_HEEDED = (
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
    "ASCEND_RT_VISIBLE_DEVICES", "ONEAPI_DEVICE_SELECTOR", "ZE_AFFINITY_MASK",
)  # fmt: skip
# Names that say nothing of anybody, and that a report may hold as words.
_NOBODY = ("localhost", "root", "user", "admin", "ubuntu", "nvidia", "jetson", "amd", "intel")


@click.command("detect")
@options.machine_option
@click.option("--verbose", "-v", is_flag=True, help="What was asked, and what came back.")
@click.option("--report", is_flag=True, help="The same to paste into a report: nothing private.")
@options.form_options
def command(
    described: Path | None, verbose: bool, report: bool, form: render.Form, as_json: bool
) -> None:
    """What this machine has, and what was not seen.

    Cards, memory in use and usable, driver, RAM, and why something was not seen. Exit 3: no card.
    """
    from fitcheck import cards
    from fitcheck.render import detect_grid, objects, report_text

    if described is None:
        found, readings = cards.detection()
    else:
        found, readings = given.from_file(described, one_program=False), ()
    if report:
        around, private = tuple(_around()), tuple(_private())
        click.echo(report_text.report(found, readings, around, private), nl=False)
        raise SystemExit(0 if found.cards else 3)
    output.answer(
        form,
        as_json,
        grid=lambda: detect_grid.grid(found, report_text.asked(readings) if verbose else ()),
        whole=lambda: {"schema": "fitcheck.machine/1", **objects.machine(found)},
        rows=lambda: [objects.card(c) for c in found.cards],
    )
    raise SystemExit(0 if found.cards else 3)


def _around() -> Iterator[str]:
    """The versions that matter, and what is set that hides cards."""
    import platform

    from fitcheck import __version__

    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    yield f"fitcheck {__version__}, Python {platform.python_version()}, {system}"
    yield from (f"{key}={os.environ[key]}" for key in _HEEDED if key in os.environ)


def _private() -> Iterator[str]:
    """Words that say whose computer this is."""
    import platform
    from getpass import getuser

    yield str(kept.home())
    try:
        user = getuser()
    except (OSError, KeyError):
        user = ""
    names = (platform.node(), platform.node().partition(".")[0], user)
    yield from (name for name in names if name.lower() not in _NOBODY)
