"""How far the transformers engine is from what was measured, and the ranges that follow from it.

    python benchmarks/fit_transformers.py [--write]

Reads tests/golden/transformers_*.csv: peaks of transformers 5.23.0, run op by op on tensors without
storage, and the tables that Qwen published. Prints errors by class, worst last. With --write the
quantiles that bound a range go into fitcheck/engines/transformers/residuals.py.
"""

import argparse
import csv
import datetime
import itertools
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "engines" / "transformers")]

from transformers_golden import QWEN  # noqa: E402

from fitcheck.architecture import Model, from_config  # noqa: E402 (the path is set above)
from fitcheck.engines.base import Workload  # noqa: E402
from fitcheck.engines.transformers import Transformers  # noqa: E402
from fitcheck.engines.transformers.activations import Activations, Key  # noqa: E402
from fitcheck.engines.transformers.activations import passes as made  # noqa: E402
from fitcheck.engines.transformers.activations.style import STYLES  # noqa: E402
from fitcheck.engines.transformers.cache import Cache  # noqa: E402
from fitcheck.engines.transformers.loaded import TransformersModel  # noqa: E402
from fitcheck.engines.transformers.overhead import CONTEXT, WORKSPACE  # noqa: E402
from fitcheck.engines.transformers.ranges import PROCESS  # noqa: E402
from fitcheck.engines.transformers.weights import terms  # noqa: E402
from fitcheck.quantization import scheme  # noqa: E402

GOLDEN = ROOT / "tests" / "golden"
TARGET = ROOT / "fitcheck" / "engines" / "transformers" / "residuals.py"
MIB = 1 << 20

# Sizes tried for what the allocator holds in any case: pools of small blocks, a segment half used.
BLOCKS = tuple(MIB * size for size in (0, 16, 32, 64, 96, 128, 192, 256))
FACTORS = tuple(1 + step / 50 for step in range(30))
INSIDE = 0.95


class Row(NamedTuple):
    """One measured moment beside ours."""

    model: str
    kind: str
    whole: bool
    phase: str
    weights: tuple[int, int]
    cache: tuple[int, int]
    activations: tuple[int, int]
    reserved: int

    @property
    def error(self) -> float:
        """Of activations."""
        return self.activations[0] / self.activations[1] - 1

    @property
    def total_error(self) -> float:
        """Of weights, cache and activations together."""
        ours, measured = (self.weights[i] + self.cache[i] + self.activations[i] for i in (0, 1))
        return ours / measured - 1


def models() -> dict[str, Model]:
    """The models of the rows."""
    configs: dict[str, dict[str, object]] = {}
    for name in ("transformers_models.json", "transformers_heldout.json"):
        configs |= json.loads((GOLDEN / name).read_text())
    return {name: from_config(config) for name, config in configs.items()}


def rows(known: dict[str, Model]) -> Iterator[Row]:
    """Every row, with what the engine says."""
    passes: dict[tuple[str, ...], Activations] = {}
    weights: dict[str, int] = {}
    for table in ("transformers_peaks.csv", "transformers_heldout.csv"):
        for r in csv.DictReader((GOLDEN / table).read_text().splitlines()):
            model = known[r["model"]]
            key = (r["model"], r["attention"], r["padded"], r["kernels"])
            if key not in passes:
                passes[key] = made(
                    model,
                    Key(
                        attention=r["attention"],  # type: ignore[arg-type]
                        itemsize=2,
                        kernels=bool(r["kernels"]),
                        padded=bool(r["padded"]),
                    ),
                )
            if r["model"] not in weights:
                weights[r["model"]] = sum(t.size for t in terms(model, scheme("bf16")))
            prefill = r["phase"] == "prefill"
            tokens = int(r["prompt"]) + (0 if prefill else 2)
            peak = passes[key].peak("prefill" if prefill else "decode", int(r["batch"]), tokens)
            cache = Cache(model, 2).size(int(r["batch"]), tokens, not prefill)
            yield Row(
                r["model"],
                model.model_type,
                r["rows"] != "few layers",
                r["phase"],
                (weights[r["model"]], int(r["weights"])),
                (cache, int(r["cache"])),
                (peak.size, int(r["activations"])),
                int(r["reserved"]),
            )


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def print_errors(found: Sequence[Row]) -> None:
    """A line for each class."""
    by_class: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        by_class[row.kind].append(row)
    print(f"{'class':20} rows  weights cache  activations: median p95 worst   total: p95 worst")
    for kind, own in sorted(by_class.items(), key=lambda item: max(_worst(item[1]))):
        errors = [abs(r.error) for r in own]
        totals = [abs(r.total_error) for r in own]
        apart = max(abs(r.weights[0] / r.weights[1] - 1) for r in own)
        same = sum(r.cache[0] == r.cache[1] for r in own)
        print(
            f"{kind:20} {len(own):4} {apart:8.3%} {same:5}"
            f"  {quantile(errors, 0.5):18.2%} {quantile(errors, 0.95):6.2%} {max(errors):6.2%}"
            f"  {quantile(totals, 0.95):14.2%} {max(totals):6.2%}"
        )


def _worst(own: Sequence[Row]) -> list[float]:
    return [abs(r.total_error) for r in own]


class Run(NamedTuple):
    """A prompt and two tokens after it: weights, the highest allocated beside them, reserved."""

    weights: int
    most: int
    reserved: int


def runs(found: Sequence[Row]) -> Iterator[Run]:
    """Of whole models."""
    for prefill, decode in itertools.pairwise(found):
        if prefill.phase == "prefill" and decode.phase == "decode" and prefill.whole:
            both = (prefill, decode)
            yield Run(
                prefill.weights[1],
                max(r.cache[1] + r.activations[1] for r in both),
                max(r.reserved for r in both),
            )


def caching(found: Sequence[Run]) -> tuple[float, int]:
    """The factor on cache and activations, and the bytes beside, of the narrowest upper ends.

    Of those with 19 in 20 figures inside, where each run gives two figures: what torch allocated,
    and what its allocator had reserved with the CUDA context. The first is always inside.
    """
    tried = {
        (factor, blocks): (
            sum(r.reserved + CONTEXT + WORKSPACE <= _end(r, factor, blocks) for r in found)
            / len(found),
            quantile([_end(r, factor, blocks) / (r.weights + r.most) for r in found], 0.5),
        )
        for factor in FACTORS
        for blocks in BLOCKS
    }
    enough = {key: width for key, (share, width) in tried.items() if (1 + share) / 2 >= INSIDE}
    return min(enough, key=enough.__getitem__)


def _end(run: Run, factor: float, blocks: int) -> float:
    return run.weights + factor * run.most + blocks + PROCESS


class Published(NamedTuple):
    """A figure that Qwen published beside ours, in bytes."""

    quantization: str
    steady_version: bool
    measured: float
    weights: int
    counted: int
    cards: int


def published() -> Iterator[Published]:
    """Figures of Qwen1.5, Qwen2 and Qwen3 on as many cards as were used."""
    configs = json.loads((GOLDEN / "transformers_qwen.json").read_text())
    loaded: dict[tuple[str, str], TransformersModel] = {}
    with (GOLDEN / "transformers_published.csv").open() as file:
        for r in csv.DictReader(file):
            key = (r["model"], QWEN[r["quantization"]])
            if key not in loaded:
                model = from_config(configs[r["model"]])
                loaded[key] = Transformers().load(model, scheme(key[1]))
            engine = loaded[key]
            prompt = int(r["prompt"])
            asked = Workload(
                context=prompt + int(r["generated"]),
                prompt=prompt,
                attention="flash",
                settings={"transformers": r["transformers"]},
            )
            memory = engine.memory(engine.settle(asked), int(r["cards"]))
            kept = memory.component("kv_cache") + memory.component("recurrent_state")
            yield Published(
                r["quantization"],
                r["transformers"] >= "4.45",
                float(r["memory"]) * (MIB if r["unit"] == "MiB" else MIB * 1024),
                memory.component("weights"),
                memory.component("weights") + kept + memory.component("activations"),
                int(r["cards"]),
            )


def main() -> None:
    """Print errors; write the ranges if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    known = models()
    found = list(rows(known))
    print_errors(found)
    factor, blocks = caching(list(runs(found)))
    styled = {kind for kind in STYLES if kind in {r.kind for r in found}}
    own = dict(STYLES)
    STYLES.clear()
    plain = [r.activations[1] / r.activations[0] for r in rows(known) if r.kind in styled]
    STYLES.update(own)
    tables = list(published())
    peaks = [p for p in tables if not p.steady_version]
    least = [p.measured / p.counted for p in peaks if p.quantization == "BF16" and p.cards == 1]
    others = [p.measured / p.counted for p in peaks if p.quantization != "BF16" or p.cards > 1]
    packed = [
        (p.measured - (p.counted - p.weights)) / p.weights
        for p in tables
        if p.quantization != "BF16" and not p.steady_version
    ]
    numbers = {
        "LEAST": quantile(least, 0.05),
        "LEAST, others": quantile(others, 0.05),
        "CACHING": factor,
        "BLOCKS": blocks,
        "UNMEASURED": quantile(plain, 0.95),
        "PACKED": quantile(packed, 0.9),
    }
    for name, value in numbers.items():
        print(f"{name:18} {value:.3f}")
    if parser.parse_args().write:
        TARGET.write_text(_module(numbers, sorted({r.kind for r in found})))


def _module(numbers: dict[str, float], kinds: Sequence[str]) -> str:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    listed = "".join(f'        "{kind}",\n' for kind in kinds)
    return f'''"""Residuals of what was measured, made by benchmarks/fit_transformers.py.

Made {today} from tests/golden/transformers_peaks.csv and _heldout.csv (transformers 5.23.0), and
transformers_published.csv (the tables of Qwen's documentation). Run it again to change them.
"""

from typing import Final

# Of what is held at the highest moment, the least that was published: 19 in 20 are above. For 16
# bits on one card; for packed weights, and several cards. Tables of 4.45 and newer are left out:
# they show what stays between steps.
LEAST: Final = ({numbers["LEAST"]:.3f}, {numbers["LEAST, others"]:.3f})

# The most that the allocator reserved, of cache and activations, with BLOCKS beside.
CACHING: Final = {numbers["CACHING"]:.3f}
BLOCKS: Final = {numbers["BLOCKS"]}

# Of activations, where a class is taken for Llama that is not.
UNMEASURED: Final = {numbers["UNMEASURED"]:.3f}

# Of weights packed by GPTQ, AWQ and FP8, with what libraries keep beside them: 9 in 10.
PACKED: Final = {numbers["PACKED"]:.3f}

# Classes that were measured.
MEASURED: Final = frozenset(
    {{
{listed}    }}
)
'''


if __name__ == "__main__":
    main()
