"""What fitcheck was first asked to say of models and cards, each claim as it comes out of it.

The list of models that fitcheck was first made for is quoted as `list`; publishers by their README.
"""

from functools import cache

import msgspec
import pytest

from fitcheck import cards, resolve
from fitcheck.answers.asked import Ask
from fitcheck.answers.check import check
from fitcheck.answers.show import Claim, ShowAnswer, show
from fitcheck.catalog import Catalog, ModelEntry, load_models
from fitcheck.render.show_text import text as shown_text

CATALOG: Catalog = load_models()
YES, NO = ("fits", "tight"), "no"


def verdict(model: str, gpu: str, **options: object) -> str:
    """What `fitcheck check MODEL --gpu GPU` answers in one precision."""
    ask = msgspec.convert({"precisions": (), "quants": (), **options}, Ask)
    found = check(
        (resolve.subject(model, CATALOG),), cards.machine(gpu), ask, named=True, solve="table"
    )
    (estimate,) = found.rows[0].estimates
    assert estimate.fit is not None
    return estimate.fit.verdict


@cache
def shown(model: str) -> ShowAnswer:
    """What `fitcheck show MODEL` answers."""
    return show(resolve.subject(model, CATALOG), cards.machine)


def claim(model: str, states: str) -> Claim:
    """The publisher's claim that begins so."""
    return next(c for c in shown(model).claims if c.requirement.states.startswith(states))


def test_chatglm_6b_runs_on_6_gb_at_int4() -> None:
    """List: 'ChatGLM-6B, INT4: 6 GB'; THUDM/ChatGLM-6B, README.md, hardware requirements."""
    assert verdict("chatglm-6b", "6GB", precisions=["int4"]) in YES
    assert verdict("chatglm-6b", "6GB", precisions=["fp16"]) == NO
    assert claim("chatglm-6b", "INT4: 6 GB").agrees


@pytest.mark.parametrize("gpu", ["a100", "a100-80gb", "a800", "2x3090"])
def test_moss_runs_in_fp16_on_one_a100_or_two_3090(gpu: str) -> None:
    """List and OpenLMLab/MOSS, README_en.md: 'a single A100/A800 or two 3090 GPUs'."""
    assert verdict("moss-16b", gpu, precisions=["fp16"]) == "fits"


def test_moss_does_not_run_in_fp16_on_one_3090() -> None:
    """31 GB of weights (OpenLMLab/MOSS, README_en.md) are more than 24."""
    assert verdict("moss-16b", "3090", precisions=["fp16"]) == NO


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_moss_runs_in_int8_and_int4_on_one_3090(precision: str) -> None:
    """List and OpenLMLab/MOSS, README_en.md: 'a single 3090 GPU with INT-4/8 precision'."""
    assert verdict("moss-16b", "3090", precisions=[precision]) == "fits"


def test_minigpt_4_needs_12_gb_in_8_bit() -> None:
    """List: 'MiniGPT-4: at least 12 GB'; 8 bit is its README's default, 11.5 GB by its count."""
    for gpu, answer in (("12GB", "fits"), ("8GB", NO)):
        assert verdict("minigpt4-7b", gpu, quants=["bnb-int8"], context=512) == answer
    assert claim("minigpt4-7b", "at least 12 GB").agrees
    assert claim("minigpt4-7b", "about 11.5 GB").requirement.explains


@pytest.mark.parametrize("model", ["minigpt4-7b", "minigpt4-13b"])
def test_minigpt_4_is_counted_with_its_vision_encoder_and_q_former(model: str) -> None:
    """Zhu et al. 2023, section 3: ViT-g/14 of EVA-CLIP, about 1 billion, and BLIP-2's Q-Former."""
    parts = dict(shown(model).parts)
    vision = sum(size for name, size in parts.items() if "vision" in name.lower())
    former = sum(size for name, size in parts.items() if "former" in name.lower())
    llm = resolve.subject(model.replace("minigpt4", "llama"), CATALOG).model

    assert vision == pytest.approx(0.986e9, rel=0.01)
    assert former == pytest.approx(0.105e9, rel=0.02)
    assert llm is not None
    assert sum(parts.values()) - llm.parameters > vision + former


@pytest.mark.parametrize(
    ("model", "engine"),
    [("gpt4all", "transformers"), ("gpt4all", "llama.cpp"), ("gpt4all-j", "transformers")],
)
def test_gpt4all_runs_within_16_gb(model: str, engine: str) -> None:
    """List: 'GPT4All: at least 16 GB of memory to run locally'."""
    assert verdict(model, "16GB", precisions=["int4"], engine=engine) == "fits"


@pytest.mark.parametrize(
    ("gpu", "runs", "fails"),
    [
        ("6GB", "int4", "int8"),
        ("8GB", "int4", "int8"),
        ("12GB", "int8", "fp16"),
        ("24GB", "fp16", None),
    ],
)
@pytest.mark.parametrize("model", ["llama-7b", "alpaca-7b"])
def test_7b_runs_on_a_personal_gpu(model: str, gpu: str, runs: str, fails: str | None) -> None:
    """List: '6B/7B usable on a personal GPU', without a precision: the highest for each size."""
    assert verdict(model, gpu, precisions=[runs]) in YES
    if fails is not None:
        assert verdict(model, gpu, precisions=[fails]) == NO


def test_glm_130b_runs_in_fp16_on_eight_a100_of_40_gb() -> None:
    """List and THUDM/GLM-130B, README.md: '8 * A100 (40G * 8)'."""
    assert verdict("glm-130b", "8x a100-40gb", precisions=["fp16"]) == "fits"
    assert verdict("glm-130b", "4x a100-40gb", precisions=["fp16"]) == NO


def test_glm_130b_runs_in_int4_on_four_3090() -> None:
    """List and THUDM/GLM-130B, README.md: '4 * RTX 3090 (24G)'. Where ours says less, it says why.

    Eight 2080 Ti run it by tensor parallelism, which we do not count for a model like this.
    """
    assert verdict("glm-130b", "4x3090", precisions=["int4"]) in YES
    assert verdict("glm-130b", "2x3090", precisions=["int4"]) == NO
    assert claim("glm-130b", "INT4 runs on four RTX 3090").requirement.explains
    eight = claim("glm-130b", "INT4 runs on eight RTX 2080 Ti")
    assert eight.agrees or "every matrix" in eight.requirement.explains


CLOSED = [entry for entry in CATALOG if not entry.downloadable]


def test_gpt_3_is_closed() -> None:
    """List: GPT-3 is among the models; OpenAI never published its weights."""
    assert "gpt-3" in {entry.id for entry in CLOSED}


@pytest.mark.parametrize("entry", CLOSED, ids=lambda e: e.id)
def test_closed_models_are_never_said_to_be_downloadable(entry: ModelEntry) -> None:
    """Nowhere to fetch it from, and every answer says so."""
    subject = resolve.of_entry(entry, CATALOG)

    assert entry.repository is None
    assert all(q.repository is None for q in entry.quantizations)
    assert "cannot be downloaded" in " ".join(subject.notes)
    assert "cannot be downloaded" in shown_text(show(subject, cards.machine), 300)


TRAINED = [
    (entry.id, r.states)
    for entry in CATALOG
    for r in entry.requirements
    if r.purpose != "inference"
]


@pytest.mark.parametrize(("model", "states"), TRAINED)
def test_claims_about_training_are_shown_as_such(model: str, states: str) -> None:
    """MiniGPT-4 was trained on four A100 (README.md): no statement about running it."""
    found = claim(model, states)

    assert found.agrees is None
    assert found.ours == ()
    lines = shown_text(shown(model), 300).splitlines()
    at = next(i for i, line in enumerate(lines) if states in line)
    assert found.requirement.purpose in " ".join(lines[at : at + 2])


@pytest.mark.parametrize("gpu", ["6GB", "8GB"])
def test_6_gb_and_8_gb_are_first_class(gpu: str) -> None:
    """List: '6 GB or more of GPU memory, 8 GB recommended'. The whole table, and files of GGUF."""
    subjects = tuple(resolve.of_entry(entry, CATALOG) for entry in CATALOG)
    found = check(subjects, cards.machine(gpu), Ask(), named=False, solve="table")
    yes = {row.subject.id for row in found.rows if row.verdict in YES}

    assert {"chatglm-6b", "llama-7b", "qwen3-4b", "llama-3.2-3b", "gpt2"} - yes == set()
    assert len(yes) > 60
    for model in ("llama-7b", "qwen3-4b", "llama-3.2-3b", "gpt2"):
        assert verdict(model, gpu, precisions=["int4"], engine="llama.cpp") == "fits"


CLAIMS = [
    (entry.id, c)
    for entry in CATALOG
    if entry.requirements
    for c in shown(entry.id).claims
    if c.requirement.purpose == "inference"
]


@pytest.mark.parametrize(
    ("model", "found"), CLAIMS, ids=[f"{model}: {c.requirement.states}" for model, c in CLAIMS]
)
def test_every_publishers_claim_is_met_or_explained(model: str, found: Claim) -> None:
    """A reader who sees two figures is told why."""
    assert found.agrees is not None, "neither a size nor a card is named"
    assert found.agrees or found.requirement.explains


@pytest.mark.parametrize("entry", list(CATALOG), ids=lambda e: e.id)
def test_parameters_are_exact(entry: ModelEntry) -> None:
    """What is shown is what the architecture adds up to, or the entry says why it is not.

    tests/catalog holds the same numbers to what was counted on transformers' own classes.
    """
    model = CATALOG.model(entry)
    if model is None or entry.parameters is None or entry.parameters_note:
        return
    assert model.parameters == entry.parameters
