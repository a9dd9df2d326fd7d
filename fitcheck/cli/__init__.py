"""argv → question → answer → text → exit code; a command is a few lines in a file of its own."""

import gc
import os
import sys
from collections.abc import Sequence

import click

from fitcheck import __version__
from fitcheck.errors import FitcheckError, nearest, printable


class Commands(click.Group):
    """The commands, imported when they are asked for; options alone mean `check`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`fitcheck --gpu 3090` is `fitcheck check --gpu 3090`."""
        if not args or (args[0].startswith("-") and args[0] not in ("--help", "-h", "--version")):
            args = ["check", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In their order."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command from its module."""
        if cmd_name not in _COMMANDS:
            return None
        from importlib import import_module

        command = getattr(import_module(f"fitcheck.cli.{cmd_name}"), "command")  # noqa: B009
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of them, without a look into their modules."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """An unknown command is told with what was probably meant."""
        if args[0] not in _COMMANDS:
            meant = _meant(args[0])
            raise click.UsageError(f"there is no command '{args[0]}'; did you mean `{meant}`?")
        return super().resolve_command(ctx, args)


def _meant(word: str) -> str:
    """The command line that was probably wanted: a command nearly so called, a card, a model."""
    from fitcheck import cards

    near = nearest(word, _COMMANDS, most=1)
    if near:
        return f"fitcheck {near[0]}"
    try:
        cards.machine(word)
    except FitcheckError:
        return f"fitcheck check {word}"
    return f"fitcheck --gpu {word}"


# In the order that a newcomer needs them, and what `--help` says of each: it imports none of them.
_COMMANDS = {
    "check": "What runs on the card: all models, or whether these do.",
    "compare": "The same models on several cards, side by side.",
    "estimate": "Memory alone, no card needed: each component in bytes.",
    "explain": "Teach the estimate: every term, its formula and source.",
    "plan": "Which cards, and how many of them, run a model.",
    "upgrade": "What another card opens.",
    "sweep": "Memory by context, as a table and as a plot.",
    "measure": "Run a model here on random weights, and compare.",
    "show": "One model: facts, parts, the publisher's claims.",
    "models": "What is in the catalog, or on this machine (--local).",
    "gpus": "The cards that --gpu knows.",
    "quants": "The quantization schemes, and what each costs.",
    "engines": "The engines, and what each can be told.",
    "detect": "What this machine has, and what was not seen.",
    "catalog": "Check a catalog file, or print its JSON Schema.",
}


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="fitcheck %(version)s")
def commands() -> None:
    """Does this model run on that card?

    `fitcheck` alone says what runs on the card in this machine; `fitcheck check MODEL --gpu 3090`
    asks about one. MODEL is a name from `fitcheck models`, a config.json, a folder, a .gguf, or
    hf:ORG/NAME. Exit code: 0 yes, 1 no, 2 the question is wrong, 3 no card.
    """


def main(argv: Sequence[str] | None = None) -> None:
    """The command line. Any fault is one line on stderr, and none is a traceback."""
    # A run makes records and ends: looking for cycles among them would take a tenth of its time.
    gc.disable()
    try:
        code = commands.main(
            None if argv is None else list(argv), prog_name="fitcheck", standalone_mode=False
        )
    except FitcheckError as error:
        code = _fault(str(error), error.exit_code)
    except click.ClickException as error:
        code = _fault(_told(error), 2)
    except (click.Abort, KeyboardInterrupt):
        code = _fault("interrupted", 130)
    except BrokenPipeError:
        # The reader (`head`) has enough.
        _let_go()
        code = 0
    except OSError as error:
        _let_go()
        what = f"{error.filename}: " if error.filename else "the answer cannot be written: "
        code = _fault(f"{what}{error.strerror or error}", 2)
    except Exception as error:
        if os.environ.get("FITCHECK_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}"
        code = _fault(f"a fault of its own ({what}); FITCHECK_DEBUG=1 shows where", 2)
    sys.exit(code)


def _told(error: click.ClickException) -> str:
    """click's own words, and where a MODEL or another argument is missing, how it is asked."""
    said = error.format_message()
    if not isinstance(error, click.MissingParameter) or error.ctx is None:
        return said
    return f"{said.rstrip('.')}; see `{error.ctx.command_path} --help`"


def _let_go() -> None:
    """What Python would still flush at the end has nowhere to go."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fault(message: str, code: int) -> int:
    for line in printable(message).splitlines():
        click.echo(f"fitcheck: {line}", err=True)
    return code
