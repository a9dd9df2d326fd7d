"""What vLLM made of many models: tests/golden/vllm.md."""

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

from fitcheck.architecture import Model, from_config
from fitcheck.engines.base import Memory, Workload
from fitcheck.engines.vllm import VLLM
from fitcheck.engines.vllm.loaded import VllmModel
from fitcheck.quantization import scheme
from fitcheck.units import ceil_div

GOLDEN = Path(__file__).parents[2] / "golden"
# How vLLM's rows were made: SchedulerConfig as it comes.
TOKENS, STEPS = 2048, 2


@cache
def rows(name: str) -> list[dict[str, str]]:
    """A table's rows."""
    with (GOLDEN / name).open(newline="") as file:
        return list(csv.DictReader(file))


@cache
def short() -> dict[str, dict[str, Any]]:
    """Configurations by short name."""
    found: dict[str, dict[str, Any]] = json.loads((GOLDEN / "transformers_models.json").read_text())
    return found


@cache
def counted() -> dict[str, dict[str, Any]]:
    """Configurations by the hub's name."""
    lines = (GOLDEN / "params.jsonl").read_text().splitlines()
    return {entry["hf_id"]: entry["config"] for entry in map(json.loads, lines)}


@cache
def model(name: str) -> Model:
    """A model by its short name or its hub name, as if it were published in 16 bits."""
    config = {**(short().get(name) or counted()[name])}
    config.pop("quantization_config", None)
    text = config.get("text_config")
    if isinstance(text, dict):
        config["text_config"] = {k: v for k, v in text.items() if k != "quantization_config"}
    return from_config(config, name)


@cache
def loaded(name: str, packing: str = "bf16") -> VllmModel:
    """A model under a scheme."""
    return VLLM.load(model(name), scheme(packing))


def asked(held: VllmModel, context: int, **settings: str) -> Workload:
    """One sequence of that many tokens."""
    return held.settle(Workload(context=context, prompt=context, settings=settings))


def wrong_formulas(memory: Memory) -> list[str]:
    """Terms whose formula does not come to their size."""
    names = {"ceil_div": ceil_div, "min": min, "max": max, "__builtins__": {}}
    return [
        f"{t.name}: {t.formula} with {dict(t.values)}"
        for t in memory.terms
        if eval(t.formula, names, dict(t.values)) != t.size
    ]
