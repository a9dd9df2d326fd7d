"""`fitcheck quants`."""

import re

import click

from fitcheck import quantization, render
from fitcheck.cli import options, output
from fitcheck.errors import BadInput


@click.command("quants")
@click.argument("scheme", required=False)
@click.option("--layer", metavar="INxOUT", help="Bytes of one linear layer of that shape.")
@options.form_options
def command(scheme: str | None, layer: str | None, form: render.Form, as_json: bool) -> None:
    """The quantization schemes, or one SCHEME.

    Bits for a weight, engines that run it, what it needs of a card, what it costs in quality.
    """
    from fitcheck.render import list_objects, lists

    if layer is not None:
        if scheme is None:
            raise BadInput("--layer needs a scheme: fitcheck quants bnb-nf4 --layer 4096x4096")
        shape = _shape(layer)
        packed = list_objects.layer(quantization.packing(scheme, *shape), *shape)
        output.answer(
            form,
            as_json,
            grid=lambda: lists.of_objects([packed], list_objects.LAYER_HEADINGS),
            whole=lambda: packed,
            rows=lambda: [packed],
        )
        return
    found = [quantization.scheme(scheme)] if scheme else list(quantization.SCHEMES.values())
    if scheme and form == "table" and not as_json:
        click.echo(lists.one_scheme(found[0]), nl=False)
        return
    rows = [list_objects.scheme(s) for s in found]
    output.answer(
        form,
        as_json,
        grid=lambda: lists.schemes(found),
        whole=lambda: {"schema": "fitcheck.quants/1", "quants": rows},
        rows=lambda: rows,
    )


def _shape(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,9})\s*[xX*]\s*(\d{1,9})", text.strip(), re.ASCII)
    if match is None or not int(match[1]) or not int(match[2]):
        raise BadInput(f"--layer is '{text}', not a shape like 4096x11008")
    return int(match[1]), int(match[2])
