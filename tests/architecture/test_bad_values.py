"""Broken and hostile config.json: one clear line, quickly, and never a traceback."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitcheck.architecture import from_config
from fitcheck.architecture.families import FAMILIES
from fitcheck.errors import BadInput

GOLDEN = Path(__file__).parents[1] / "golden" / "params.jsonl"
CONFIGS: list[dict[str, Any]] = [
    json.loads(line)["config"] for line in GOLDEN.read_text().splitlines()
]
LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32000,
}


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("hidden_size", None, "hidden_size is missing (nor n_embd, d_model)"),
        ("hidden_size", float("nan"), "hidden_size is nan, not a whole number"),
        ("hidden_size", "4096", "hidden_size is '4096', not a whole number"),
        ("hidden_size", [[4096]], "hidden_size is [[4096]], not a whole number"),
        ("hidden_size", -4096, "hidden_size is -4096, which no model has"),
        ("vocab_size", 1 << 60, "vocab_size is 1152921504606846976, which no model has"),
        ("num_hidden_layers", 10**6, "num_hidden_layers is 1000000, which no model has"),
        (
            "num_attention_heads",
            33,
            "num_attention_heads is 33, which does not divide hidden_size 4096",
        ),
        (
            "num_key_value_heads",
            5,
            "num_key_value_heads is 5, which does not divide 32 attention heads",
        ),
        ("tie_word_embeddings", "yes", "tie_word_embeddings is 'yes', not true or false"),
        ("quantization_config", "fp8", "quantization_config is 'fp8', not a mapping"),
        ("model_type", 7, "model_type is 7, not a string"),
    ],
)
def test_one_line_says_which_key_is_wrong(key: str, value: object, complaint: str) -> None:
    """With the file's name in front."""
    with pytest.raises(BadInput) as fault:
        from_config({**LLAMA, key: value}, "my/config.json")

    assert str(fault.value) == f"my/config.json: {complaint}"


def test_a_model_beyond_all_models_is_refused() -> None:
    """Each number may pass by itself; together they describe nothing that exists."""
    large = {"hidden_size": 1 << 30, "intermediate_size": 1 << 30, "num_attention_heads": 1 << 10}

    with pytest.raises(BadInput, match="which no model has"):
        from_config({**LLAMA, **large})


def test_lists_must_have_an_item_for_every_layer() -> None:
    """`layer_types` of another model does not count for this one."""
    values = {**LLAMA, "model_type": "gemma2", "layer_types": ["full_attention"] * 31}

    with pytest.raises(BadInput, match="layer_types has 31 items for 32 layers"):
        from_config(values)


@pytest.mark.parametrize("model_type", sorted(FAMILIES))
def test_an_empty_file_of_any_type_is_bad_input(model_type: str) -> None:
    """No family takes a whole model for granted."""
    with pytest.raises(BadInput):
        from_config({"model_type": model_type})


HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 1 << 70),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=8),
    st.lists(st.integers(-1, 9), max_size=3),
    st.lists(st.just("sliding_attention"), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_any_value_under_any_key_is_read_or_refused(data: st.DataObject) -> None:
    """Over the files of every family: a model, or BadInput of one line."""
    config = dict(data.draw(st.sampled_from(CONFIGS)))
    for key in data.draw(st.lists(st.sampled_from(sorted(config)), min_size=1, max_size=3)):
        config[key] = data.draw(HOSTILE)
    try:
        model = from_config(config)
    except BadInput as fault:
        assert "\n" not in str(fault)
        return

    assert model.active_parameters <= model.parameters
