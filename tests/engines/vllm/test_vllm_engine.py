"""What vLLM runs, takes of a card, and says of the rest."""

import pytest
from vllm_golden import asked, loaded, model

from fitcheck.architecture import from_config
from fitcheck.engines.vllm import VLLM, models
from fitcheck.errors import BadInput
from fitcheck.fit import Question, fit
from fitcheck.machine import Card, Machine
from fitcheck.quantization import SCHEMES, scheme
from fitcheck.units import GIB, MIB, Bytes

SMALL = {
    "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 2,
    "num_attention_heads": 8, "vocab_size": 1000, "max_position_embeddings": 2048,
}  # fmt: skip


def card(free: int | None = None) -> Card:
    return Card(
        id="3090",
        name="RTX 3090",
        vendor="nvidia",
        total=Bytes(24576 * MIB),
        reserved=Bytes(433 * MIB),
        free=None if free is None else Bytes(free),
        compute_capability=8.6,
        bf16=True,
    )


@pytest.mark.parametrize(("kind", "last"), sorted(models.DROPPED.items()))
def test_a_model_that_was_dropped_is_refused_with_its_last_version(kind: str, last: str) -> None:
    """vLLM 0.33.0, registry.py, _PREVIOUSLY_SUPPORTED_MODELS."""
    with pytest.raises(BadInput, match=last):
        models.refuse_unknown(kind)


def test_a_model_that_vllm_never_ran_is_refused() -> None:
    """MOSS has a class of its own nowhere but on the hub."""
    with pytest.raises(BadInput, match="does not run moss"):
        models.refuse_unknown("moss")


def test_what_is_not_known_is_said_and_not_guessed() -> None:
    """A model type that is in no table."""
    held = VLLM.load(from_config({"model_type": "llama", **SMALL}), scheme("bf16"))
    said = models.note("some_new_model")

    assert models.note(held.model.model_type) is None
    assert said is not None and "not known" in said


def test_the_tables_do_not_contradict_each_other() -> None:
    """A type is in one of them at most."""
    tables = (models.OWN, models.THROUGH_TRANSFORMERS, models.NEVER, frozenset(models.DROPPED))

    assert sum(map(len, tables)) == len(frozenset().union(*tables))


def test_schemes_of_other_engines_are_refused() -> None:
    """GGUF and bitsandbytes left vLLM in 2026."""
    for name in ("q4_k_m", "bnb-nf4"):
        with pytest.raises(BadInput, match="not run by vLLM"):
            VLLM.load(model("llama-2-7b"), scheme(name))


@pytest.mark.parametrize("name", [s.name for s in SCHEMES.values() if "vllm" in s.engines])
def test_every_scheme_of_vllms_has_an_answer(name: str) -> None:
    """Llama 2 7B in each of them, smaller than in 32 bits."""
    held = loaded("llama-2-7b", name)
    size = held.memory(asked(held, 4096)).component("weights")

    assert 3 * 10**9 < size <= 27 * 10**9


def test_a_card_that_is_busy_does_not_start() -> None:
    """Less is free than the share: vLLM stops with an error, whatever the model needs."""
    workload = asked(loaded("qwen2.5-0.5b"), 4096)

    assert VLLM.refuses(card(), workload) == ()
    assert VLLM.refuses(card(23 * GIB), workload) == ()
    (why,) = VLLM.refuses(card(15 * GIB), workload)
    assert "--gpu-memory-utilization 0.62" in why


def test_the_verdict_tells_of_a_busy_card() -> None:
    """With the reason, and not as a lack of memory."""
    held = loaded("qwen2.5-0.5b")
    question = Question(
        engine=VLLM,
        loaded=held,
        workload=asked(held, 4096),
        machine=Machine(name="busy", cards=(card(15 * GIB),)),
    )
    found, _ = fit(question)

    assert (found.verdict, found.limited_by) == ("no", "engine")
    assert "is free" in found.reasons[0]


def test_the_longest_context_of_fit_is_what_the_pool_holds() -> None:
    """Llama 3.1 8B on an RTX 3090: weights and overhead leave room for one sequence of it."""
    held = loaded("llama-3.1-8b")
    machine = Machine(name="one", cards=(card(),))
    question = Question(
        engine=VLLM, loaded=held, workload=asked(held, 4096), machine=machine, context_asked=True
    )
    found, _ = fit(question)
    assert found.max_context is not None
    workload = asked(held, found.max_context)
    offered = held.capacity(workload, VLLM.usable(card(), workload))

    assert found.verdict == "fits"
    assert 1 <= offered.sequences < 1.02


def test_a_note_says_what_the_pool_would_hold() -> None:
    """Tokens and sequences, as vLLM prints them at start-up."""
    held = loaded("llama-3.1-8b")
    (share,) = held.shares(asked(held, 4096), (Bytes(21 * GIB),))

    assert "sequences of 4,096 at once" in share.notes[-1]


def test_a_published_scheme_is_the_default_of_its_precision() -> None:
    """FP8 as DeepSeek publishes it, in the column of 8 bits."""
    config = {
        "model_type": "llama", **SMALL,
        "quantization_config": {
            "quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128],
            "activation_scheme": "dynamic",
        },
    }  # fmt: skip
    found = VLLM.default_scheme(from_config(config), "int8")
    plain = VLLM.default_scheme(from_config({"model_type": "llama", **SMALL}), "int8")

    assert found is not None and plain is not None
    assert found.layout == plain.layout


@pytest.mark.parametrize(("tokens", "gib"), [(20000, 2.07), (29000, 2.99)])
def test_the_profiling_run_is_as_high_as_vllm_measured(tokens: int, gib: float) -> None:
    """Llama 3.1 8B on an RTX 3090, so many tokens at once (vLLM issue 10517; 0.6.3)."""
    held = loaded("llama-3.1-8b")
    settings = {"max_num_batched_tokens": str(tokens), "max_num_seqs": "1"}
    memory = held.memory(asked(held, tokens, **settings))

    assert memory.component("activations") / 2**30 == pytest.approx(gib, abs=0.011)


@pytest.mark.parametrize(
    ("name", "gib"),
    [("llama-3.1-8b", 1.26)],
)
def test_older_profiles_are_within_the_range(name: str, gib: float) -> None:
    """vLLM pull 10511: 8192 tokens of 256 sequences, when logits were sorted in full."""
    held = loaded(name)
    settings = {"max_num_batched_tokens": "8192", "max_num_seqs": "256"}
    memory = held.memory(asked(held, 8192, **settings))
    others = memory.total.high - memory.total.expected

    assert memory.component("activations") < gib * 2**30 < memory.component("activations") + others


def test_one_window_for_all_layers_is_counted_in_full_and_said() -> None:
    """Mistral 7B v0.1 sees 4096 tokens; vLLM's rows of it keep all 32768."""
    memory = loaded("mistral-7b-v0.1").memory(asked(loaded("mistral-7b-v0.1"), 32768))

    assert memory.component("kv_cache") == 2048 * 2097152
    assert any("4096 tokens alone" in note for note in memory.notes)


def test_a_model_in_32_bits_keeps_a_cache_of_32_bits() -> None:
    """kv_cache_dtype auto is the model's own type."""
    held = loaded("llama-2-7b", "fp32")
    workload = asked(held, 4096)

    assert workload.kv_cache == "fp32"
    assert held.memory(workload).component("kv_cache") == 4 << 30
