"""Configurations of published models."""

import json
from typing import Any

import pytest
from transformers_golden import GOLDEN


@pytest.fixture(scope="session")
def counted() -> dict[str, dict[str, Any]]:
    """config.json by the hub's name."""
    lines = (GOLDEN / "params.jsonl").read_text().splitlines()
    return {entry["hf_id"]: entry["config"] for entry in map(json.loads, lines)}
