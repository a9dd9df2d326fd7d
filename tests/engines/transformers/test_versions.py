"""Older versions of the library, against what they allocate."""

import pytest
from transformers_golden import model, table

from fitcheck.engines.base import Memory, Workload
from fitcheck.engines.transformers import TRANSFORMERS
from fitcheck.quantization import scheme


def memory(row: dict[str, str]) -> Memory:
    """Of the prompt alone, or of the second token after it."""
    prompt = int(row["prompt"])
    asked = Workload(
        context=prompt + (0 if row["phase"] == "prefill" else 2),
        prompt=prompt if row["phase"] == "prefill" else 1,
        batch=int(row["batch"]),
        attention=row["attention"],
        settings={"transformers": row["transformers"]},
    )
    loaded = TRANSFORMERS.load(model(row["model"]), scheme("bf16"))
    return loaded.memory(loaded.settle(asked))


def name(row: dict[str, str]) -> str:
    """A row in words."""
    keys = ("model", "transformers", "attention", "batch", "prompt", "phase")
    return " ".join(row[k] for k in keys)


@pytest.mark.parametrize("row", table("transformers_versions.csv"), ids=name)
def test_older_versions_are_met_within_three_per_cent(row: dict[str, str]) -> None:
    """Logits of all positions, whole caches and looped experts make up to three times of it."""
    found = memory(row)
    cache = sum(t.size for t in found.terms if t.component == "kv_cache")
    beside = sum(t.size for t in found.terms if t.component == "overhead")

    assert cache == pytest.approx(int(row["cache"]), abs=1024)
    assert sum(t.size for t in found.terms) - beside == pytest.approx(int(row["total"]), rel=0.03)
