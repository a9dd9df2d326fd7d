"""Plots: axes that hold everything, characters that fit, files that are what their name says."""

import sys
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from msgspec import structs

from fitcheck.errors import BadInput
from fitcheck.render import plot_png, plot_svg, plot_text
from fitcheck.render.plot import Level, Line, Plot

PLOT = Plot(
    title="A <model> & a card",
    lines=(
        Line("fp16", ((1024, 15.6), (4096, 16.4), (131072, 46.0))),
        Line("int4", ((1024, 6.4), (4096, 7.0), (131072, 36.6))),
    ),
    levels=(Level("23.6 RTX 3090", 23.6),),
)


def test_the_axis_ends_on_a_tick_above_everything() -> None:
    """46 GiB lie under 50; ticks are round numbers."""
    assert PLOT.top == 50
    assert [label for _, label in PLOT.height_ticks] == ["0", "10", "20", "30", "40", "50"]


@pytest.mark.parametrize("highest", [0.3, 0.9, 1.0, 2.7, 9.99, 10, 64, 99, 100, 141, 640, 1911])
def test_there_are_four_to_nine_ticks_whatever_the_height(highest: float) -> None:
    """From a small model to a terabyte."""
    plot = Plot(title="", lines=(Line("a", ((1024, highest), (2048, highest))),))

    assert plot.top >= highest
    assert 4 <= len(plot.height_ticks) <= 10


def test_contexts_double_from_tick_to_tick() -> None:
    """As far apart each."""
    assert [label for _, label in PLOT.context_ticks] == [
        "1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k",
    ]  # fmt: skip
    assert PLOT.across(2048) == pytest.approx(1 / 7)


@pytest.mark.parametrize("width", [40, 60, 80, 132, 200])
@pytest.mark.parametrize("plain", [False, True])
def test_a_plot_is_no_wider_than_the_terminal(width: int, *, plain: bool) -> None:
    """Whatever the terminal; every curve and level is named."""
    lines = plot_text.draw(PLOT, width, plain=plain)
    text = "\n".join(lines)

    assert max(map(len, lines)) <= width
    assert text.isascii() == plain
    assert all(name in text for name in ("fp16", "int4", "23.6 RTX 3090"))


def test_a_narrow_terminal_has_the_number_of_what_a_card_offers() -> None:
    """Half of a usual one: curves rather than the card's name."""
    lines = plot_text.draw(PLOT, 36, plain=False)
    text = "\n".join(lines)

    assert max(map(len, lines)) <= 36
    assert "23.6" in text
    assert "RTX 3090" not in text


def test_a_terminal_too_narrow_for_a_plot_gets_none() -> None:
    """Better nothing than ruins."""
    assert plot_text.draw(PLOT, 26, plain=False) == ()


def test_a_long_title_is_folded_and_then_cut() -> None:
    """Two lines stand above the curves."""
    lines = structs.replace(PLOT, title="as many cards as that " * 20).title_lines

    assert len(lines) == 2
    assert max(map(len, lines)) <= 95
    assert lines[1].endswith("…")


def test_the_higher_curve_is_named_higher() -> None:
    """Where names would meet, too."""
    close = Plot(
        title="", lines=(Line("low", ((1, 9.9), (2, 9.9))), Line("top", ((1, 10), (2, 10))))
    )
    lines = plot_text.draw(close, 60, plain=False)

    rows = [next(i for i, line in enumerate(lines) if name in line) for name in ("top", "low")]
    assert rows == sorted(rows)
    assert rows[0] != rows[1]


def test_svg_is_xml_with_every_curve_level_and_name() -> None:
    """Well-formed, and markup in names is text."""
    root = ElementTree.fromstring(plot_svg.draw(PLOT))
    space = "{http://www.w3.org/2000/svg}"
    texts = [t.text for t in root.iter(f"{space}text")]

    assert len(list(root.iter(f"{space}polyline"))) == 2
    assert {"fp16", "int4", "23.6 RTX 3090", "A <model> & a card"} <= set(texts)


def test_names_in_svg_do_not_lie_on_each_other() -> None:
    """Curves that end together are named one under the other."""
    lines = tuple(Line(f"n{i}", ((1, 10.0), (2, 10.0 + i / 100))) for i in range(5))
    root = ElementTree.fromstring(plot_svg.draw(Plot(title="", lines=lines)))
    texts = root.iter("{http://www.w3.org/2000/svg}text")
    heights = sorted(float(t.get("y", 0)) for t in texts if (t.text or "").startswith("n"))

    assert all(b - a >= 12 for a, b in pairwise(heights))


def test_png_without_matplotlib_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """And that SVG needs nothing."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)

    with pytest.raises(BadInput, match=r"llm-fitcheck\[plot\].*svg"):
        plot_png.draw(PLOT)


def test_png_is_a_png() -> None:
    """Where matplotlib is installed."""
    pytest.importorskip("matplotlib")

    assert plot_png.draw(PLOT).startswith(b"\x89PNG")
