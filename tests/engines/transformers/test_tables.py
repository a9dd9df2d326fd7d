"""Tables that Qwen published, against ranges and sums."""

from functools import cache

import pytest
from transformers_golden import QWEN, configs, table

from fitcheck.architecture import from_config
from fitcheck.engines.base import Memory, Workload
from fitcheck.engines.transformers import Transformers
from fitcheck.engines.transformers.loaded import TransformersModel
from fitcheck.quantization import scheme

ROWS = table("transformers_published.csv")


@cache
def loaded(name: str, packing: str) -> TransformersModel:
    found = from_config(configs("transformers_qwen.json")[name])
    return Transformers().load(found, scheme(packing))


def estimate(row: dict[str, str]) -> Memory:
    engine = loaded(row["model"], QWEN[row["quantization"]])
    prompt = int(row["prompt"])
    asked = Workload(
        context=prompt + int(row["generated"]),
        prompt=prompt,
        attention="flash",
        settings={"transformers": row["transformers"]},
    )
    return engine.memory(engine.settle(asked), int(row["cards"]))


def measured(row: dict[str, str]) -> float:
    return float(row["memory"]) * (2**30 if row["unit"] == "GiB" else 2**20)


def test_nineteen_in_twenty_published_peaks_are_in_the_range() -> None:
    """Tables of 4.45 and newer show what stays between steps, which is below it."""
    peaks = [row for row in ROWS if row["transformers"] < "4.45"]
    outside = [
        f"{row['model']} {row['quantization']} {row['prompt']}"
        for row in peaks
        if not estimate(row).total.low <= measured(row) <= estimate(row).total.high
    ]

    assert len(outside) <= len(peaks) / 20


@pytest.mark.parametrize(
    ("version", "quantization", "off"),
    [
        ("4.37", "BF16", 0.005),
        ("4.37", "GPTQ-Int4", 0.012),
        ("4.37", "AWQ", 0.005),
        ("4.38", "BF16", 0.005),
        ("4.38", "GPTQ-Int4", 0.017),
        ("4.38", "GPTQ-Int8", 0.005),
        ("4.38", "AWQ", 0.005),
    ],
)
def test_peaks_published_with_old_versions_are_met(
    version: str, quantization: str, off: float
) -> None:
    """The median of one table's rows on one card, with torch's own count of a peak."""
    errors = []
    for row in ROWS:
        if (row["transformers"], row["quantization"], row["cards"]) == (version, quantization, "1"):
            terms = estimate(row).terms
            ours = sum(t.size for t in terms if t.component != "overhead")
            errors.append(abs(ours / measured(row) - 1))

    assert sorted(errors)[len(errors) // 2] <= off


def test_what_stays_is_what_the_tables_of_qwen3_show() -> None:
    """They grow by the cache and by nothing else: what is left between steps, no peak."""
    errors = []
    for row in ROWS:
        if (row["transformers"], row["quantization"]) == ("4.51", "BF16"):
            kept = estimate(row).component("weights") + estimate(row).component("kv_cache")
            errors.append(abs(kept / measured(row) - 1))

    assert sorted(errors)[len(errors) // 2] <= 0.005
