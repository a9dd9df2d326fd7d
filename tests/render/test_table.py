"""A table as it is drawn: what is folded, and what stays whole."""

from fitcheck.render.as_table import draw, folded
from fitcheck.render.grid import Cell, Column, Grid


def test_a_long_line_goes_on_a_step_further_in() -> None:
    """Options stay whole: they are pasted."""
    line = "qwen3-30b-a3b q4_k_m: 18.3 GiB expected; --n-cpu-moe 21: experts off the card"

    found = list(folded([line], 44))

    assert found == [
        "qwen3-30b-a3b q4_k_m: 18.3 GiB expected;",
        "  --n-cpu-moe 21: experts off the card",
    ]


def test_lines_around_a_table_are_no_wider_than_it_may_be() -> None:
    """At 80 columns a reader sees whole words."""
    grid = Grid(
        columns=(Column("A"),),
        rows=((Cell("x"),),),
        above=("one " * 40,),
        below=("  two " * 40,),
    )

    assert max(map(len, draw(grid, 80, colour=False).splitlines())) <= 80
