"""What llama.cpp said of many models: tests/golden/llamacpp.md."""

import csv
import json
from pathlib import Path
from typing import Any

from fitcheck.architecture import Model, from_config

GOLDEN = Path(__file__).parents[2] / "golden"


def rows(name: str, key: str) -> dict[str, list[dict[str, str]]]:
    """The rows of a table by the value of one column."""
    found: dict[str, list[dict[str, str]]] = {}
    with (GOLDEN / name).open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row[key], []).append(row)
    return found


def lines(name: str, key: str) -> dict[str, Any]:
    """The objects of a file of JSON lines by one of their keys."""
    with (GOLDEN / name).open() as file:
        return {found[key]: found for found in map(json.loads, file)}


MODELS = lines("llamacpp_models.jsonl", "model")


def golden_model(name: str) -> Model:
    """A model of llamacpp_models.jsonl."""
    return from_config(MODELS[name]["config"])
