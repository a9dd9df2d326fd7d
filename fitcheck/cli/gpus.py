"""`fitcheck gpus`."""

import click

from fitcheck import render
from fitcheck.cli import options


@click.command("gpus")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@click.option("--vendor", help="Only nvidia, amd, apple, intel, ...")
@options.form_options
def command(words: tuple[str, ...], vendor: str | None, form: render.Form, as_json: bool) -> None:
    """The cards that `--gpu` knows.

    With what a driver reports and what a program can use of it.

    WORDs narrow the list: `fitcheck gpus 3090`, `fitcheck gpus a100 80`.
    """
    from fitcheck import cards
    from fitcheck.render import lists, objects

    wanted = [word.lower() for word in words]
    found = [
        card
        for card in cards.catalog_cards()
        if all(word in f"{card.id} {card.name}".lower() for word in wanted)
        and (vendor is None or vendor.lower() == card.vendor)
    ]
    rows = [objects.card(card) for card in found]
    options.answer(
        form,
        as_json,
        grid=lambda: lists.cards(found),
        whole=lambda: {"schema": "fitcheck.gpus/1", "gpus": rows},
        rows=lambda: rows,
    )
