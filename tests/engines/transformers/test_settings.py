"""Defaults, and what is refused."""

import pytest
from transformers_golden import model

from fitcheck.engines.base import Workload
from fitcheck.engines.transformers import Transformers
from fitcheck.engines.transformers.loaded import TransformersModel
from fitcheck.errors import BadInput
from fitcheck.quantization import scheme


def load(name: str, packing: str = "fp16") -> TransformersModel:
    return Transformers().load(model(name), scheme(packing))


@pytest.mark.parametrize(
    ("name", "attention"),
    [
        ("llama-2-7b", "sdpa"),
        ("falcon-7b", "sdpa"),
        ("gpt-j-6b", "eager"),
        ("bloom-7b1", "eager"),
        ("gpt-oss-20b", "eager"),
        ("gemma-2-9b", "eager"),
        ("mamba-2.8b", "eager"),
    ],
)
def test_auto_is_sdpa_where_the_class_has_it(name: str, attention: str) -> None:
    """_supports_sdpa of each class in transformers 5.23.0."""
    assert load(name).settle(Workload(context=8, prompt=8, attention="auto")).attention == attention


def test_defaults_are_put_in() -> None:
    """from_pretrained's and generate's: SDPA and a cache of the model's own type."""
    settled = load("llama-2-7b").settle(Workload(context=8, prompt=8))

    assert (settled.attention, settled.kv_cache) == ("sdpa", "fp16")


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        ("llama-2-7b", Workload(context=8, prompt=8, attention="paged"), "auto, flash, sdpa"),
        ("llama-2-7b", Workload(context=8, prompt=8, kv_cache="q4_0"), "not in q4_0"),
        ("gpt-j-6b", Workload(context=8, prompt=8, attention="sdpa"), "gptj has no sdpa"),
        ("llama-2-7b", Workload(context=8, prompt=8, settings={"padded": "maybe"}), "yes or no"),
        ("llama-2-7b", Workload(context=8, prompt=8, settings={"transformers": "x"}), "version"),
    ],
)
def test_what_the_library_cannot_do_is_said(name: str, asked: Workload, message: str) -> None:
    """In one line that names the fault."""
    with pytest.raises(BadInput, match=message):
        load(name).settle(asked)


def test_another_engines_scheme_is_refused() -> None:
    """A GGUF file type is llama.cpp's."""
    with pytest.raises(BadInput, match=r"q4_k_m is not run by transformers, but by llama\.cpp"):
        load("llama-2-7b", "q4_k_m")


def test_versions_before_4_45_made_logits_of_the_whole_prompt() -> None:
    """Qwen2 0.5B at 6,144 tokens: 6.42 GiB with 4.38, 1.23 with 4.46 (Qwen's documentation)."""
    loaded = load("qwen2.5-0.5b")
    now = Workload(context=8192, prompt=6144)
    then = Workload(context=8192, prompt=6144, settings={"transformers": "4.38"})
    sizes = [
        sum(t.size for t in loaded.memory(loaded.settle(w)).terms if t.component != "overhead")
        for w in (now, then)
    ]

    assert [size / 2**30 for size in sizes] == pytest.approx([1.23, 6.42], rel=0.025)


def test_a_class_that_was_not_measured_is_said_to_be_so() -> None:
    """And its range is wider for it."""
    known = load("llama-2-7b")
    other = TransformersModel(
        type(known.model)(
            **{f: getattr(known.model, f) for f in known.model.__struct_fields__}
            | {"model_type": "lama"}
        ),
        known.scheme,
    )
    asked = known.settle(Workload(context=4096, prompt=4096))

    assert "lama was not measured" in other.memory(asked).notes[0]
    assert other.memory(asked).total.high > known.memory(asked).total.high


def test_experts_under_bitsandbytes_are_said_to_stay_as_they_are() -> None:
    """A reader expects a quarter and gets a half: it must be said why."""
    notes = load("mixtral-8x7b", "bnb-nf4").memory(Workload(context=8, prompt=8)).notes

    assert any("routed experts in 16 bits" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "int8", "int4"),
    [
        ("llama-2-7b", "bnb-int8", "bnb-nf4"),
        ("jamba-v0.1", "gptq-int8", "gptq-int4"),
        ("mixtral-8x7b", "gptq-int8", "gptq-int4"),
        ("falcon-7b", "gptq-int8", "gptq-int4"),
    ],
)
def test_int4_means_bitsandbytes_where_that_packs_the_model(
    name: str, int8: str, int4: str
) -> None:
    """It passes by fused experts and Falcon's own linear layers (transformers 5.23.0)."""
    engine = Transformers()
    found = [engine.default_scheme(model(name), p) for p in ("int8", "int4", "int3")]

    assert [s and s.name for s in found] == [int8, int4, None]


def test_falcon_under_bitsandbytes_is_said_to_stay_as_it_is() -> None:
    """Its FalconLinear is a class of its own, which the replacement does not take."""
    loaded = load("falcon-7b", "bnb-nf4")

    assert loaded.memory(Workload(context=8, prompt=8)).notes
    assert loaded.file_bytes == load("falcon-7b").file_bytes


@pytest.mark.parametrize(
    ("packing", "gigabytes"), [("fp16", 12.5), ("chatglm-int8", 6.75), ("chatglm-int4", 3.95)]
)
def test_chatglm_packs_its_blocks_by_its_own_code(packing: str, gigabytes: float) -> None:
    """ChatGLM2 6B: the README's 13.1, 8.2 and 5.5 GB hold this and 0.5 to 1.5 GB of work.

    Whatever the version of transformers: the model's own code makes the last token's logits alone.
    """
    readme = {"fp16": 13.1, "chatglm-int8": 8.2, "chatglm-int4": 5.5}
    loaded = load("chatglm2-6b-as-glm", packing)
    asked = loaded.settle(Workload(context=2048, prompt=2048))
    total = loaded.memory(asked).total

    assert loaded.file_bytes / 1e9 == pytest.approx(gigabytes, rel=0.01)
    assert total.low <= readme[packing] * 1e9 <= total.high
