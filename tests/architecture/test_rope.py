"""Rotary scaling, as different generations of config.json spell it."""

import pytest

from fitcheck.architecture.rope import RopeScaling, rope_scaling


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"rope_scaling": None}, None),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}, None),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, RopeScaling("llama3")),
        ({"rope_scaling": {"type": "su", "long_factor": [1.0] * 48}}, RopeScaling("longrope", 48)),
        ({"text_config": {"rope_scaling": {"type": "linear"}}}, RopeScaling("linear")),
        (
            {"rope_parameters": {"full_attention": {"rope_type": "proportional"}}},
            RopeScaling("proportional"),
        ),
        ({"rope_scaling": "yarn"}, None),
    ],
)
def test_scaling_is_found_under_every_spelling(
    config: dict[str, object], expected: RopeScaling | None
) -> None:
    """Llama 3.1 and Phi 3 as published; transformers 5 keeps one set for each kind of layer."""
    assert rope_scaling(config) == expected
