"""`fitcheck sweep`, as it is typed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_a_sweep_is_a_table_and_a_plot(fitcheck: Run) -> None:
    """Contexts down, schemes across, no wider than the terminal."""
    ran = fitcheck("sweep", "llama-3.1-8b", "--gpu", "3090")

    assert ran.code == 0
    assert "131072" in ran.out
    assert "23.6 RTX 3090" in ran.out
    table = ran.out.split("CONTEXT", 1)[1]
    assert max(map(len, table.splitlines())) <= 80


def test_its_json_has_every_component_at_every_context(fitcheck: Run) -> None:
    """fitcheck.sweep/1: series of points, bytes."""
    found = fitcheck(
        "sweep", "llama-2-7b", "--contexts", "1k,2k", "--precision", "fp16", "--gpu", "3090",
        "--json",
    ).json  # fmt: skip

    assert list(found) == ["schema", "model", "machines", "contexts", "series"]
    assert (found["schema"], found["contexts"]) == ("fitcheck.sweep/1", [1024, 2048])
    (series,) = found["series"]
    points = series["points"]
    # 32 layers of 32 heads of 128: a key and a value of two bytes each.
    assert [p["memory"]["kv_cache"] for p in points] == [1024 << 19, 2048 << 19]
    assert [p["verdict"] for p in points] == ["fits", "fits"]


def test_its_csv_has_a_column_for_each_component(fitcheck: Run) -> None:
    """A sheet can draw it."""
    lines = fitcheck("sweep", "llama-2-7b", "--contexts", "1k,2k", "--format", "csv").out
    heading = lines.splitlines()[0].split(",")

    assert {"context", "memory.weights", "memory.kv_cache", "memory.total.expected"} <= set(heading)
    assert len(lines.splitlines()) == 1 + 3 * 2


def test_a_plot_is_written_beside_the_table(fitcheck: Run, tmp_path: Path) -> None:
    """As SVG, without any library."""
    file = tmp_path / "plot.svg"
    ran = fitcheck("sweep", "llama-3.1-8b", "--gpu", "3090", "--plot", str(file))

    assert ran.code == 0
    assert file.read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--contexts", "1k,many"), "no number of tokens"),
        (("--contexts", ""), "no number of tokens"),
        (("--plot", "plot.jpg"), ".svg and .png"),
        (("--plot", "nowhere/plot.svg"), "cannot be written"),
    ],
)
def test_a_wrong_sweep_is_one_line(fitcheck: Run, words: tuple[str, ...], said: str) -> None:
    """On stderr, nothing on stdout."""
    ran = fitcheck("sweep", "llama-3.1-8b", *words)

    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
