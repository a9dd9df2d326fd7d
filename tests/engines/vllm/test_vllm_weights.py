"""Weights of each rank against vLLM's own classes: golden/vllm_kv.csv, golden/vllm_ranks.csv."""

import json
from collections import defaultdict

import pytest
from vllm_golden import GOLDEN, asked, loaded, model, rows

from fitcheck.architecture import from_config
from fitcheck.engines.vllm import VLLM, weights
from fitcheck.errors import BadInput
from fitcheck.quantization import scheme
from fitcheck.quantization.published import published

KV = rows("vllm_kv.csv")
RANKS = rows("vllm_ranks.csv")

# Classes where a few tensors differ; the share of the whole that they may come to.
NEARLY = {
    "bert": (6e-4, "embeddings padded to 64 rows and divided, a bias of the decoder beside"),
    "glm4v": (2e-5, "biases of the vision tower that the class does not have"),
    "dots1": (1e-6, "corrections of the router's scores are buffers in transformers' code"),
    "gemma4": (1e-6, "scalars of layers are buffers"),
    "phi3_v": (0.021, "the tower's last layer and its head"),
    "llama4": (0.004, "the configuration leaves the tower's sizes out; both take what is usual"),
    "gemma3n": (0.7, "the configuration leaves the towers out, of which vLLM builds the usual"),
}


def of_rank(name: str, ranks: int) -> int:
    return sum(t.size for t in weights.terms(model(name), scheme("bf16"), ranks))


@pytest.mark.parametrize("row", KV, ids=lambda r: f"{r['model']}-{r['tp']}-{r['kv_cache_dtype']}")
def test_weights_of_a_rank_are_exact(row: dict[str, str]) -> None:
    """To the byte, for one, two, four and eight ranks.

    The rows' DeepSeek V3 names no `topk_method`, so that its class has no corrections of scores.
    """
    left_out = 58 * 256 * 4 if row["model"] == "deepseek-v3" else 0

    assert of_rank(row["model"], int(row["tp"])) == int(row["weights_bytes_per_rank"]) + left_out


def test_weights_of_every_other_model_are_exact() -> None:
    """781 rows of 350 models that the rules were not derived from; NEARLY says which are not."""
    wrong = defaultdict(list)
    for row in RANKS:
        want = int(row["weights_bytes_per_rank"])
        try:
            found = of_rank(row["hf_id"], int(row["tp"]))
        except BadInput:
            wrong[row["hf_id"]].append("refused")
            continue
        least, _ = NEARLY.get(model(row["hf_id"]).model_type, (0.0, ""))
        if abs(found - want) > least * want:
            wrong[row["hf_id"]].append(f"tp {row['tp']}: {found} for {want}")

    assert set(wrong) <= {"EleutherAI/pythia-14m", "EleutherAI/pythia-160m"}


def test_nearly_all_are_exact_to_the_byte() -> None:
    """More than 95 of 100 rows."""
    exact = [
        of_rank(row["hf_id"], int(row["tp"])) == int(row["weights_bytes_per_rank"])
        for row in RANKS
        if "pythia-1" not in row["hf_id"]
    ]

    assert sum(exact) / len(exact) > 0.95


@pytest.mark.parametrize(
    ("name", "ranks", "why"),
    [
        ("qwen2.5-7b", 8, "attention heads of 28 over 8 cards"),
        ("falcon-7b", 2, "attention heads of 71 over 2 cards"),
        ("llama-3.1-8b", 3, "attention heads of 32 over 3 cards"),
    ],
)
def test_heads_that_do_not_divide_are_refused(name: str, ranks: int, why: str) -> None:
    """As vLLM refuses at start-up, with the numbers."""
    held = loaded(name)

    with pytest.raises(BadInput, match=why):
        held.memory(asked(held, 4096), ranks)


# Parameters that vLLM's quantization methods make for published checkpoints, in bytes, by building
# the classes without storage (vLLM 0.33.0, 2026-11-21): model, ranks, bytes of a rank.
PUBLISHED = [
    ("deepseek-ai/DeepSeek-V3", 1, 673150611808),
    ("deepseek-ai/DeepSeek-V3.1", 1, 673150611808),
    ("deepseek-ai/DeepSeek-V4-Flash", 1, 156006389980),
    ("Qwen/Qwen3-32B-FP8", 1, 34326243840),
    ("Qwen/Qwen3-235B-A22B-FP8", 1, 236445456112),
    ("openai/gpt-oss-20b", 1, 13761264768),
    ("openai/gpt-oss-20b", 4, 3616621440),
    ("openai/gpt-oss-120b", 4, 17368614144),
]


@pytest.mark.parametrize(("name", "ranks", "size"), PUBLISHED)
def test_published_weights_are_as_vllm_allocates_them(name: str, ranks: int, size: int) -> None:
    """But for scales of activations, a few bytes each: within 0.01 %."""
    lines = (GOLDEN / "published.jsonl").read_text().splitlines()
    config = {e["model"]: e["config"] for e in map(json.loads, lines)}[name]
    held = from_config(config, name)
    assert held.quantization_config is not None
    packing = published(held.quantization_config).schemes[0]
    found = sum(t.size for t in weights.terms(held, packing, ranks))

    assert found == pytest.approx(size, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "ranks", "gib"),
    [
        # vLLM issue 10517 (RTX 3090) and pull 17122 (L40S): with the rotary table of 131072
        ("llama-3.1-8b", 1, 14.9888),
        # vLLM pull 10511, two H100, without the table: Llama 3 8B
        ("meta-llama/Meta-Llama-3-8B", 2, 7.48),
        # huggingface/cookbook, grpo_vllm_online_training.ipynb
        ("qwen2.5-0.5b", 1, 0.9280),
    ],
)
def test_model_loading_took_what_vllm_prints(name: str, ranks: int, gib: float) -> None:
    """Weights and rotary tables of a rank."""
    held = loaded(name)
    memory = held.memory(asked(held, 4096), ranks)
    tables = sum(t.size for t in memory.terms if t.name == "rotary tables")

    assert (memory.component("weights") + tables) / ranks / 2**30 == pytest.approx(gib, rel=5e-3)


def test_a_fine_grained_checkpoint_keeps_what_its_publisher_kept() -> None:
    """DeepSeek V3: embeddings, head, router and norms in 16 bits, the rest in FP8 with scales."""
    memory = loaded("deepseek-v3", "fp8").memory(asked(loaded("deepseek-v3"), 4096))
    plain = {t.name for t in memory.terms if t.component == "weights" and "dim0" in t.values}

    assert plain == {"token embeddings", "head", "routers"}


def test_on_disk_there_is_no_padding() -> None:
    """Qwen2 VL's neighbour with an odd vocabulary: GPT-2 has 50257 rows, vLLM makes 50304."""
    held = VLLM.load(model("openai-community/gpt2-xl"), scheme("bf16"))
    in_memory = sum(t.size for t in weights.terms(held.model, held.scheme, 1))

    assert in_memory - held.file_bytes == (50304 - 50257) * 1600 * 2


def test_gates_of_a_delta_rule_stay_in_16_bits_and_divide() -> None:
    """Qwen3.5 in FP8 on two cards: 16 heads a card are no tile of 128, and nobody packs them."""
    held = loaded("Qwen/Qwen3.5-35B-A3B", "fp8")
    one, two = (held.memory(asked(held, 4096), ranks) for ranks in (1, 2))

    assert two.component("weights") == pytest.approx(one.component("weights"), rel=0.01)
