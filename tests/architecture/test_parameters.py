"""Every family against models that were counted: golden/params.jsonl, to the last parameter."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fitcheck.architecture import Model, Tensor, from_config

GOLDEN = Path(__file__).parents[1] / "golden" / "params.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in GOLDEN.read_text().splitlines()]


# Their config.json leaves out a part, which is then assumed or left out; the model says so.
INCOMPLETE = {
    "google/gemma-3n-E2B-it",
    "google/gemma-3n-E4B-it",
    "meta-llama/Llama-4-Scout-17B-16E-Instruct",
    "stepfun-ai/Step-3.7-Flash",
    "stepfun-ai/Step-3.7-Flash-FP8",
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["hf_id"])
def test_parameters_are_exact(row: dict[str, Any]) -> None:
    """As many as the class has in transformers, or the hub's own code by hand."""
    model = from_config(row["config"], row["hf_id"])

    assert model.parameters == row["total"]
    assert bool(model.approximate) == (row["hf_id"] in INCOMPLETE)


@pytest.mark.parametrize("row", [r for r in ROWS if "active" in r], ids=lambda row: row["hf_id"])
def test_active_parameters_leave_out_the_experts_a_token_is_not_sent_to(
    row: dict[str, Any],
) -> None:
    """Embeddings, router and shared experts count as used."""
    assert from_config(row["config"]).active_parameters == row["active"]


def part(tensor: Tensor) -> str:
    """What the golden split calls the part that a tensor belongs to."""
    by_role = {"token_embd": "word_embeddings", "output": "lm_head"}
    if "_exps" in tensor.role:
        return "experts"
    if "ffn_gate_inp" in tensor.role:
        return "router"
    if tensor.role in by_role:
        return by_role[tensor.role]
    by_kind = {"embedding": "other_embeddings", "linear": "block_linear_weights"}
    return by_kind.get(tensor.kind, "norms_biases_other")


def split(model: Model) -> dict[str, int]:
    """Parameters by part, empty parts left out."""
    found: Counter[str] = Counter()
    for layer, count in model.kinds:
        for tensor in layer.tensors:
            found[part(tensor)] += 0 if tensor.buffer else tensor.numel * count
    for tensor in model.tensors:
        found[part(tensor)] += tensor.numel
    return {name: n for name, n in found.items() if n}


@pytest.mark.parametrize("row", [r for r in ROWS if "split" in r], ids=lambda row: row["hf_id"])
def test_each_part_is_as_large_as_its_modules(row: dict[str, Any]) -> None:
    """A total may be met by two errors; its parts say that each tensor has the right role."""
    model = from_config(row["config"])
    if model.towers:
        pytest.skip("towers are not split by role here")
    expected = row["split"]
    if row["config"].get("model_type") == "moss":
        bias = row["config"]["vocab_size"]  # counted by hand with its head, elsewhere with biases
        expected = expected | {
            "lm_head": expected["lm_head"] - bias,
            "norms_biases_other": expected["norms_biases_other"] + bias,
        }

    assert split(model) == expected
