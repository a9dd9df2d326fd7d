"""`fitcheck gpus`."""

import click

from fitcheck import render
from fitcheck.cli import options, output, params
from fitcheck.units import Bytes


@click.command("gpus")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@click.option("--vendor", help="Only nvidia, amd, apple, intel, ...")
@click.option("--min-memory", type=params.Size(), help="At least so much on its box: 24GB.")
@click.option("--cloud", is_flag=True, help="Instances that clouds rent out, for --gpu aws:NAME.")
@options.form_options
def command(
    words: tuple[str, ...],
    vendor: str | None,
    min_memory: Bytes | None,
    cloud: bool,
    form: render.Form,
    as_json: bool,
) -> None:
    """The cards that `--gpu` knows.

    With what a driver reports and what a program can use of it. WORDs narrow the list (`fitcheck
    gpus rtx 40`); the name of one card tells all of it, with its sources (`fitcheck gpus 3090`).
    """
    if cloud:
        return _cloud(words, form, as_json)
    from fitcheck.cards import listed
    from fitcheck.render import gpu_objects, gpu_text, lists

    alone = listed.one(words) if words and vendor is None and min_memory is None else None
    if alone is not None and form == "table" and not as_json:
        click.echo(gpu_text.text(alone), nl=False)
        return None
    found = (alone,) if alone is not None else listed.some(words, vendor, min_memory)
    rows = [gpu_objects.gpu(one) for one in found]
    return output.answer(
        form,
        as_json,
        grid=lambda: lists.cards([one.card for one in found if one.card]),
        whole=lambda: {"schema": "fitcheck.gpus/1", "gpus": rows},
        rows=lambda: rows,
    )


def _cloud(words: tuple[str, ...], form: render.Form, as_json: bool) -> None:
    from fitcheck.catalog.cloud import load_instances
    from fitcheck.render import gpu_objects, gpu_text

    wanted = [word.lower() for word in words]
    found = [
        row
        for row in load_instances()
        if all(word in f"{row.id} {row.gpu} {row.card}".lower() for word in wanted)
    ]
    rows = [gpu_objects.instance(row) for row in found]
    output.answer(
        form,
        as_json,
        grid=lambda: gpu_text.instances(found),
        whole=lambda: {"schema": "fitcheck.cloud/1", "instances": rows},
        rows=lambda: rows,
    )
