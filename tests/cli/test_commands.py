"""What people type: the answer on stdout, talk on stderr, the verdict in the exit code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# What conftest's fixture gives: words in; exit code, stdout, stderr and its JSON out.
Run = Callable[..., Any]


def test_a_yes_is_0_and_a_no_is_1(fitcheck: Run) -> None:
    """LLaMA 7B in 16 bits takes 14 GiB: 24 do, 6 do not."""
    assert fitcheck("check", "llama-7b", "--precision", "fp16", "--gpu", "3090").code == 0
    assert fitcheck("check", "llama-7b", "--precision", "fp16", "--gpu", "6GB").code == 1


def test_one_no_among_several_is_a_no(fitcheck: Run) -> None:
    """All that were named must run."""
    assert fitcheck("check", "llama-7b", "gpt-3", "--gpu", "3090").code == 1


def test_a_table_of_everything_is_no_verdict(fitcheck: Run) -> None:
    """Asked what runs, there is always an answer."""
    assert fitcheck("check", "--gpu", "6GB").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "lama-7b", "--gpu", "3090"), "did you mean llama-7b"),
        (("check", "llama-7b", "--gpu", "3091"), "did you mean"),
        (("estimate", "llama-7b", "--quant", "q4_k_n"), "q4_k_m"),
        (("estimate", "llama-7b", "--context", "many"), "no number of tokens"),
        (("estimate", "llama-7b", "--engine", "vlm"), "did you mean vllm"),
        (("estimate", "./nothing.json"), "./nothing.json"),
        (("estimate", "llama-7b", "--engine", "llama.cpp", "--max-num-seqs", "4"), "--parallel"),
        (("check", "--gpu", "3090", "--ubatch", "64"), "llama.cpp, ollama, lmstudio"),
        (("check", "--gpu", "3090", "--kv-cache", "q8_0"), "transformers keeps keys and values"),
        (("plan", "gpt2", "--gpu", "3090", "--engine", "llama.cpp", "--block-size", "16"), "vllm"),
        (("compare", "--gpu", "4090", "--block-size", "16"), "an option of vllm"),
        (("sweep", "llama-7b", "--imatrix"), "an option of llama.cpp"),
        (("engines", "vlm"), "did you mean vllm"),
        (("chek", "llama-7b"), "did you mean `fitcheck check`"),
        (("llama-7b",), "`fitcheck check llama-7b`"),
        (("3090",), "`fitcheck --gpu 3090`"),
        (("estimate",), "'MODEL'; see `fitcheck estimate --help`"),
        (("quants", "zzz"), "`fitcheck quants` lists them"),
        (("check", "--gpu", "3090", "--gpu", "4090"), "fitcheck compare"),
        (("estimate", "gpt-3", "--frmat", "json"), "--format"),
        (("estimate", "gpt-oss-20b", "--precision", "fp16"), "published in mxfp4"),
        (("quants", "nf4", "--layer", "4096"), "4096x11008"),
        (("check", "--gpu", "3090", "--family", "lama"), "did you mean llama"),
        (("models", "--language", "chinese"), "there are en, zh"),
        (("check", "llama-7b", "--gpu", "3090", "--family", "qwen"), "name models, or filter"),
        (("models", "nothing"), "`fitcheck models` lists them"),
    ],
)
def test_a_wrong_question_is_one_line_with_the_nearest_right_answer(
    fitcheck: Run, words: tuple[str, ...], said: str
) -> None:
    """On stderr, exit 2, and nothing on stdout."""
    ran = fitcheck(*words)

    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
    assert said in ran.err


def test_estimate_prints_the_contracts_object(fitcheck: Run) -> None:
    """Keys, their order and their types; weights of Llama 2 7B to the byte."""
    found = fitcheck("estimate", "llama-2-7b", "--json").json

    assert list(found) == [
        "schema", "model", "engine", "quantization", "workload", "memory", "file_bytes", "notes",
    ]  # fmt: skip
    assert found["schema"] == "fitcheck.estimate/1"
    assert found["model"] == {
        "id": "llama-2-7b",
        "name": "Llama 2 7B",
        "parameters": 6738415616,
        "active_parameters": 6738415616,
        "source": "catalog",
    }
    assert (found["engine"], found["quantization"]) == ("transformers", "fp16")
    assert found["workload"] == {
        "context": 4096, "prompt": 4096, "batch": 1, "kv_cache": "fp16", "attention": "sdpa",
    }  # fmt: skip
    memory = found["memory"]
    assert list(memory) == [
        "weights", "kv_cache", "recurrent_state", "activations", "overhead", "host", "total",
    ]  # fmt: skip
    assert (memory["weights"], memory["kv_cache"]) == (13476831232, 2147483648)
    on_card = sum(memory[k] for k in list(memory)[:5])
    assert memory["total"]["expected"] == on_card
    assert memory["total"]["low"] <= on_card <= memory["total"]["high"]


def test_several_schemes_are_a_list(fitcheck: Run) -> None:
    """One object for each, in the order asked."""
    found = fitcheck(
        "estimate", "llama-7b", "--precision", "int4", "--precision", "fp16", "--json"
    ).json

    assert [e["quantization"] for e in found] == ["bnb-nf4", "fp16"]


def test_check_prints_results_with_their_fit(fitcheck: Run) -> None:
    """An estimate each, with verdict, headroom and the longest context."""
    ran = fitcheck("check", "moss-16b", "--gpu", "2x3090", "--json")

    assert ran.json["schema"] == "fitcheck.check/1"
    assert len(ran.json["machine"]["cards"]) == 2
    fits = {e["quantization"]: e["fit"] for e in ran.json["results"]}
    assert (fits["fp16"]["cards"], fits["moss-int8"]["cards"]) == (2, 1)
    assert list(fits["fp16"])[:11] == [
        "verdict", "usable", "headroom", "cards", "split", "per_card", "limiting_card",
        "max_context", "max_context_sure",
        "max_batch", "cards_needed",
    ]  # fmt: skip
    assert sum(fits["fp16"]["split"]) <= fits["fp16"]["usable"]


def test_what_the_solver_says_check_says_too(fitcheck: Run) -> None:
    """A yes at max_context, a no at one token more; fits at max_context_sure."""
    words = ("check", "llama-3.1-8b", "--precision", "fp16", "--gpu", "3090", "--context")
    fit = fitcheck(*words, "8k", "--json").json["results"][0]["fit"]

    assert fitcheck(*words, str(fit["max_context"])).code == 0
    assert fitcheck(*words, str(fit["max_context"] + 1)).code == 1
    assert fitcheck(*words, str(fit["max_context_sure"]), "--strict").code == 0
    assert fitcheck(*words, str(fit["max_context_sure"] + 1), "--strict").code == 1


def test_every_form_says_the_same(fitcheck: Run) -> None:
    """JSON, YAML, CSV and Markdown hold the same figures."""
    import csv
    import io

    import yaml

    words = ("estimate", "qwen2.5-7b", "--format")
    whole = fitcheck(*words, "json").json

    assert yaml.safe_load(fitcheck(*words, "yaml").out) == whole
    row = next(csv.DictReader(io.StringIO(fitcheck(*words, "csv").out)))
    assert int(row["memory.total.expected"]) == whole["memory"]["total"]["expected"]
    assert "| weights" in fitcheck(*words, "markdown").out


def test_one_scheme_is_told_whole_whatever_the_width(
    fitcheck: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it costs in quality, and where that is from, is what people ask of one scheme."""
    monkeypatch.setenv("COLUMNS", "40")
    said = fitcheck("quants", "q4_k_m").out
    # llama.cpp, tools/quantize/README.md: perplexity of Llama 3 8B
    assert "+0.1754" in said
    assert "tools/quantize" in said
    assert "needs of a card   nothing in particular" in said


def test_quants_packs_a_layer(fitcheck: Run) -> None:
    """bitsandbytes 0.50.2: 8,388,608 packed bytes, 1,048,576 of absmax, 64 of code."""
    found = fitcheck("quants", "bnb-nf4", "--layer", "4096x4096", "--json").json

    assert found == {"scheme": "bnb-nf4", "in": 4096, "out": 4096, "bytes": 9437248}


def test_tables_are_readable_at_80_columns(fitcheck: Run) -> None:
    """No line of the whole catalog's table is longer, and ids are whole where they can be."""
    lines = fitcheck("check", "--gpu", "3090").out.splitlines()

    assert max(map(len, lines)) <= 80
    assert any(line.startswith("llama-7b ") for line in lines)


def test_a_pipe_gets_no_colour(fitcheck: Run) -> None:
    """Escapes are for terminals."""
    assert "\x1b" not in fitcheck("check", "llama-7b", "--gpu", "3090").out


def test_filters_narrow_the_table(fitcheck: Run) -> None:
    """Chinese models of at most 8 billion parameters."""
    found = fitcheck("models", "--language", "zh", "--max-params", "8b", "--json").json["models"]

    assert {m["id"] for m in found} >= {"chatglm-6b", "qwen2.5-7b"}
    assert all("zh" in m["languages"] and m["parameters"] <= 8e9 for m in found)
    assert "llama-7b" not in {m["id"] for m in found}


def test_fits_leaves_out_what_does_not_run(fitcheck: Run) -> None:
    """Every row left has something that does."""
    results = fitcheck("check", "--gpu", "6GB", "--fits", "--json").json["results"]
    yes = {e["model"]["id"] for e in results if e["fit"]["verdict"] != "no"}

    assert {e["model"]["id"] for e in results} == yes


def test_a_config_on_disk_is_a_model(fitcheck: Run, tmp_path: Path) -> None:
    """The same as the catalog's entry of the same words."""
    path = tmp_path / "config.json"
    path.write_text(
        '{"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "vocab_size":'
        ' 32000, "num_hidden_layers": 32, "num_attention_heads": 32, "torch_dtype": "float16",'
        ' "max_position_embeddings": 4096}'
    )

    found = fitcheck("estimate", str(path), "--json").json

    assert found["memory"] == fitcheck("estimate", "llama-2-7b", "--json").json["memory"]
    assert found["model"]["source"] == "config.json"


def test_an_overlay_is_heard(fitcheck: Run, tmp_path: Path) -> None:
    """--catalog FILE lies over the built-in one."""
    own = tmp_path / "own.yaml"
    own.write_text(
        "models:\n- {id: mine, name: M, organisation: Me, family: f, like: llama-7b, sources: {}}"
    )

    assert fitcheck("check", "mine", "--catalog", str(own), "--gpu", "3090").code == 0


def test_catalog_validate_names_every_fault(fitcheck: Run, tmp_path: Path) -> None:
    """Exit 2 with a line for each; a good file is 0."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("models:\n- id: x\n  nam: X\n  parameters: no\n")
    ran = fitcheck("catalog", "validate", str(bad))

    assert (ran.code, ran.out) == (2, "")
    assert f"{bad}:3" in ran.err
    assert f"{bad}:4" in ran.err
    good = tmp_path / "good.yaml"
    good.write_text("models:\n- id: llama-7b\n  name: Mine\n")
    assert fitcheck("catalog", "validate", str(good)).code == 0


def test_a_capture_describes_another_machine(fitcheck: Run) -> None:
    """nvidia-smi's own output, brought as a file."""
    capture = Path(__file__).parents[1] / "captures" / "nvidia-smi-q-x_tesla-t4.xml"
    ran = fitcheck("check", "chatglm-6b", "--machine", str(capture), "--json")

    assert ran.json["machine"]["cards"][0]["name"] == "Tesla T4"


def test_explain_shows_what_estimate_counts(fitcheck: Run) -> None:
    """The terms add up to the components."""
    found = fitcheck("explain", "qwen3-30b-a3b", "--precision", "int4", "--json").json
    sums: dict[str, int] = {}
    for term in found["terms"]:
        sums[term["component"]] = sums.get(term["component"], 0) + term["bytes"]

    assert {k: v for k, v in found["memory"].items() if k != "total" and v} == {
        k: v for k, v in sums.items() if v
    }
    assert all(term["source"] for term in found["terms"])


def test_show_puts_the_claim_beside_ours(fitcheck: Run) -> None:
    """The publisher's words, where they stand, and our figure."""
    out = fitcheck("show", "chatglm-6b").out

    assert "INT4: 6 GB of GPU memory" in out
    assert "6GB card: " in out
    assert "6,173,286,400" in out


def test_a_closed_model_is_said_to_be_closed(fitcheck: Run) -> None:
    """GPT-3 is for reference only."""
    assert "closed" in fitcheck("show", "gpt-3").out
    assert fitcheck("show", "gpt-3", "--json").json["downloadable"] is False
    assert "gpt-3" not in fitcheck("check", "--gpu", "b200").out


@pytest.mark.parametrize(
    "words",
    [("gpus", "3090"), ("quants",), ("engines",), ("models",), ("plan", "llama-7b")],
)
def test_every_list_has_its_json(fitcheck: Run, words: tuple[str, ...]) -> None:
    """Under a schema's name."""
    assert fitcheck(*words, "--json").json["schema"].startswith("fitcheck.")


def test_explain_tells_of_each_component_once(fitcheck: Run) -> None:
    """llama.cpp's process and its pool are one overhead; what is in RAM stands last."""
    words = ("qwen3.5-4b", "--engine", "llama.cpp", "--quant", "q4_k_m")
    lines = fitcheck("explain", *words).out.splitlines()
    heads = [line.split(":")[0] for line in lines[1:] if line and line[0] != " "]

    assert heads[:6] == [
        "weights", "kv_cache", "recurrent_state", "activations", "overhead", "RAM, beside the card",
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["estimate", "explain", "check", "compare", "plan", "sweep"])
def test_a_prompt_longer_than_the_context_is_refused(fitcheck: Run, command: str) -> None:
    """In one line, never cut to what goes in."""
    card = ("--gpu", "4090") if command in ("check", "compare", "sweep") else ()
    ran = fitcheck(command, "llama-3-8b", *card, "--prompt", "9000", "--context", "4096")

    assert (ran.code, ran.out) == (2, "")
    assert "a prompt of 9000 does not go into a context of 4096" in ran.err


def test_a_long_prompt_alone_makes_the_context_as_long(fitcheck: Run) -> None:
    """Past the usual 4096."""
    told = fitcheck("estimate", "llama-3-8b", "--prompt", "6000", "--json").json["workload"]

    assert (told["context"], told["prompt"]) == (6000, 6000)


def test_compare_says_why_a_model_has_no_answer(fitcheck: Run) -> None:
    """As check does, below the table."""
    words = ("llama-3-8b", "--gpu", "4090", "--engine", "vllm", "--max-num-seqs", "2")
    said = " ".join(fitcheck("compare", *words, "--batch", "4").out.split())

    assert "llama-3-8b: max_num_seqs 2 is less than the 4 asked for" in said


def test_one_engine_tells_its_options(fitcheck: Run) -> None:
    """What we call them, what the engine does, and the default with its source."""
    told = fitcheck("engines", "llama.cpp", "--json").json
    found = {o["option"]: o for o in told["options"]}

    assert told["engine"] == "llama.cpp"
    assert found["--n-gpu-layers"]["engines_own"] == "-ngl"
    assert found["--ubatch"]["default"] == "512"
    assert "llama.cpp 0c1e57098" in found["--ubatch"]["source"]
    assert max(map(len, fitcheck("engines", "vllm").out.splitlines())) <= 80


def test_the_heading_says_what_the_engine_takes_of_the_cards(fitcheck: Run) -> None:
    """vLLM's share is 0.92 of 23.6 GiB; llama.cpp may have all."""
    share = fitcheck("check", "llama-7b", "--gpu", "3090", "--engine", "vllm").out.splitlines()[0]
    whole = fitcheck("check", "llama-7b", "--gpu", "3090", "--engine", "llama.cpp").out

    assert "23.6 GiB usable (vllm takes at most 21.7 GiB)" in share
    assert "takes at most" not in whole


@pytest.mark.parametrize("gpu", ["3090", "4x3090", "3090,4090"])
def test_vllms_capacity_is_told_however_many_cards_there_are(fitcheck: Run, gpu: str) -> None:
    """What `vllm serve` prints as its KV cache size and maximum concurrency."""
    ran = fitcheck(
        "check", "llama-30b", "--gpu", gpu, "--engine", "vllm", "--quant", "awq-int4", "--json"
    )

    assert "sequences of 2,048 at once" in ran.json["results"][0]["notes"][-1]


@pytest.mark.parametrize(
    "quant", ["fp8", "FP8", "fp8-block128", "hf-finegrained-fp8-block128", "finegrained-fp8"]
)
def test_a_checkpoint_can_be_asked_for_by_what_people_call_it(fitcheck: Run, quant: str) -> None:
    """DeepSeek V3 is published in FP8 and nothing else; its layout is told beside."""
    asked = fitcheck("estimate", "deepseek-v3", "--quant", quant, "--json").json
    unasked = fitcheck("estimate", "deepseek-v3", "--json").json

    assert asked == unasked
    assert (asked["quantization"], asked["layout"]) == ("fp8", "hf-finegrained-fp8-block128")


def test_a_checkpoint_is_not_packed_anew(fitcheck: Run) -> None:
    """Told in the words that people use."""
    ran = fitcheck("estimate", "deepseek-v3", "--quant", "awq-int4")

    assert (ran.code, ran.out) == (2, "")
    assert "deepseek-v3 is published in fp8; awq-int4 cannot be made of it" in ran.err


def test_a_checkpoint_of_two_schemes_stands_once_under_that_of_most_weights(fitcheck: Run) -> None:
    """DeepSeek V4 Flash: experts in MXFP4, all else in FP8 (its config.json, `expert_dtype`)."""
    asked = ("deepseek-v4-flash", "--gpu", "8xb200", "--json")
    (found,) = fitcheck("check", *asked).json["results"]
    (eight,) = fitcheck("check", *asked, "--precision", "int8").json["results"]

    assert found["quantization"] == "mxfp4"
    assert eight["quantization"] == "fp8"
    assert eight["memory"]["weights"] == found["memory"]["weights"]


def test_a_checkpoint_in_few_bits_has_a_column_of_its_own(fitcheck: Run, tmp_path: Path) -> None:
    """What is published in 2 bits is neither FP16 nor INT8 nor INT4."""
    config = {
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008,
        "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 32000,
        "quantization_config": {"quant_method": "gptq", "bits": 2, "group_size": 64},
    }  # fmt: skip
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    ran = fitcheck("check", str(file), "--gpu", "3090")

    assert ran.code == 0
    assert "INT2" in ran.out


@pytest.mark.parametrize("typed", ["Qwen3 8B", "qwen3_8b", "qwen3:8b", "QWEN-3-8B"])
def test_a_name_may_be_divided_otherwise(fitcheck: Run, typed: str) -> None:
    """As Ollama and people write it; a number in it stays whole."""
    found = fitcheck("estimate", typed, "--json").json

    assert found["model"]["id"] == "qwen3-8b"
    assert fitcheck("estimate", "llama-1-3b").code == 2


@pytest.mark.parametrize("path", ["./llama-7b", "nowhere/llama-7b"])
def test_a_path_that_is_not_there_is_no_name(fitcheck: Run, path: str) -> None:
    """Whoever writes a path wants that file; and only ORG/NAME could be a repository."""
    ran = fitcheck("estimate", path)

    assert (ran.code, ran.out) == (2, "")
    assert "hf:./" not in ran.err


def test_nothing_left_is_said_and_no_empty_table(fitcheck: Run) -> None:
    """Filters that no model passes together."""
    ran = fitcheck("check", "--gpu", "3090", "--family", "llama", "--language", "zh")

    assert ran.code == 0
    assert "MODEL" not in ran.out
    assert "no model is left" in ran.out
    assert "passes all of these filters" in ran.err


def test_check_says_what_to_know_of_a_model(fitcheck: Run) -> None:
    """Closed, or more context than it was made for."""
    assert "cannot be downloaded" in fitcheck("check", "gpt-3", "--gpu", "3090").out
    ran = fitcheck("check", "llama-7b", "--gpu", "3090", "--context", "8k")
    assert "was made for 2048 tokens" in ran.out


def test_what_is_said_of_several_is_said_once(fitcheck: Run) -> None:
    """That a size alone has no compute capability."""
    out = fitcheck("check", "gpt2", "llama-7b", "qwen3-8b", "--gpu", "8GB").out

    assert " ".join(out.split()).count("bnb-nf4 needs compute capability") == 1


def test_how_many_cards_it_takes_is_said_of_each_model(fitcheck: Run) -> None:
    """Two of the three are told the same of other schemes."""
    out = fitcheck("check", "moss-16b", "llama-65b", "gpt2", "--gpu", "3090").out
    told = " ".join(out.split())

    assert "moss-16b fp16: 33.5 GiB expected, 23.6 GiB usable; 2 such cards hold it" in told
    assert "llama-65b bnb-nf4: 41.0 GiB expected, 23.6 GiB usable; 2 such cards hold it" in told


def test_markdown_is_tables_and_lists(fitcheck: Run) -> None:
    """Where the table's place is taken by a text."""
    shown = fitcheck("show", "chatglm-6b", "--format", "markdown").out
    taught = fitcheck("explain", "chatglm-6b", "--format", "markdown").out

    assert "| licence" in shown
    assert '\n- "INT4: 6 GB' in shown
    assert "\n## weights: 11.5 GiB\n\n| TERM" in taught


def test_show_keeps_to_the_width(fitcheck: Run) -> None:
    """Facts and claims go on under their beginnings."""
    out = fitcheck("show", "moss-16b").out

    assert max(map(len, out.splitlines())) <= 80


def test_csv_has_objects_in_lists_as_json(fitcheck: Run) -> None:
    """One cell that a program can read, not Python's own way of writing."""
    import csv
    import json

    row = next(csv.DictReader(fitcheck("show", "chatglm-6b", "--format", "csv").out.splitlines()))

    assert json.loads(row["requirements"])[0]["precision"] == "fp16"
    assert row["languages"] == "zh; en"


def test_quants_says_what_its_figures_are(fitcheck: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compute capability beside an engine's name would read as its version."""
    monkeypatch.setenv("COLUMNS", "200")

    out = fitcheck("quants").out

    assert "cc 8.9 in transformers" in out
    assert "transformers 8.9" not in out
