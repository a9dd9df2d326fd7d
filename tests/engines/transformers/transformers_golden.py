"""Measured peaks, published tables and configurations, read once."""

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

from fitcheck.architecture import Model, from_config
from fitcheck.engines.base import Memory
from fitcheck.units import ceil_div

GOLDEN = Path(__file__).parents[2] / "golden"

# What the columns of Qwen's tables are called here.
QWEN = {
    "BF16": "bf16",
    "GPTQ-Int4": "gptq-int4",
    "GPTQ-Int8": "gptq-int8",
    "AWQ": "awq-int4",
    "AWQ-INT4": "awq-int4",
    "FP8": "fp8",
}


@cache
def configs(name: str) -> dict[str, dict[str, Any]]:
    """Configurations by model."""
    found: dict[str, dict[str, Any]] = json.loads((GOLDEN / name).read_text())
    return found


@cache
def model(name: str) -> Model:
    """A measured model."""
    held = configs("transformers_heldout.json")
    return from_config((held if name in held else configs("transformers_models.json"))[name])


@cache
def peaks() -> dict[str, list[dict[str, str]]]:
    """Rows of measured peaks by model."""
    rows: dict[str, list[dict[str, str]]] = {}
    for row in (*table("transformers_peaks.csv"), *table("transformers_heldout.csv")):
        rows.setdefault(row["model"], []).append(row)
    return rows


@cache
def table(name: str) -> list[dict[str, str]]:
    """A file's rows."""
    with (GOLDEN / name).open() as file:
        return list(csv.DictReader(file))


def wrong_formulas(memory: Memory) -> list[str]:
    """Terms whose formula does not come to their size."""
    names = {"ceil_div": ceil_div, "min": min, "max": max, "__builtins__": {}}
    return [
        f"{t.name}: {t.formula} with {dict(t.values)}"
        for t in memory.terms
        if eval(t.formula, {**names, **t.values}) != t.size
    ]
