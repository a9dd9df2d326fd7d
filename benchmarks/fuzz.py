"""Throw broken files at the readers: every one must be read, or refused in one line.

    python benchmarks/fuzz.py [--count 20000] [--seed 1]

Valid files of each kind are changed at random (the seed makes it repeatable) and read as a person's
would be. Anything but an answer or a FitcheckError of one printable line is a fault: it is shown
with its number, and the exit code is 1. Also told: the slowest input, and the memory at the end.
"""

import argparse
import copy
import json
import random
import resource
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "sources")]

from model_files import (  # noqa: E402 (the path is set above)
    CONFIG,
    LLAMA,
    gguf_bytes,
    llama_shapes,
    llama_tensors,
    safetensors_bytes,
)

from fitcheck.errors import FitcheckError  # noqa: E402
from fitcheck.sources import read  # noqa: E402

GOLDEN = ROOT / "tests" / "golden" / "gguf_headers.jsonl"
NUMBERS = (0, 1, 2, 31, 33, 255, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 60, 1 << 63, (1 << 64) - 1)
VALUES: tuple[object, ...] = (
    None, True, False, 0, -1, 1, 3, 7.5, 1e400, float("nan"), 1 << 31, 1 << 64, 10**40,
    "", "x", "64", "\x1b[2J", [], [64], [None], {}, {"a": 1}, [[]] * 3, "full_attention",
)  # fmt: skip

Sample = tuple[str, bytes, int]


def ggufs() -> list[Sample]:
    """A small model in both byte orders, and real headers, each with the bytes behind it."""
    tokens = {"tokenizer.ggml.tokens": [f"t{i}" for i in range(96)]}
    found = [("x.gguf", *gguf_bytes(LLAMA | tokens, llama_tensors(), order=o)) for o in "<>"]
    for line in map(json.loads, GOLDEN.read_text().splitlines()):
        tensors = [(n, t, ne) for n, t, *ne in line["outside"]]
        block = 0
        for pattern, count in line["layers"]:
            for _ in range(count):
                own = line["patterns"][pattern]
                tensors += [(f"blk.{block}.{r}", t, ne) for r, t, *ne in own]
                block += 1
        found.append(("x.gguf", *gguf_bytes(line["metadata"], tensors)))
    return found


def safetensors() -> list[Sample]:
    """A small model."""
    return [("x.safetensors", safetensors_bytes(llama_shapes()), 160_384)]


def configs() -> list[Sample]:
    """A config.json, alone; others' are in the golden parameters, where they are at hand."""
    golden = ROOT / "tests" / "golden" / "params.jsonl"
    lines = golden.read_text().splitlines() if golden.exists() else []
    found = [line.get("config", line) for line in map(json.loads, lines)]
    return [("config.json", json.dumps(c).encode(), 0) for c in [CONFIG, *found]]


def bytes_changed(content: bytes, dice: random.Random) -> bytes:
    """Some bytes flipped, replaced by an odd number, doubled, cut out or cut off."""
    found = bytearray(content)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at = dice.randrange(len(found) + 1)
        length = dice.choice((1, 4, 8, 40))
        kind = dice.randrange(6)
        if kind == 0:
            found[at : at + 1] = bytes([dice.randrange(256)])
        elif kind == 1:
            found[at : at + 8] = struct.pack(dice.choice("<>") + "Q", dice.choice(NUMBERS))
        elif kind == 2:
            found[at : at + 4] = struct.pack("<I", dice.choice(NUMBERS) & 0xFFFFFFFF)
        elif kind == 3:
            found[at:at] = found[at : at + length]
        elif kind == 4:
            del found[at : at + length]
        else:
            del found[at:]
    return bytes(found)


def values_changed(content: bytes, dice: random.Random) -> bytes:
    """Some values of a JSON object replaced, at any depth."""
    values = json.loads(content)
    for _ in range(dice.choice((1, 1, 2, 3))):
        place = values
        while isinstance(place, dict) and place:
            key = dice.choice(list(place))
            if isinstance(place[key], dict) and place[key] and dice.random() < 0.7:
                place = place[key]
                continue
            place[key] = copy.deepcopy(dice.choice(VALUES))
            break
    return json.dumps(values).encode()


class Run:
    """What came of all inputs."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.slowest = (0.0, "")
        self.faults: list[str] = []

    def one(self, path: Path, label: str) -> None:
        """Read a file, and note how that went."""
        start = time.perf_counter()
        try:
            read(str(path))
            self.counts["read"] += 1
        except FitcheckError as error:
            self.counts["refused"] += 1
            if not str(error).isprintable():
                self.faults.append(f"{label}: not one printable line: {error!s:.200}")
        except BaseException as error:
            self.faults.append(f"{label}: {type(error).__name__}: {error!s:.200}")
        self.slowest = max(self.slowest, (time.perf_counter() - start, label))


def fuzz(count: int, seed: int) -> Run:
    """So many inputs, in equal parts of each kind."""
    dice = random.Random(seed)
    changes: list[tuple[list[Sample], Callable[[bytes, random.Random], bytes]]] = [
        (ggufs(), bytes_changed),
        (safetensors(), bytes_changed),
        (configs(), bytes_changed),
        (configs(), values_changed),
    ]
    run = Run()
    with tempfile.TemporaryDirectory() as folder:
        for i in range(count):
            samples, change = changes[i % len(changes)]
            name, content, behind = dice.choice(samples)
            path = Path(folder) / name
            broken = change(content, dice)
            path.write_bytes(broken)
            with path.open("r+b") as file:
                file.truncate(len(broken) + behind)
            run.one(path, f"{name} {i}")
            path.unlink()
    return run


def main() -> int:
    """Run, and print the counts."""
    options = argparse.ArgumentParser(description="broken files for the readers")
    options.add_argument("--count", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    start = time.perf_counter()
    run = fuzz(asked.count, asked.seed)
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{asked.count:,} inputs (seed {asked.seed}) in {seconds:.0f} s:", dict(run.counts))
    print(f"faults: {len(run.faults)}; slowest {run.slowest[0] * 1000:.0f} ms ({run.slowest[1]})")
    print(f"memory at most: {memory} MiB")
    print(*run.faults[:20], sep="\n")
    return 1 if run.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
