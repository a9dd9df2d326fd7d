"""A table as it is drawn: what is folded, and what stays whole."""

import pytest

from fitcheck.render.as_table import draw, folded
from fitcheck.render.grid import Cell, Column, Grid, size


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


def test_names_too_long_keep_their_ends_apart() -> None:
    """Two distills of one model differ in their last figures."""
    names = ("deepseek-r1-distill-qwen-14b", "deepseek-r1-distill-qwen-32b")
    grid = Grid(columns=(Column("MODEL"),), rows=tuple((Cell(name),) for name in names))

    lines = draw(grid, 20, False).splitlines()[2:]

    assert lines == ["deepseek-r1-…wen-14b", "deepseek-r1-…wen-32b"]


def test_columns_without_a_row_are_not_drawn() -> None:
    """Only what is said above and below, without an empty line at the top."""
    grid = Grid(columns=(Column("CARD"),), below=("", "no card here"))

    assert draw(grid, 80, False) == "no card here\n"
    assert draw(Grid(columns=(Column("CARD"),)), 80, False) == ""


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (12, "12 B"),
        (65536, "64 KiB"),
        (1 << 20, "1 MiB"),
        (310 << 20, "310 MiB"),
        (3 << 29, "1.5 GiB"),
    ],
)
def test_a_size_is_never_nought_of_something(count: int, shown: str) -> None:
    """64 KiB are not 0 MiB."""
    assert size(count) == shown
