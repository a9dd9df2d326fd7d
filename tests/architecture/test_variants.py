"""Stateful and multimodal families with dimensions that no published model has."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fitcheck.architecture import from_config

GOLDEN = Path(__file__).parents[1] / "golden" / "params_variants.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in GOLDEN.read_text().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['class']}-{row['key']}")
def test_a_variant_has_as_many_parameters_as_its_class(row: dict[str, Any]) -> None:
    """A rule that only fits published models fails here."""
    assert from_config(row["config"]).parameters == row["total"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['class']}-{row['key']}")
def test_a_variants_towers_are_as_large_as_its_modules(row: dict[str, Any]) -> None:
    """Engines may leave a tower out, or keep it in 16 bits."""
    found: Counter[str] = Counter()
    for tower in from_config(row["config"]).towers:
        found[tower.name] += tower.parameters

    assert found == row["towers"]
