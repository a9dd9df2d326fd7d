"""Which layer does what: patterns, windows, borrowed caches, experts beside an MLP."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from fitcheck.architecture import (
    Attention,
    CrossAttention,
    DenseMLP,
    Experts,
    GatedDeltaNet,
    LatentAttention,
    Layer,
    LinearAttention,
    Mamba2,
    Model,
    ShortConv,
    from_config,
)

GOLDEN = Path(__file__).parents[1] / "golden"
CONFIGS: dict[str, dict[str, Any]] = {
    row["hf_id"]: row["config"]
    for row in map(json.loads, (GOLDEN / "params.jsonl").read_text().splitlines())
}
VARIANTS: dict[str, dict[str, Any]] = {
    row["key"]: row["config"]
    for row in map(json.loads, (GOLDEN / "params_variants.jsonl").read_text().splitlines())
}


def model(hf_id: str) -> Model:
    """A counted model."""
    return from_config(CONFIGS[hf_id])


def holding(found: Model, mixer: type) -> list[int]:
    """The layers that mix tokens this way."""
    return [
        i for i, lay in enumerate(found.layers) if any(isinstance(m, mixer) for m in lay.mixers)
    ]


def first_attention(layer: Layer) -> Attention:
    """The layer's attention."""
    return next(m for m in layer.mixers if isinstance(m, Attention))


def test_nemotron_h_follows_its_pattern() -> None:
    """M is Mamba 2, * attention, - an MLP: one thing a layer."""
    hf_id = "nvidia/Nemotron-H-8B-Base-8K"
    found, pattern = model(hf_id), CONFIGS[hf_id]["hybrid_override_pattern"]
    kinds = {"M": Mamba2, "*": Attention, "-": DenseMLP}
    seen = [type(lay.mixers[0] if lay.mixers else lay.feed_forward) for lay in found.layers]

    assert seen == [kinds[letter] for letter in pattern]


def test_nemotron_3_super_predicts_ahead_with_one_layer_beside_the_model() -> None:
    """The hub's checkpoint holds 123,611,012,096 weights, 2,942,324,736 more than the model."""
    found = model("nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-FP8")

    assert found.parameters + found.mtp_layers[0].parameters == 123_611_012_096


def test_qwen_hybrids_predict_ahead_as_their_checkpoints_do() -> None:
    """Hub totals less the model's parameters (safetensors metadata)."""
    ahead = {
        "Qwen/Qwen3-Next-80B-A3B-Instruct": 81_324_862_720,
        "Qwen/Qwen3.5-0.8B": 873_438_784,
        "Qwen/Qwen3.5-9B": 9_653_104_368,
        "Qwen/Qwen3.5-35B-A3B": 35_951_822_704,
        "Qwen/Qwen3.5-397B-A17B": 403_397_928_944,
    }
    found = {hf_id: model(hf_id) for hf_id in ahead}

    assert ahead == {
        hf_id: m.parameters + sum(layer.parameters for layer in m.mtp_layers)
        for hf_id, m in found.items()
    }


def test_every_fourth_layer_of_qwen3_next_attends() -> None:
    """By the class's default interval; the others are gated delta nets."""
    found = model("Qwen/Qwen3-Next-80B-A3B-Instruct")

    assert holding(found, Attention) == list(range(3, 48, 4))
    assert len(holding(found, GatedDeltaNet)) == 36


def test_jamba_attends_once_in_eight_and_routes_every_other_layer() -> None:
    """Periods and offsets of the class (arXiv 2403.19887, section 3.1)."""
    found = model("ai21labs/AI21-Jamba-Mini-1.6")
    routed = [i for i, lay in enumerate(found.layers) if isinstance(lay.feed_forward, Experts)]

    assert holding(found, Attention) == [4, 12, 20, 28]
    assert routed == list(range(1, 32, 2))


def test_minimax_attends_with_softmax_in_every_eighth_layer() -> None:
    """MiniMax-01 (arXiv 2501.08313, section 2): seven layers of lightning attention, then one."""
    found = model("MiniMaxAI/MiniMax-Text-01")

    assert holding(found, Attention) == list(range(7, 80, 8))
    assert len(holding(found, LinearAttention)) == 70


def test_lfm2_convolves_where_it_does_not_attend() -> None:
    """LFM2-1.2B: ten convolutions and six layers of attention (its model card)."""
    found = model("LiquidAI/LFM2-1.2B")

    assert (len(holding(found, ShortConv)), len(holding(found, Attention))) == (10, 6)


def test_kimi_linear_has_latent_attention_where_the_checkpoint_lists_it() -> None:
    """`full_attn_layers` counts from one."""
    found = from_config(VARIANTS["kl1"])

    assert holding(found, LatentAttention) == [1, 5]


def test_zamba2_lists_a_shared_block_once_and_caches_every_use() -> None:
    """Two blocks in five uses: weights of two, caches of five."""
    found = from_config(VARIANTS["z2"])
    with_block = [
        i for i, lay in enumerate(found.layers) if "attn_q" in {t.role for t in lay.tensors}
    ]

    assert holding(found, Attention) == [1, 3, 4, 6, 7]
    assert with_block == [1, 3]


def test_gemma_3n_reads_other_layers_caches_at_its_end() -> None:
    """E4B: 15 of 35 layers; their keys lie in the checkpoint (31,461,120 weights) unused."""
    found = model("google/gemma-3n-E4B-it")
    shared = [first_attention(lay).shares_cache for lay in found.layers]
    idle = sum(t.numel for lay in found.layers for t in lay.tensors if t.unloaded)

    assert shared == [False] * 20 + [True] * 15
    assert first_attention(found.layers[-1]).cached_values(100) == 0
    assert idle == 31_461_120


def test_gemma_4_has_wider_heads_where_it_sees_everything() -> None:
    """E2B: every fifth layer, heads of 512 for 256, a window of 512 elsewhere."""
    found = model("google/gemma-4-E2B-it")
    seen = Counter(
        (a.sliding_window, a.head_dim, a.shares_cache) for a in map(first_attention, found.layers)
    )

    assert seen == {
        (512, 256, False): 12,
        (512, 256, True): 16,
        (None, 512, False): 3,
        (None, 512, True): 4,
    }


def test_gemma_4_has_experts_beside_an_mlp() -> None:
    """26B-A4B: 128 experts of 704 and an MLP of 2112 in every layer."""
    feed = model("nvidia/Gemma-4-26B-A4B-NVFP4").layers[0].feed_forward

    assert isinstance(feed, Experts)
    assert (feed.num_experts, feed.intermediate_size) == (128, 704)
    assert feed.dense_intermediate_size == 2112


def test_llama_4_attends_in_chunks_except_in_every_fourth_layer() -> None:
    """Layers without positions see everything."""
    found = [
        first_attention(layer)
        for layer in model("meta-llama/Llama-4-Scout-17B-16E-Instruct").layers
    ]

    assert [i for i, a in enumerate(found) if not a.chunked] == list(range(3, 48, 4))
    assert {(a.sliding_window, a.position) for a in found} == {(8192, "rope"), (None, "none")}


def test_llama_3_2_vision_attends_to_the_picture_in_some_layers() -> None:
    """Eight layers of the 11B, each over four tiles of 1601 patches; no cache of the text there."""
    found = model("meta-llama/Llama-3.2-11B-Vision-Instruct")
    crossed = holding(found, CrossAttention)
    picture = found.layers[crossed[0]].mixers[0]

    assert crossed == [3, 8, 13, 18, 23, 28, 33, 38]
    assert picture.cached_values(1) == picture.cached_values(10_000) == 2 * 6404 * 8 * 128


def test_whisper_attends_to_text_and_sound() -> None:
    """Each decoder layer caches its own tokens and 1500 of the encoder's."""
    found = model("openai/whisper-large-v3-turbo")
    text, sound = found.layers[0].mixers

    assert len(found.layers) == 4
    assert (text.cached_values(10), sound.cached_values(10)) == (10 * 2 * 1280, 1500 * 2 * 1280)
    assert [(t.name, t.output_tokens) for t in found.towers] == [("encoder", 1500)]
