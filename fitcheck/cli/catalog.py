"""`fitcheck catalog`: is a file a good catalog, and what may stand in one?"""

from pathlib import Path

import click

from fitcheck import render
from fitcheck.cli import options, output


@click.group("catalog", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Check a catalog file, or print its JSON Schema."""
    if context.invoked_subcommand is None:
        raise click.UsageError("say `fitcheck catalog validate FILE` or `fitcheck catalog schema`")


@command.command("validate")
@click.argument("file", type=click.Path(path_type=Path))
@options.form_options
def validate(file: Path, form: render.Form, as_json: bool) -> None:
    """Every fault of FILE with its line; exit 0 for a good one, 2 for one with faults."""
    from fitcheck.catalog import checks
    from fitcheck.render import list_objects, lists

    found = checks.problems(file)
    rows = [list_objects.problem(p) for p in found]
    if form == "table" and not as_json:
        output.tell(str(p) for p in found)
        click.echo("" if found else f"{file}: a good catalog\n", nl=False)
    else:
        output.answer(
            form,
            as_json,
            grid=lambda: lists.of_objects(rows, list_objects.PROBLEM_HEADINGS),
            whole=lambda: {"schema": "fitcheck.problems/1", "file": str(file), "problems": rows},
            rows=lambda: rows,
        )
    raise SystemExit(2 if found else 0)


@command.command("schema")
def schema() -> None:
    """The JSON Schema of a catalog file."""
    from fitcheck.catalog import schema as published
    from fitcheck.render import as_json

    click.echo(as_json.draw(published.json_schema()), nl=False)
