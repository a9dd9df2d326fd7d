"""Names of modules, in the three ways that configurations write them."""

import pytest

from fitcheck.errors import BadInput
from fitcheck.quantization.published.patterns import Dialect, canonical, patterns

Q = "layers.3.self_attn.q_proj"


@pytest.mark.parametrize(
    ("dialect", "word", "name", "matches"),
    [
        # transformers 5.23.0, should_convert_module
        ("transformers", "lm_head", "lm_head", True),
        ("transformers", "gate", "layers.3.mlp.gate", True),
        ("transformers", "gate", "layers.3.mlp.gate_proj", False),
        ("transformers", "model.layers.3", Q, True),
        ("transformers", "model.layers.3", "layers.33.self_attn.q_proj", False),
        ("transformers", "model.layers.*.self_attn", Q, True),
        ("transformers", "model.layers.*.mlp.router", "layers.3.mlp.experts.0.up_proj", False),
        ("transformers", "visual", "visual.blocks.0.attn.qkv", True),
        # compressed-tensors 0.20.0, utils/match.py
        ("compressed-tensors", "re:.*self_attn.*", Q, True),
        ("compressed-tensors", r"re:.*mlp\.(gate|up|down)_proj.*", "layers.0.mlp.up_proj", True),
        (
            "compressed-tensors",
            r"re:.*mlp\.(gate|up|down)_proj.*",
            "layers.1.mlp.experts.0.up_proj",
            False,
        ),
        ("compressed-tensors", r"re:model\.layers\.3\..*", Q, True),
        ("compressed-tensors", "language_model.model.layers.3.self_attn.q_proj", Q, True),
        # modelopt's wildcards
        ("modelopt", "model.layers.3.self_attn*", Q, True),
        ("modelopt", "model.layers.3*", Q, True),
        ("modelopt", "model.layers.1*", "layers.10.mlp.up_proj", True),
        ("modelopt", "model.layers.1.*", "layers.10.mlp.up_proj", False),
        ("modelopt", "model.language_model.layers.3.mlp*", Q, False),
        ("modelopt", "*.self_attn.*", Q, True),
        ("modelopt", "layers.3.ffn.experts", "layers.3.ffn.experts.0.w1", True),
        ("modelopt", "vision_tower", "vision_tower.blocks.0.wqkv", True),
    ],
)
def test_words_name_the_modules_that_their_library_takes_them_for(
    dialect: Dialect, word: str, name: str, matches: bool
) -> None:
    """Whatever stands before `layers.`."""
    assert patterns([word], dialect).match(name) is matches


def test_a_vision_tower_keeps_its_own_layers() -> None:
    """`layers.0` of the tower is not `layers.0` of the language model."""
    assert canonical("vision_tower.vision_model.encoder.layers.0.mlp.fc1").startswith("vision")
    assert canonical("model.language_model.layers.0.mlp.up_proj") == "layers.0.mlp.up_proj"


@pytest.mark.parametrize("word", ["re:(a+)+$", "re:(", "re:" + ".*" * 9, "re:" + "a" * 999])
def test_expressions_that_could_run_for_ever_are_refused(word: str) -> None:
    """A config.json may come from anyone."""
    with pytest.raises(BadInput):
        patterns([word], "compressed-tensors")
