"""YAML's surprises end here."""

import pytest

from fitcheck.catalog import text
from fitcheck.errors import BadFile


def test_a_scalar_stays_the_text_that_was_written() -> None:
    """Norwegian is no boolean, a version no float, a month no date, an octal no eight."""
    read = text.read("a: no\nb: 1.10\nc: 2023-02\nd: 010\ne: 12:30:45\nf: 1e9", "x")

    assert read == {"a": "no", "b": "1.10", "c": "2023-02", "d": "010", "e": "12:30:45", "f": "1e9"}


def test_config_is_read_as_json_would() -> None:
    """config.json's values have no schema of ours, so plain scalars get JSON's types."""
    read = text.read(
        "config: {a: 1, b: true, c: null, d: 1.5, e: llama, f: '32', g: [1, x], h: {i: 2}}", "x"
    )

    assert read["config"] == {
        "a": 1,
        "b": True,
        "c": None,
        "d": 1.5,
        "e": "llama",
        "f": "32",
        "g": [1, "x"],
        "h": {"i": 2},
    }


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a: 1\na: 2", "x:2: a is given twice"),
        ("a: {b: 1, b: 2}", "x:1: a.b is given twice"),
        ("a: &z 1\nb: *z", "x:2: b is an alias: write the value out"),
        ("a:\n  <<: {b: 1}", "x:2: a has a merge key: use `like` instead"),
        ("? [1, 2]\n: 3", "x:1: has a key that is not a plain word"),
        ("a: 1\n---\nb: 2", "x:2: a second document: one file is one catalog"),
        ("a:\n\tb: 1", "x:2: "),
        ("a: [1, 2\n", "x:2: "),
    ],
)
def test_a_fault_is_told_with_its_line(source: str, said: str) -> None:
    """One clear line; only what is wrong with YAML itself is told in the parser's words."""
    with pytest.raises(BadFile) as caught:
        text.read(source, "x")

    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_deep_nesting_is_refused() -> None:
    """A thousand brackets are no catalog, and must not exhaust the stack."""
    with pytest.raises(BadFile, match="nested too deeply"):
        text.read("[" * 1000 + "]" * 1000, "x")


def test_an_empty_document_is_nothing() -> None:
    """No event but the stream's."""
    assert text.read("", "x") is None
    assert text.read("# only a comment\n", "x") is None


def test_a_path_is_found_again() -> None:
    """Lines come from a second reading, only when something is wrong."""
    source = "models:\n- id: a\n- id: b\n  config:\n    head_dim: 12x8\n"

    assert text.line_of(source, "models[1].config.head_dim") == 5
    assert text.line_of(source, "models[1].config.nothing") == 4
    assert text.line_of(source, "models[1]") == 3
