"""The engine against what transformers itself allocates."""

import pytest
from transformers_golden import model, peaks, table

from fitcheck.architecture import from_config
from fitcheck.engines.transformers import weights
from fitcheck.engines.transformers.activations import Activations, Key
from fitcheck.engines.transformers.activations import passes as made
from fitcheck.engines.transformers.activations.step import Phase
from fitcheck.engines.transformers.cache import Cache
from fitcheck.quantization import scheme

# Whose script is near and not exact: the share by which everything together may be off, and the
# share of activations alone. What is not named is held to EXACT.
EXACT = (0.0002, 0.004)
NEAR = {
    "bamba": (0.0048, 0.023),
    "bloom": (0.0069, 0.024),
    "deepseek_v32": (0.01, 0.096),
    "deepseek_v4": (0.095, 0.35),
    "falcon": (0.0011, 0.11),
    "falcon_h1": (0.0086, 0.018),
    "falcon_mamba": (0.00011, 0.022),
    "gemma4": (0.0077, 0.4),
    "gemma4_text": (0.0017, 0.02),
    "glm_moe_dsa": (0.0079, 0.055),
    "gpt_neo": (0.00075, 0.044),
    "granite_swa": (0.00047, 0.004),
    "granitemoe": (0.00071, 0.004),
    "granitemoehybrid": (0.01, 0.03),
    "jamba": (0.00032, 0.0055),
    "kimi_linear": (0.024, 0.041),
    "lfm2": (0.0002, 0.0077),
    "mamba": (0.0032, 0.39),
    "mamba2": (0.0037, 0.02),
    "mimo_v2_flash": (0.00036, 0.004),
    "mpt": (0.0013, 0.66),
    "nemotron_h": (0.016, 0.053),
    "olmo3": (0.0002, 0.0097),
    "opt": (0.015, 0.023),
    "phi": (0.0022, 0.005),
    "phi3": (0.0006, 0.004),
    "qwen2": (0.0002, 0.0069),
    "qwen3_5": (0.025, 0.25),
    "qwen3_5_moe": (0.0066, 0.19),
    "qwen3_next": (0.0039, 0.2),
    "recurrent_gemma": (0.047, 0.48),
}

# Weights that a class loads beside the parameters' own bytes, as a share: rotation frequencies,
# and embeddings that Gemma 4 E2B keeps and the checkpoint does not.
BUFFERS = {"gemma4": 0.004, "falcon_h1": 0.0002, "falcon_mamba": 0.0001, "deepseek_v4": 0.0002}


def rows_of(name: str) -> list[dict[str, str]]:
    """Of more than one token: of a single one constants are all there is."""
    return [row for row in peaks()[name] if int(row["prompt"]) > 1]


@pytest.mark.parametrize("name", peaks())
def test_weights_are_those_that_are_loaded(name: str) -> None:
    """All parameters, in the type that the class loads them in, and the buffers that matter."""
    ours = sum(t.size for t in weights.terms(model(name), scheme("bf16")))
    loaded = int(peaks()[name][0]["weights"])

    assert ours == pytest.approx(loaded, rel=BUFFERS.get(model(name).model_type, 0.00003))


@pytest.mark.parametrize("name", peaks())
def test_the_cache_is_what_the_cache_object_holds(name: str) -> None:
    """To the byte, after the prompt and two steps later."""
    if model(name).model_type in ("recurrent_gemma", "deepseek_v4"):
        pytest.skip("the first keeps it in its layers, the second in entries that fill up")
    cache = Cache(model(name), 2)
    ours, held = [], []
    for row in peaks()[name]:
        stepped = row["phase"] == "decode"
        ours.append(cache.size(int(row["batch"]), int(row["prompt"]) + 2 * stepped, stepped))
        held.append(int(row["cache"]))

    assert ours == held


@pytest.mark.parametrize("name", peaks())
def test_peaks_are_those_of_the_library(name: str) -> None:
    """For every implementation of attention, batch and length that was run."""
    total, alone = NEAR.get(model(name).model_type, EXACT)
    passes: dict[tuple[str, str, str], Activations] = {}
    off = []
    for row in rows_of(name):
        key = (row["attention"], row["padded"], row["kernels"])
        if key not in passes:
            passes[key] = made(
                model(name),
                Key(
                    attention=row["attention"],  # type: ignore[arg-type]
                    itemsize=2,
                    kernels=bool(row["kernels"]),
                    padded=bool(row["padded"]),
                ),
            )
        prefill = row["phase"] == "prefill"
        tokens = int(row["prompt"]) + (0 if prefill else 2)
        phase: Phase = "prefill" if prefill else "decode"
        ours = passes[key].peak(phase, int(row["batch"]), tokens).size
        measured = int(row["activations"])
        whole = measured + int(row["weights"]) + int(row["cache"])
        allowed = min(alone * measured, max(total * whole, 4096))
        if abs(ours - measured) > allowed:
            off.append(
                f"{key} {row['batch']}x{row['prompt']} {row['phase']}: {ours / measured:.4f}"
            )

    assert off == []


@pytest.mark.parametrize("row", table("transformers_converted.csv"), ids=lambda row: row["hf_id"])
def test_bitsandbytes_takes_the_modules_that_it_takes(
    row: dict[str, str], counted: dict[str, dict[str, object]]
) -> None:
    """Every nn.Linear but the head; no routed experts, no routers, nothing of Falcon's."""
    found = from_config(counted[row["hf_id"]])
    nf4 = scheme("bnb-nf4")
    packed = sum(
        t.values["matrices"] * t.values["in_features"] * t.values["out_features"]
        for t in weights.terms(found, nf4)
        if "matrices" in t.values
    )

    assert packed == int(row["weights"])
