"""The catalog that is shipped, entry by entry, and what may be laid over it."""

import json
from pathlib import Path

import pytest

from fitcheck.catalog import Catalog, checks, load_models, models_path, schema
from fitcheck.errors import BadFile, BadInput

CATALOG = load_models()
FIRST = (
    "llama-7b",
    "llama-13b",
    "llama-30b",
    "llama-65b",
    "chatglm-6b",
    "chatglm2-6b",
    "chatglm3-6b",
    "glm-130b",
    "alpaca-7b",
    "moss-16b",
    "minigpt4-7b",
    "minigpt4-13b",
    "gpt4all",
    "gpt4all-j",
    "gpt",
    "gpt2",
    "gpt2-medium",
    "gpt2-large",
    "gpt2-xl",
    "bert-base",
    "bert-large",
    "gpt-3",
)
GOLDEN = Path(__file__).parents[1] / "golden" / "params.jsonl"
COUNTED = {row["hf_id"]: row["total"] for row in map(json.loads, GOLDEN.read_text().splitlines())}


def test_the_shipped_catalog_is_a_good_one() -> None:
    """Every check that a user's file must pass."""
    assert [str(p) for p in checks.problems(models_path())] == []


def test_the_models_first_asked_for_are_there() -> None:
    """By the ids that scripts rely on."""
    assert [name for name in FIRST if name not in CATALOG.entries] == []


def test_the_catalog_is_broad() -> None:
    """At least 120 entries over at least 30 families."""
    assert len(CATALOG.entries) >= 120
    assert len({entry.family for entry in CATALOG}) >= 30


@pytest.mark.parametrize("name", [e.id for e in CATALOG if e.repository in COUNTED])
def test_an_entry_counts_what_was_counted(name: str) -> None:
    """Unique parameters, to the last one, where the repository was counted on its own classes."""
    entry = CATALOG.entries[name]
    counted = COUNTED[entry.repository or ""]

    model = CATALOG.model(entry)

    assert model is not None
    assert model.parameters == counted


def test_models_that_share_an_architecture_refer_to_it() -> None:
    """Alpaca and Vicuna are LLaMA with one token more; GPT4All is LLaMA."""
    alpaca, gpt4all = CATALOG.entries["alpaca-7b"], CATALOG.entries["gpt4all"]

    assert (alpaca.like, alpaca.config) == ("llama-7b", {"vocab_size": 32001})
    assert gpt4all.like == "llama-7b"


def test_a_closed_model_is_never_said_to_be_downloadable() -> None:
    """GPT-3 is there to compare with."""
    assert not CATALOG.entries["gpt-3"].downloadable
    assert CATALOG.entries["gpt-3"].repository is None


def test_the_published_schema_is_that_of_the_records() -> None:
    """`fitcheck catalog schema > docs/models.schema.json` makes it."""
    docs = Path(__file__).parents[2] / "docs" / "models.schema.json"

    assert json.loads(docs.read_text()) == json.loads(json.dumps(schema.json_schema()))


def overlay(tmp_path: Path, text: str) -> Catalog:
    """The catalog with this laid over it."""
    path = tmp_path / "own.yaml"
    path.write_text(text)
    return load_models((path,))


def test_an_overlay_adds_an_entry(tmp_path: Path) -> None:
    """With nothing but what its architecture needs."""
    own = overlay(
        tmp_path,
        "models:\n- {id: mine, name: Mine, organisation: Me, family: llama, like: llama-7b,"
        " sources: {}}\n",
    )

    model = own.model(own.entries["mine"])

    assert model is not None
    assert model.parameters == 6_738_415_616


def test_an_overlay_corrects_a_field_and_keeps_the_rest(tmp_path: Path) -> None:
    """`config` key by key, everything else field by field."""
    own = overlay(tmp_path, "models:\n- id: llama-7b\n  config: {vocab_size: 32002}\n")
    entry = own.entries["llama-7b"]

    model = own.model(entry)

    assert entry.organisation == "Meta"
    assert model is not None
    assert (model.vocab_size, model.hidden_size) == (32002, 4096)


def test_an_overlay_that_is_wrong_is_told_by_line(tmp_path: Path) -> None:
    """Every fault of its shape at once."""
    with pytest.raises(BadFile) as caught:
        overlay(tmp_path, "models:\n- id: llama-7b\n  parameters: many\n  licens: x\n")

    assert [p.line for p in caught.value.problems] == [3, 4]
    assert "licence?" in str(caught.value)


def test_faults_between_entries_are_found(tmp_path: Path) -> None:
    """A sum that is wrong, an alias taken twice, a fact without a source, a scheme of no name."""
    path = tmp_path / "own.yaml"
    path.write_text(
        "models:\n"
        "- id: mine\n  name: Mine\n  organisation: Me\n  family: llama\n  like: llama-7b\n"
        "  aliases: [gpt2]\n  licence: mit\n  parameters: 7\n  sources: {parameters: me}\n"
        "  quantizations:\n  - scheme: q4_nix\n"
    )

    found = {p.line: p.message for p in checks.problems(path)}

    assert "another entry's name" in found[7]
    assert "no source" in found[8]
    assert "adds up to 6738415616" in found[9]
    assert "q4_nix" in found[12]


def test_what_is_no_catalog_is_told_in_one_line(tmp_path: Path) -> None:
    """A list, a number, bytes that are no text, no file at all."""
    path = tmp_path / "own.yaml"
    for content in (b"- a\n", b"3", b"\xff\xfe\x00", b"", b"models: 3", b"models: [3]"):
        path.write_bytes(content)
        with pytest.raises((BadFile, BadInput)) as caught:
            load_models((path,))
        assert len(str(caught.value).splitlines()) == 1
    assert len(checks.problems(tmp_path / "none.yaml")) == 1


def test_every_fault_of_a_file_is_told_at_once_in_its_order(tmp_path: Path) -> None:
    """What is given twice, wrong shapes, what is no entry, and what only entries together show."""
    file = tmp_path / "mine.yaml"
    file.write_text(
        "models:\n"
        "- id: Bad Id\n"
        "  licence: a\n"
        "  licence: b\n"
        "  released: 2024-13\n"
        "- id: qwen3-8b\n"
        "  licence: mine\n"
        "  parameters: 7\n"
        "- 5\n"
        "gpus: []\n"
    )

    told = [str(problem).removeprefix(f"{file}:") for problem in checks.problems(file)]

    for said in (
        "2: models[0].id is not an id like qwen3-8b",
        "2: models[0] has no sources",
        "4: models[0].licence is given twice",
        "5: models[0].released is not a month like 2023-02",
        "8: models[1] qwen3-8b",
        "9: models[2] has no id",
        "10: gpus is not a key here",
    ):
        assert any(line.startswith(said) for line in told), (said, told)
    assert [int(line.partition(":")[0]) for line in told] == sorted(
        int(line.partition(":")[0]) for line in told
    )


@pytest.mark.parametrize(
    ("name", "released", "context_length"),
    [
        ("falcon-40b", "2023-05", 2048),  # inference.readthedocs.io: llm/falcon
        ("falcon-180b", "2023-09", 2048),  # openfuture.eu on Falcon 180B
        ("command-r-35b", "2024-03", 131072),  # transformers: model_doc/cohere, 128k
        ("command-a", "2025-03", 262144),  # its model card: 256K
        ("falcon-h1-34b", "2025-05", 262144),  # transformers' table of Falcon-H1
        ("internvl2-2b", "2024-06", 32768),  # xorbitsai/inference; a repacked config has 512
        ("llama-3.3-70b", "2024-12", 131072),  # the day of its release, not of its repository
        ("qwen3.6-27b", "2026-04", 262144),  # ai-master.cc/article/llm-019
    ],
)
def test_dates_and_contexts_are_the_publishers(
    name: str, released: str, context_length: int
) -> None:
    """Where a config.json, or the day on which a repository was made, says another."""
    entry = load_models().entries[name]

    assert (entry.released, entry.context_length) == (released, context_length)
