"""The file of measured rows: it grows, and nothing in it is ever lost."""

from pathlib import Path

from msgspec import structs

from fitcheck.measure import rows
from fitcheck.measure.records import Machine, Measured, Parts, Reading
from fitcheck.units import Bytes

ROW = Measured(
    model="llama-2-7b",
    fingerprint="0123456789abcdef",
    engine="transformers",
    scheme="fp16",
    workload={"context": 4096, "prompt": 4096, "batch": 1, "settings": {}},
    reading=Reading(
        parts=Parts(weights=Bytes(13_476_839_424)),
        how="run",
        machine=Machine(card="NVIDIA A100-SXM4-80GB", architecture="8.0", driver="580.65.06"),
        process=Bytes(17_000_000_000),
        versions={"torch": "2.13.0"},
    ),
    figure="process",
    runs=(Bytes(17_000_000_000), Bytes(16_990_000_000)),
    when="2026-11-21",
)


def test_a_row_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    """In a folder that is made for it."""
    path = tmp_path / "fitcheck" / "measured.jsonl"
    rows.append(path, ROW)
    rows.append(path, structs.replace(ROW, when="2026-11-22"))

    found, warning = rows.read(path)
    assert [row.when for row in found] == ["2026-11-21", "2026-11-22"]
    assert found[0] == ROW
    assert warning == ""


def test_no_file_is_no_rows(tmp_path: Path) -> None:
    """And nothing to say."""
    assert rows.read(tmp_path / "none") == ((), "")


def test_foreign_lines_are_told_in_one_line_and_stay(tmp_path: Path) -> None:
    """Rows around them are used, and adding one touches nothing."""
    path = tmp_path / "measured.jsonl"
    rows.append(path, ROW)
    strange = b'{"schema": "other/7"}\nnot json\n\xff\xfe\n[1, 2]\n'
    path.write_bytes(path.read_bytes() + strange)
    rows.append(path, ROW)

    found, warning = rows.read(path)
    assert found == (ROW, ROW)
    assert warning == (
        f"{path}: 4 lines, the first of them line 2, are no measured row and are left as found"
    )
    assert strange in path.read_bytes()


def test_a_line_that_was_cut_off_does_not_swallow_the_next(tmp_path: Path) -> None:
    """A disk that was full leaves half a line without an end."""
    path = tmp_path / "measured.jsonl"
    path.write_bytes(b'{"model": "llam')
    rows.append(path, ROW)

    found, warning = rows.read(path)
    assert found == (ROW,)
    assert "line 1 is no measured row and is left as found" in warning


def test_a_row_of_another_schema_is_not_guessed_at(tmp_path: Path) -> None:
    """A later version may mean something else by the same keys."""
    path = tmp_path / "measured.jsonl"
    rows.append(path, structs.replace(ROW, schema="fitcheck.measured/2"))

    assert rows.read(path)[0] == ()


def test_a_folder_in_its_place_is_a_warning(tmp_path: Path) -> None:
    """An answer that needs no rows still comes."""
    found, warning = rows.read(tmp_path)

    assert found == ()
    assert "nothing measured is used" in warning
