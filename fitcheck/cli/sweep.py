"""`fitcheck sweep`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fitcheck import render, resolve
from fitcheck.cli import given, options, output, params
from fitcheck.errors import BadInput

if TYPE_CHECKING:
    from fitcheck.answers.sweep import SweepAnswer
    from fitcheck.render.plot import Plot


class Contexts(click.ParamType[tuple[int, ...]]):
    """`1k,2k,4096`: counts of tokens."""

    name = "tokens,tokens"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:  # noqa: ANN401  (click's signature)
        """Each as --context has it."""
        one = params.Tokens()
        return tuple(one.convert(word, param, ctx) for word in str(value).split(","))


@click.command("sweep")
@click.argument("model")
@options.card_options
@click.option("--contexts", type=Contexts(), help="1k,2k,... Default: powers of two to the limit.")
@click.option(
    "--plot",
    "file",
    type=click.Path(path_type=Path),
    help="Draw it: .svg, or .png with matplotlib.",
)
@options.workload_options
@options.catalog_option
@options.form_options
def command(
    model: str,
    gpus: tuple[str, ...],
    described: Path | None,
    contexts: tuple[int, ...] | None,
    file: Path | None,
    overlays: tuple[Path, ...],
    form: render.Form,
    as_json: bool,
    **asked: Any,  # noqa: ANN401
) -> None:
    """Memory of this MODEL by context, for each precision or --quant, and where a card ends."""
    from fitcheck.answers.sweep import sweep
    from fitcheck.render import sweep_grid, sweep_objects

    ask = options.ask(**asked)
    answer = sweep(
        resolve.subject(model, given.catalog(overlays)),
        given.machines(gpus, described, (), asked),
        ask,
        contexts or ((ask.context,) if ask.context else ()),
    )
    if file is not None:
        _write(file, sweep_grid.plot(answer))
    output.answer(
        form,
        as_json,
        grid=lambda: sweep_grid.grid(answer, _drawn(answer) if form == "table" else ()),
        whole=lambda: sweep_objects.sweep(answer),
        rows=lambda: sweep_objects.rows(answer),
    )


def _drawn(answer: "SweepAnswer") -> tuple[str, ...]:
    """The plot for this terminal, where there is more than one context."""
    from fitcheck.render import plot_text, sweep_grid

    if len(answer.contexts) < 2:
        return ()
    return plot_text.draw(sweep_grid.plot(answer), output.width(), plain=not _has_braille())


def _has_braille() -> bool:
    """Whether what is printed can hold braille characters."""
    try:
        "⠿".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _write(file: Path, plot: "Plot") -> None:
    from fitcheck.render import plot_png, plot_svg

    match file.suffix.lower():
        case ".svg":
            drawn = plot_svg.draw(plot).encode()
        case ".png":
            drawn = plot_png.draw(plot)
        case other:
            raise BadInput(f"--plot writes .svg and .png, not '{other or file.name}'")
    try:
        file.write_bytes(drawn)
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}") from None
