"""What the records of single families must say, because engines build on it."""

import json
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import pytest

from fitcheck.architecture import (
    Attention,
    CompressedAttention,
    DenseMLP,
    Experts,
    LatentAttention,
    Model,
    from_config,
)
from fitcheck.architecture.families import FAMILIES

GOLDEN = Path(__file__).parents[1] / "golden" / "params.jsonl"
CONFIGS: dict[str, dict[str, Any]] = {
    row["hf_id"]: row["config"] for row in map(json.loads, GOLDEN.read_text().splitlines())
}


def model(hf_id: str, **changes: object) -> Model:
    """A counted model, with some keys changed."""
    return from_config({**CONFIGS[hf_id], **changes})


def attentions(m: Model) -> list[Attention]:
    """The attention of each layer that has one."""
    return [a for layer in m.layers for a in layer.mixers if isinstance(a, Attention)]


def windows(m: Model) -> list[int | None]:
    """The window of each layer."""
    return [a.sliding_window for a in attentions(m)]


@pytest.mark.parametrize(
    ("hf_id", "per_token"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", 2 * 32 * 8 * 128),
        ("Qwen/Qwen2.5-7B-Instruct", 2 * 28 * 4 * 128),
        ("tiiuae/falcon-7b", 2 * 32 * 1 * 64),
        ("bigcode/gpt_bigcode-santacoder", 2 * 24 * 1 * 128),
        ("THUDM/chatglm3-6b", 2 * 28 * 2 * 128),
        ("THUDM/chatglm-6b", 2 * 28 * 32 * 128),
        ("deepseek-ai/DeepSeek-V3.1", 61 * (512 + 64)),
        ("google/gemma-2-27b-it", 2 * 46 * 16 * 128),
        ("google-bert/bert-base-uncased", 0),
    ],
)
def test_one_token_keeps_as_much_as_its_heads_say(hf_id: str, per_token: int) -> None:
    """Keys and values of all layers, from each model's published dimensions."""
    kept = sum(a.cached_values(1) for layer in model(hf_id).layers for a in layer.mixers)

    assert kept == per_token


def test_mistral_has_its_window_unless_the_file_says_null() -> None:
    """4096 is the class's default; v0.2 and later write null."""
    config = {
        k: v for k, v in CONFIGS["mistralai/Mistral-7B-v0.1"].items() if k != "sliding_window"
    }

    assert set(windows(from_config(config))) == {4096}
    assert set(windows(from_config({**config, "sliding_window": None}))) == {None}


def test_gemma_3_sees_all_in_every_sixth_layer() -> None:
    """Five layers with a window of 512, then one without (270M)."""
    assert windows(model("google/gemma-3-270m"))[:7] == [512] * 5 + [None, 512]


def test_gpt_oss_alternates() -> None:
    """A window of 128 in the even layers."""
    assert windows(model("openai/gpt-oss-20b"))[:4] == [128, None, 128, None]


def test_qwen_has_no_window_unless_it_is_used() -> None:
    """Files of Qwen 2 carry a window that `use_sliding_window` switches off."""
    window = {"sliding_window": 1024, "max_window_layers": 20}
    off = model("Qwen/Qwen2.5-7B-Instruct", use_sliding_window=False, **window)
    on = model("Qwen/Qwen2.5-7B-Instruct", use_sliding_window=True, **window)

    assert set(windows(off)) == {None}
    assert windows(on) == [None] * 20 + [1024] * 8


def test_layer_types_go_before_the_pattern() -> None:
    """Newer files list every layer."""
    types = ["full_attention"] * 26
    types[3] = "sliding_attention"

    assert windows(model("google/gemma-2-2b-it", layer_types=types)).index(4096) == 3


def test_deepseek_v2_lite_projects_queries_directly() -> None:
    """Its file says `q_lora_rank: null`; a missing key would mean 1536."""
    config = {**CONFIGS["deepseek-ai/DeepSeek-V3.1"], "q_lora_rank": None}
    a = from_config(config).layers[0].mixers[0]

    assert isinstance(a, LatentAttention)
    assert a.q_lora_rank is None


def test_deepseek_v32_keeps_an_index_key_too() -> None:
    """128 numbers a token beside the latent row of 576."""
    a = model("deepseek-ai/DeepSeek-V3.2").layers[0].mixers[0]

    assert isinstance(a, LatentAttention)
    assert (a.values_per_token, a.index_head_dim) == (576, 128)


def test_deepseek_v3_s_extra_layer_is_listed_and_not_counted() -> None:
    """The hub's 684.5 G are the model's 671.0 G and one layer with embeddings and head again."""
    m = model("deepseek-ai/DeepSeek-V3.1")
    (ahead,) = m.mtp_layers

    assert {"nextn.eh_proj", "nextn.embed_tokens"} <= {t.role for t in ahead.tensors}
    assert round(m.parameters / 1e9, 1) == 671.0
    assert round((m.parameters + ahead.parameters) / 1e9, 1) == 684.5


@pytest.mark.parametrize(
    ("hf_id", "stored"),
    [
        ("deepseek-ai/DeepSeek-V3.2", 685_355_329_792),
        ("deepseek-ai/DeepSeek-V4-Flash", 290_944_616_402),
        ("deepseek-ai/DeepSeek-V4-Pro", 1_598_839_674_782),
        ("zai-org/GLM-4.7", 358_337_791_296),
        ("zai-org/GLM-5.1", 753_864_139_008),
        ("zai-org/GLM-5.2", 753_329_940_480),
    ],
)
def test_layers_ahead_and_buffers_make_up_what_the_hub_counts(hf_id: str, stored: int) -> None:
    """Safetensors totals as the hub states them: the model, its MTP layers, and buffers."""
    m = model(hf_id)
    layers = [*m.layers, *m.mtp_layers]
    buffers = sum(t.numel for layer in layers for t in layer.tensors if t.buffer)

    assert m.parameters + sum(layer.parameters for layer in m.mtp_layers) + buffers == stored


def test_deepseek_v4_keeps_an_entry_for_many_tokens() -> None:
    """A window of 128, then one entry for 4 (with an index key) or for 128 tokens."""
    flash = model("deepseek-ai/DeepSeek-V4-Flash")
    kept = [a.cached_values(8192) for layer in flash.layers[:4] for a in layer.mixers]
    ratios = [
        a.compress_ratio
        for layer in flash.layers[:4]
        for a in layer.mixers
        if isinstance(a, CompressedAttention)
    ]

    assert ratios == [0, 0, 4, 128]
    assert kept == [65536, 65536, 65536 + 2048 * 640, 65536 + 64 * 512]


@pytest.mark.parametrize(
    ("hf_id", "parallel"),
    [
        ("EleutherAI/gpt-neox-20b", True),
        ("nomic-ai/gpt4all-j", True),
        ("microsoft/phi-1", True),
        ("CohereLabs/c4ai-command-r7b-12-2024", True),
        ("Qwen/Qwen2.5-7B-Instruct", False),
    ],
)
def test_parallel_blocks_are_marked(hf_id: str, parallel: bool) -> None:
    """Attention and MLP read the same input in these."""
    assert model(hf_id).layers[0].parallel is parallel


@pytest.mark.parametrize(
    ("hf_id", "expected"),
    [
        ("microsoft/Phi-3-mini-4k-instruct", DenseMLP(intermediate_size=8192, fused=True)),
        ("facebook/opt-6.7b", DenseMLP(intermediate_size=16384, gated=False)),
        (
            "mistralai/Mixtral-8x7B-v0.1",
            Experts(num_experts=8, num_experts_per_tok=2, intermediate_size=14336),
        ),
        (
            "Qwen/Qwen1.5-MoE-A2.7B",
            Experts(
                num_experts=60,
                num_experts_per_tok=4,
                intermediate_size=1408,
                shared_intermediate_size=5632,
            ),
        ),
    ],
)
def test_the_feed_forward_part_is_what_it_is(hf_id: str, expected: DenseMLP | Experts) -> None:
    """Gated or not, fused or not, how many experts."""
    assert model(hf_id).layers[-1].feed_forward == expected


def test_the_first_layers_of_deepseek_are_dense() -> None:
    """Three of V3's 61."""
    kinds = [
        type(layer.feed_forward).__name__ for layer in model("deepseek-ai/DeepSeek-V3.1").layers
    ]

    assert Counter(kinds) == {"DenseMLP": 3, "Experts": 58}


def test_a_corrected_router_s_buffer_is_stored_but_not_counted() -> None:
    """256 numbers in fp32 a layer, which transformers calls a buffer."""
    layer = model("deepseek-ai/DeepSeek-V3.1").layers[-1]
    (correction,) = (t for t in layer.tensors if t.buffer)

    assert (correction.role, correction.shape, correction.dtype) == (
        "exp_probs_b",
        (256,),
        "float32",
    )
    assert layer.parameters == sum(t.numel for t in layer.tensors) - 256


def every_model() -> Iterator[Model]:
    """All counted models."""
    for config in CONFIGS.values():
        yield from_config(config)


def test_matrices_of_attention_fit_its_heads() -> None:
    """Laws over every counted model: what the record says is what the tensors have."""
    for m in every_model():
        for layer, _ in m.kinds:
            shapes = {t.role: t.shape for t in layer.tensors}
            for a in layer.mixers:
                if not isinstance(a, Attention) or "attn_k" not in shapes:
                    continue
                assert shapes["attn_k"][0] == a.num_key_value_heads * a.head_dim, m.model_type


def test_expert_stacks_have_an_expert_in_front() -> None:
    """(num_experts, out, in), whatever order a checkpoint keeps."""
    for m in every_model():
        for layer, _ in m.kinds:
            stacks = [t for t in layer.tensors if t.kind == "experts"]
            if isinstance(layer.feed_forward, Experts):
                assert {t.shape[0] for t in stacks} == {layer.feed_forward.num_experts}
            else:
                assert stacks == []


def test_parameters_grow_with_layers() -> None:
    """A layer more is that layer's parameters more, for the plain families."""
    config = CONFIGS["Qwen/Qwen2.5-7B-Instruct"]
    sizes = [from_config({**config, "num_hidden_layers": n}).parameters for n in (27, 28, 29)]

    assert sizes[1] - sizes[0] == sizes[2] - sizes[1] == from_config(config).layers[0].parameters


def test_tensors_add_up_to_the_total() -> None:
    """Over every counted model: layers, what is outside of them, towers."""
    for m in every_model():
        stored = [t for layer in m.layers for t in layer.tensors]
        stored += [*m.tensors, *(t for tower in m.towers for t in tower.tensors)]
        assert sum(prod(t.shape) for t in stored if not t.buffer) == m.parameters


def test_alike_layers_are_one_object() -> None:
    """So that engines work once for each kind: no counted model has more kinds than it must."""
    for m in every_model():
        assert len(m.kinds) == len({layer for layer, _ in m.kinds}), m.model_type


def test_every_tensor_says_where_it_lives() -> None:
    """Ignore lists of quantized checkpoints name modules."""
    for m in every_model():
        for layer, _ in m.kinds:
            assert all(t.module for t in layer.tensors), m.model_type


def test_model_types_are_spelled_as_config_json_spells_them() -> None:
    """Lower case, since the reader lowers what it finds."""
    assert [name for name in FAMILIES if name != name.lower()] == []
