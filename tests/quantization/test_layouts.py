"""Bytes of one layer, against the libraries' own packing."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from fitcheck import quantization
from fitcheck.quantization.layout import Blocks, BlockScaled, Layout, Plain, RowPacked, RowScaled
from fitcheck.quantization.packed import (
    Awq,
    Bitnet,
    Bnb4bit,
    Bnb4bitDouble,
    GptOssExperts,
    Gptq,
    Hqq,
    MicroScaled,
    PackQuantized,
    Quanto,
    TorchaoInt4,
    TorchaoTiles,
)
from fitcheck.units import ceil_div

GOLDEN = Path(__file__).parents[1] / "golden"

Rows = list[tuple[int, int, int]]


def golden(name: str) -> dict[str, Rows]:
    rows: dict[str, Rows] = defaultdict(list)
    with (GOLDEN / name).open(newline="") as file:
        for row in csv.DictReader(file):
            rows[row["scheme"]].append((int(row["in"]), int(row["out"]), int(row["bytes"])))
    return rows


USUAL = golden("quant_layouts.csv")
ODD = golden("quant_layouts_odd.csv")

LAYOUTS: tuple[Layout, ...] = (
    Plain(2),
    RowScaled(4, 4),
    BlockScaled(128, 128),
    BlockScaled(1, 32, 3),
    Blocks(256, 144),
    Bnb4bit(),
    Bnb4bitDouble(),
    Gptq(3, 128),
    Gptq(4, None),
    Awq(128),
    Awq(None),
    PackQuantized(4, 128, symmetric=False),
    PackQuantized(8, None, act_order=True),
    MicroScaled(16, 8),
    MicroScaled(32, 0, 6),
    Hqq(3),
    Hqq(4, None),
    Quanto(4),
    TorchaoInt4(64),
    TorchaoTiles(128),
    GptOssExperts(32),
    Bitnet(),
    RowPacked(),
)

SHAPES = ((4096, 11008), (14336, 4096), (97, 51), (160, 96), (1600, 6400), (1, 1))


def sizes(scheme: str, rows: Rows) -> Rows:
    return [
        (i, o, layout.size(i, o))
        for i, o, _ in rows
        if (layout := quantization.packing(scheme, i, o).layout) is not None
    ]


@pytest.mark.parametrize("scheme", USUAL)
def test_a_layer_takes_what_its_library_makes_of_it(scheme: str) -> None:
    """Every shape of the real models in the table, to the byte."""
    assert sizes(scheme, USUAL[scheme]) == USUAL[scheme]


@pytest.mark.parametrize("scheme", ODD)
def test_odd_shapes_are_padded_as_the_library_pads_them(scheme: str) -> None:
    """Rows that are no multiple of a group, a word or a tile; groups of other sizes."""
    assert sizes(scheme, ODD[scheme]) == ODD[scheme]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda x: repr(x)[:40])
def test_the_formula_shown_is_the_size_counted(layout: Layout) -> None:
    """A person can put the numbers in and get the bytes, on round shapes and on odd ones."""
    for in_features, out_features in SHAPES:
        if layout.refuses(in_features, out_features):
            continue
        names = {"in_features": in_features, "out_features": out_features, **layout.values()}
        shown = eval(layout.formula, {"ceil_div": ceil_div, "max": max}, names)

        assert shown == layout.size(in_features, out_features)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda x: repr(x)[:40])
def test_a_larger_matrix_never_takes_less(layout: Layout) -> None:
    """Twice the rows, then twice the columns."""
    small, wide, tall = (layout.size(i, o) for i, o in ((1024, 512), (2048, 512), (1024, 1024)))

    assert small < wide
    assert small < tall


@pytest.mark.parametrize(
    ("layout", "in_features", "out_features", "why"),
    [
        (Gptq(4, 128), 100, 64, "in 100 is not a multiple of 32"),
        (Gptq(4, 128), 128, 33, "out 33 is not a multiple of 32"),
        (Awq(128), 4000, 4096, "in 4000 is not a multiple of 128"),
        (Awq(128), 4096, 4099, "out 4099 is not a multiple of 8"),
        (Hqq(4, 64), 32, 3, "in * out 96 is not a multiple of 64"),
        (Blocks(256, 144), 896, 4864, "a row of 896 is not whole blocks of 256"),
        (MicroScaled(16), 100, 64, "in 100 is not a multiple of 16"),
    ],
)
def test_shapes_that_cannot_be_packed_say_why(
    layout: Layout, in_features: int, out_features: int, why: str
) -> None:
    """The libraries raise on these, or leave the layer as it is."""
    assert layout.refuses(in_features, out_features) == why
