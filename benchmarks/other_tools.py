"""What other programs say of the runs that were measured, each run in an environment of its own.

    python benchmarks/other_tools.py TOOL=PYTHON ...

Writes benchmarks/other_tools.csv (last on 2026-11-22), which benchmarks/accuracy.py shows beside
our errors. TOOL is accelerate (with transformers), hf-mem, llmfit or whichllm; PYTHON the
interpreter of an environment in which it is installed. No network is used:

- accelerate: what `accelerate estimate-memory` does after it has read the hub: an empty AutoModel
  of the configuration, measured, divided by the precision. Also with the 20 % that its
  documentation tells people to add for inference.
- hf-mem: the program itself with --experimental; its HTTP client is answered from here with the
  configuration and with a header of as many bytes as the published checkpoint has. It also reads
  GGUF files, which are not at hand here.
- llmfit: `llmfit plan MODEL --context N --quant Q --json`, its least VRAM. It knows models by their
  hub's name, and sequences one by one. Its GB are read as GB or as GiB, whichever is nearer.
- whichllm: `estimate_vram`, with what it would read from the hub: parameters, active ones, windows,
  the GGUF file's size. Sequences one by one.

They are asked for the same model, precision and context. Where a program cannot be told a batch or
does not know a model or a scheme, the row has no answer and does not count.
"""

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "benchmarks" / "other_tools.csv"
COLUMNS = ("tool", "version", "table", "name", "bytes", "or_bytes")
GB, GIB = 10**9, 1 << 30


def main(tools: list[str]) -> None:
    """Ask every tool about every run, and write down what it says."""
    if not tools:
        sys.exit(__doc__)
    questions = list(asked())
    with TARGET.open("w", newline="") as file:
        written = csv.writer(file, lineterminator="\n")
        written.writerow(COLUMNS)
        for tool, python in (tool.split("=", 1) for tool in tools):
            for question, answer in zip(questions, answers(tool, python, questions), strict=True):
                for name, sizes in answer.get("answers", {}).items():
                    where = (question["table"], question["name"])
                    both = (*sizes, "")[:2]
                    written.writerow((name, answer["version"], *where, *both))


def asked() -> Iterator[dict[str, Any]]:
    """The measured runs on one card, with what each tool would read of the model."""
    sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / p) for p in PATHS)]
    from measured import TABLES
    from measured_rows import catalog, configs, known

    from fitcheck.engines import ENGINES
    from fitcheck.errors import FitcheckError
    from fitcheck.quantization import scheme

    for figure in (f for table in TABLES.values() for f in table()):
        if figure.asked is None or figure.aside:
            continue
        run = figure.asked
        entry = catalog().find(run.model) or catalog().find(run.model.lower())
        config = configs().get(run.model) or (catalog().config(entry) if entry else None)
        try:
            model = known(run.model)
            file_bytes = ENGINES[figure.engine].load(model, scheme(run.scheme)).file_bytes
        except (FitcheckError, KeyError):
            continue
        yield {
            "table": figure.table,
            "name": figure.name,
            "engine": figure.engine,
            "hub": [*(entry.aliases if entry else ()), run.model],
            "config": config,
            "scheme": run.scheme,
            "context": run.context,
            "batch": run.batch,
            "file_bytes": file_bytes,
            "parameters": model.parameters,
            "active": model.active_parameters,
        }


PATHS = ("measured", "engines/llama_cpp", "engines/transformers")


def answers(tool: str, python: str, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a tool says, asked all at once in its own environment."""
    lines = "\n".join(map(json.dumps, questions))
    command = [python, __file__, "--answer", tool]
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def answer(tool: str) -> None:
    """In the tool's environment: a line of JSON for each line."""
    from importlib.metadata import version

    ask = TOOLS[tool]()
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        found = ask(json.loads(line))
        print(json.dumps({"version": version(tool), "answers": found}), file=out)


Ask = Callable[[dict[str, Any]], dict[str, list[int]]]


def accelerate() -> Ask:
    """Its own steps, but for the look at the hub."""
    import torch
    import transformers
    from accelerate import init_empty_weights
    from accelerate.utils import calculate_maximum_sizes

    sizes: dict[str, int | None] = {}
    parts = {"bf16": 2, "fp16": 2, "fp32": 1, "fp8": 4, "awq-int4": 8}

    def total(config: dict[str, Any]) -> int | None:
        rest = {k: v for k, v in config.items() if k not in ("model_type", "quantization_config")}
        try:
            made = transformers.AutoConfig.for_model(config["model_type"], **rest)
            with init_empty_weights():
                model = transformers.AutoModel.from_config(made, torch_dtype=torch.float32)
        except Exception as problem:
            print(config.get("model_type"), str(problem)[:100], file=sys.stderr)
            return None
        return int(calculate_maximum_sizes(model)[0])

    def ask(question: dict[str, Any]) -> dict[str, list[int]]:
        how = question["scheme"]
        part = parts.get(how) or next((n for w, n in (("int8", 4), ("4", 8)) if w in how), None)
        if question["engine"] != "transformers" or not question["config"] or part is None:
            return {}
        key = json.dumps(question["config"], sort_keys=True)
        if key not in sizes:
            sizes[key] = total(question["config"])
        whole = sizes[key]
        if whole is None:
            return {}
        return {"accelerate": [whole // part], "accelerate +20 %": [int(1.2 * whole / part)]}

    return ask


def hf_mem() -> Ask:
    """The program, with the hub answered from here."""
    import hf_mem
    import httpx2

    asked_now: dict[str, Any] = {}

    def served(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if "/tree/" in path:
            names = ("config.json", "model.safetensors")
            return httpx2.Response(200, json=[{"path": n, "type": "file"} for n in names])
        if path.endswith("config.json"):
            return httpx2.Response(200, json=asked_now["config"])
        size = asked_now["file_bytes"] // 2
        tensor = {"dtype": "BF16", "shape": [size], "data_offsets": [0, 2 * size]}
        header = json.dumps({"weights": tensor}).encode()
        return httpx2.Response(200, content=len(header).to_bytes(8, "little") + header)

    client = httpx2.AsyncClient
    httpx2.AsyncClient = lambda **_: client(transport=httpx2.MockTransport(served))

    def ask(question: dict[str, Any]) -> dict[str, list[int]]:
        if question["engine"] == "llama.cpp" or not question["config"]:
            return {}
        config = dict(question["config"], torch_dtype="bfloat16")
        config.setdefault("architectures", ["ForCausalLM"])
        config.pop("quantization_config", None)
        asked_now.update(config=config, file_bytes=question["file_bytes"])
        found = hf_mem.run(
            model_id="any/model",
            experimental=True,
            max_model_len=question["context"],
            batch_size=question["batch"],
            kv_cache_dtype="bfloat16",
        )
        return {"hf-mem": [found.total_memory]} if found.kv_cache is not None else {}

    return ask


QUANTS = {"bf16": "BF16", "fp16": "F16", "gptq-int4": "GPTQ-Int4", "gptq-int8": "GPTQ-Int8",
          "awq-int4": "AWQ-4bit"}  # fmt: skip


def llmfit() -> Ask:
    """Its command, for models of its list."""
    command = str(Path(sys.executable).parent / "llmfit")

    def told(*words: str) -> Any:  # noqa: ANN401 (JSON)
        done = subprocess.run([command, "--json", *words], capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None

    names = {entry["name"] for entry in told("list")}
    cached: dict[tuple[str, ...], Any] = {}

    def ask(question: dict[str, Any]) -> dict[str, list[int]]:
        name = next((n for n in question["hub"] if n in names), None)
        quant = QUANTS.get(question["scheme"])
        if question["engine"] == "llama.cpp":
            quant = {"fp16": "F16"}.get(question["scheme"], question["scheme"].upper())
        if name is None or quant is None or question["batch"] != 1:
            return {}
        key = (name, "--context", str(question["context"]), "--quant", quant)
        if key not in cached:
            cached[key] = told("plan", *key)
        if cached[key] is None:
            return {}
        vram = cached[key]["minimum"]["vram_gb"]
        return {"llmfit": [int(vram * GB), int(vram * GIB)]}

    return ask


def whichllm() -> Ask:
    """Its estimate, with what it reads from the hub."""
    from whichllm.engine.vram import estimate_vram
    from whichllm.models.sliding_window import _resolve_sliding_window
    from whichllm.models.types import GGUFVariant, ModelInfo

    def ask(question: dict[str, Any]) -> dict[str, list[int]]:
        how, config = question["scheme"], question["config"] or {}
        if question["batch"] != 1 or how == "gptq-int8":
            return {}
        window, ratio = _resolve_sliding_window(config, question["hub"][0], None)
        model = ModelInfo(
            id=f"any/model-{how}",
            family_id="any",
            name="any",
            parameter_count=question["parameters"],
            parameter_count_active=question["active"],
            is_moe=question["active"] < question["parameters"],
            architecture=str(config.get("model_type", "")),
            sliding_window=window,
            sliding_window_global_ratio=ratio,
        )
        variant = None
        if question["engine"] == "llama.cpp":
            variant = GGUFVariant("any.gguf", how.upper(), question["file_bytes"])
        return {"whichllm": [estimate_vram(model, variant, question["context"])]}

    return ask


TOOLS: dict[str, Callable[[], Ask]] = {
    "accelerate": accelerate,
    "hf-mem": hf_mem,
    "llmfit": llmfit,
    "whichllm": whichllm,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--answer"]:
        answer(sys.argv[2])
    else:
        main(sys.argv[1:])
