"""Model types that no family reads: a guess that says so, or one line that says what is missing."""

from typing import Any

import pytest

from fitcheck.architecture import Experts, LatentAttention, from_config
from fitcheck.errors import BadInput

LLAMA_2_7B = {
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32000,
}


def test_the_usual_words_make_a_llama_like_decoder() -> None:
    """Llama 2 7B under another name has its 6,738,415,616 parameters."""
    model = from_config({"model_type": "foo", **LLAMA_2_7B})

    assert model.parameters == 6_738_415_616
    assert model.approximate == ("model_type 'foo' is not known: read as a Llama-like decoder",)


def test_a_missing_model_type_is_said_too() -> None:
    """Nothing is taken for granted in silence."""
    (reason,) = from_config(LLAMA_2_7B).approximate

    assert reason == "no model_type: read as a Llama-like decoder"


def test_older_words_are_understood() -> None:
    """GPT-2's and MPT's names for the same dimensions."""
    values = {"n_embd": 4096, "n_inner": 11008, "n_layer": 32, "n_head": 32, "vocab_size": 32000}

    assert from_config({"model_type": "foo", **values}).parameters == 6_738_415_616


def test_experts_are_seen() -> None:
    """Mixtral 8x7B's dimensions under another name give Mixtral's count."""
    moe = {"num_local_experts": 8, "num_experts_per_tok": 2, "num_key_value_heads": 8}
    model = from_config({"model_type": "foo", **LLAMA_2_7B, **moe, "intermediate_size": 14336})

    assert isinstance(model.layers[0].feed_forward, Experts)
    assert model.parameters == 46_702_792_704
    assert "with 8 experts" in model.approximate[0]


def test_latent_attention_is_seen() -> None:
    """DeepSeek's keys say that a token keeps one latent row."""
    mla = {"kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128}
    model = from_config({"model_type": "foo", **LLAMA_2_7B, **mla})

    assert isinstance(model.layers[0].mixers[0], LatentAttention)
    assert model.layers[0].mixers[0].values_per_token == 576


def test_everything_missing_is_named_at_once() -> None:
    """One line, so that nobody has to try five times."""
    with pytest.raises(BadInput) as fault:
        from_config({"model_type": "foo", "vocab_size": 32000, "num_attention_heads": 32}, "x.json")

    assert str(fault.value) == (
        "x.json: model_type 'foo' is not known, and hidden_size, num_hidden_layers, "
        "intermediate_size are missing to read it as a Llama-like decoder"
    )


def test_an_encoder_decoder_is_not_guessed() -> None:
    """T5 read as a decoder would come out at half its size."""
    with pytest.raises(BadInput, match="has an encoder"):
        from_config({"model_type": "foo", "is_encoder_decoder": True, **LLAMA_2_7B})


def test_a_nested_text_part_is_counted_alone_and_said_to_be() -> None:
    """A vision model that no family reads."""
    values = {"model_type": "foo_vl", "text_config": {"model_type": "llama", **LLAMA_2_7B}}
    model = from_config(values)

    assert model.parameters == 6_738_415_616
    assert model.approximate == (
        "model_type 'foo_vl' is not known: only its text_config is counted",
    )


def test_what_a_guess_leaves_out_is_said() -> None:
    """A vision tower beside flat keys."""
    (reason,) = from_config({"model_type": "foo", "vision_config": {}, **LLAMA_2_7B}).approximate

    assert reason.endswith("; vision_config not counted")


@pytest.mark.parametrize("model_type", ["", "deepseek_ref", "my-own"])
def test_a_known_class_name_stands_in_for_the_type(model_type: str) -> None:
    """MiniCPM3-4B is published without a model_type."""
    values = {"architectures": ["LlamaForCausalLM"], "model_type": model_type, **LLAMA_2_7B}
    model = from_config(values)

    assert (model.parameters, model.approximate) == (6_738_415_616, ())


STRAY: dict[str, Any] = {
    "_provenance": {"confidence": "verbatim"},
    "auto_map": {"AutoModel": "modeling_x.X"},
    "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
    "rope_scaling": {"rope_type": "llama3", "factor": 8.0},
    "id2label": {"0": "a"},
    "hidden_act": ["silu"],
}


def test_stray_keys_do_not_disturb() -> None:
    """And the quantization that a checkpoint was published in is handed on."""
    model = from_config({"model_type": "llama", **LLAMA_2_7B, **STRAY})

    assert model.parameters == 6_738_415_616
    assert model.quantization_config == STRAY["quantization_config"]
