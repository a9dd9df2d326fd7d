"""Options that commands share, and what their words become."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fitcheck.answers.asked import Ask
from fitcheck.catalog import Catalog, load_models
from fitcheck.errors import BadInput
from fitcheck.machine import Machine
from fitcheck.render import FORMS, Form

F = TypeVar("F", bound=Callable[..., Any])


class Tokens(click.ParamType):
    """`4096`, `8k`, `128k`, `1M`: a count of tokens."""

    name = "tokens"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:  # noqa: ANN401  (click's signature)
        """Whole and at least 1, thousands of 1024."""
        text = str(value).strip().lower().replace("_", "").replace(",", "")
        factor = {"k": 1 << 10, "m": 1 << 20}.get(text[-1:], 1)
        digits = text[:-1] if factor > 1 else text
        if not digits.isascii() or not digits.isdigit() or not 0 < int(digits) * factor < 1 << 40:
            self.fail(f"'{value}' is no number of tokens (4096, 8k, 128k)", param, ctx)
        return int(digits) * factor


def many(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several option decorators as one, in the order that help shows them."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


workload_options = many(
    click.option("--engine", help="transformers (default), llama.cpp, vllm, ..."),
    click.option(
        "--precision",
        "precisions",
        multiple=True,
        type=click.Choice(("fp16", "int8", "int4"), case_sensitive=False),
        help="A column: what the engine runs at that precision. Repeatable.",
    ),
    click.option(
        "--quant", "quants", multiple=True, help="An exact scheme: q4_k_m, bnb-nf4, gptq-int4, ..."
    ),
    click.option("--context", type=Tokens(), help="Tokens of one sequence, prompt and answer."),
    click.option("--prompt", type=Tokens(), help="How many of them arrive at once (all)."),
    click.option("--batch", type=click.IntRange(1, 1 << 20), default=1, help="Sequences at once."),
    click.option("--kv-cache", help="Type of the KV cache: fp16, fp8, q8_0, q4_0, ..."),
    click.option("--attention", type=click.Choice(("auto", "flash", "sdpa", "eager"))),
    click.option("--ubatch", type=click.IntRange(1, 1 << 20), help="llama.cpp: micro-batch (512)."),
    click.option("--parallel", type=click.IntRange(1, 1 << 16), help="llama.cpp: slots (1)."),
    click.option(
        "--gpu-memory-utilization",
        type=click.FloatRange(0, 1, min_open=True),
        help="vLLM: its share of the card (0.92).",
    ),
)

form_options = many(
    click.option("--format", "form", type=click.Choice(FORMS), default="table", show_default=True),
    click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
)

catalog_option = click.option(
    "--catalog",
    "overlays",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Lay this catalog over the built-in one. Repeatable.",
)

gpu_option = click.option(
    "--gpu",
    "gpus",
    multiple=True,
    help="3090, 6GB, a100-80gb, 2x3090, '3090,4090', detected. Default: the card in this machine.",
)


def ask(**options: Any) -> Ask:  # noqa: ANN401  (what click collected)
    """The question's options as a record; options of other concerns are left out."""
    names = Ask.__struct_fields__
    found = {k: tuple(v) if isinstance(v, list | tuple) else v for k, v in options.items()}
    return Ask(**{k: v for k, v in found.items() if k in names})


def catalog(overlays: tuple[Path, ...]) -> Catalog:
    """The built-in catalog, what lies in the user's configuration folder, and what was named."""
    own = Path(click.get_app_dir("fitcheck")) / "models.yaml"
    return load_models(((own,) if own.is_file() else ()) + overlays)


def machine(gpus: tuple[str, ...]) -> Machine:
    """The one machine that was named, or this one. Raises NoCard, UnknownName, BadInput."""
    from fitcheck import cards

    if len(gpus) > 1:
        both = ",".join(gpus)
        raise BadInput(
            f"several --gpu: `--gpu {both}` is one machine with all of them, "
            "`fitcheck compare` puts machines side by side"
        )
    return cards.machine(gpus[0] if gpus else "detected")


def chosen(form: Form, as_json: bool) -> Form:
    """--json is short for --format json."""
    return "json" if as_json else form


def width() -> int:
    """Columns of the terminal; COLUMNS counts, and 80 where nothing is known."""
    from shutil import get_terminal_size

    return get_terminal_size((80, 24)).columns


def colour() -> bool:
    """Only on a terminal, and never against NO_COLOR (no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def say(text: str) -> None:
    """Print an answer."""
    click.echo(text, nl=False, color=True)
