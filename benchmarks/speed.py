"""What whole commands cost, beside `python -c pass`.

    python benchmarks/speed.py [--runs N]

Each command is run N times in a process of its own (15), each round all of them in turn, so that a
busy moment hits them all. Prints the median and the least in ms, and both as ratios to what Python
itself takes to start. `cold` is with an empty cache folder. Modules are compiled once, as pip does
when it installs. Nothing of the machine is asked: the card is named.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "sources")]

from model_files import write_gguf  # noqa: E402 (the path is set above)

FITCHECK = (sys.executable, "-m", "fitcheck")
CONFIG = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "vocab_size": 128256,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
}  # fmt: skip
WORDS = 152064  # of the vocabulary that the file brings along
HIDDEN, INNER, KEYS, LAYERS = 5120, 27648, 1024, 64
METADATA = {
    "general.architecture": "qwen2",
    "general.file_type": 15,
    "qwen2.block_count": LAYERS,
    "qwen2.context_length": 32768,
    "qwen2.embedding_length": HIDDEN,
    "qwen2.feed_forward_length": INNER,
    "qwen2.attention.head_count": 40,
    "qwen2.attention.head_count_kv": 8,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.tokens": [f"word-{n}" for n in range(WORDS)],
    "tokenizer.ggml.token_type": [1] * WORDS,
}


def main() -> None:
    """Time them all and print a table."""
    parser = argparse.ArgumentParser(description="What whole commands cost.")
    parser.add_argument("--runs", type=int, default=15, metavar="N")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        asked = commands(Path(folder))
        took: dict[str, list[float]] = {name: [] for name in asked}
        for number in range(runs + 1):
            for name, command in asked.items():
                seconds = once(command, Path(folder), cold="cold" in name)
                if number:  # the first round fills caches
                    took[name].append(seconds)
    bare = took["python -c pass"]
    print(f"{'':<42}{'median':>10}{'least':>18}")
    for name, found in took.items():
        print(f"{name:<42}" + "".join(_beside(of(found), of(bare)) for of in (median, min)))


def _beside(seconds: float, bare: float) -> str:
    return f"{1000 * seconds:>7.1f} ms{seconds / bare:>7.1f}x"


def commands(folder: Path) -> dict[str, Sequence[str]]:
    """The commands by name, with the files that they read."""
    config, gguf = folder / "config.json", folder / "model.gguf"
    config.write_text(json.dumps(CONFIG))
    write_gguf(gguf, METADATA, tensors())
    return {
        "python -c pass": (sys.executable, "-c", "pass"),
        "fitcheck --help": (*FITCHECK, "--help"),
        "fitcheck check --gpu 3090": (*FITCHECK, "check", "--gpu", "3090"),
        "fitcheck check --gpu 3090 (cold cache)": (*FITCHECK, "check", "--gpu", "3090"),
        "fitcheck check llama-7b --gpu 3090": (*FITCHECK, "check", "llama-7b", "--gpu", "3090"),
        "fitcheck estimate llama-7b": (*FITCHECK, "estimate", "llama-7b"),
        "fitcheck estimate config.json": (*FITCHECK, "estimate", str(config)),
        "fitcheck estimate model.gguf (20 GB)": (*FITCHECK, "estimate", str(gguf)),
    }


def tensors() -> list[tuple[str, str, list[int]]]:
    """Those of a Qwen2.5 32B in Q4_K: 19 GB, with a hole for the data."""
    found = [
        ("token_embd.weight", "q4_k", [HIDDEN, WORDS]),
        ("output.weight", "q6_k", [HIDDEN, WORDS]),
        ("output_norm.weight", "f32", [HIDDEN]),
    ]
    sides = {
        "attn_q": (HIDDEN, HIDDEN),
        "attn_k": (HIDDEN, KEYS),
        "attn_v": (HIDDEN, KEYS),
        "attn_output": (HIDDEN, HIDDEN),
        "ffn_gate": (HIDDEN, INNER),
        "ffn_up": (HIDDEN, INNER),
        "ffn_down": (INNER, HIDDEN),
    }
    biases = {"attn_q": HIDDEN, "attn_k": KEYS, "attn_v": KEYS}
    for layer in range(LAYERS):
        at = f"blk.{layer}"
        found += [(f"{at}.{name}.weight", "q4_k", list(side)) for name, side in sides.items()]
        found += [(f"{at}.{name}.bias", "f32", [size]) for name, size in biases.items()]
        found += [(f"{at}.{norm}.weight", "f32", [HIDDEN]) for norm in ("attn_norm", "ffn_norm")]
    return found


def once(command: Sequence[str], folder: Path, *, cold: bool) -> float:
    """One run, in seconds."""
    cache = tempfile.mkdtemp(dir=folder) if cold else str(folder / "cache")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"XDG_CACHE_HOME": cache, "XDG_CONFIG_HOME": str(folder / "config")}
    env["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True)
    seconds = time.perf_counter() - begin
    if done.returncode > 1:
        sys.exit(f"{' '.join(command)}: {done.stderr.decode()}")
    return seconds


if __name__ == "__main__":
    main()
