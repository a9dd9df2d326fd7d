"""How far the vLLM engine is from what vLLM printed, and the ranges that follow from it.

    python benchmarks/fit_vllm.py [--write]

Reads tests/golden/vllm_logs.csv: weights, activations, CUDA graphs and what is not torch's, as vLLM
0.6 to 0.31 logged them at its start. The peak of the profiling run is compared with our rule for it
under that version's sampler. With --write the quantiles that bound a range go into
fitcheck/engines/vllm/residuals.py.
"""

import argparse
import datetime
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "measured")]

from measured_vllm_logs import Log, logs  # noqa: E402 (the path is set above)

TARGET = ROOT / "fitcheck" / "engines" / "vllm" / "residuals.py"
LOW, HIGH = 0.05, 0.95
MIB = 1 << 20


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed; of few, the farther one."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ends(values: Iterable[float]) -> tuple[float, float, float]:
    """The fifth, fiftieth and ninety-fifth of a hundred."""
    found = list(values)
    low, middle, high = (quantile(found, share) for share in (LOW, 0.5, HIGH))
    return low, middle, high


def mib(values: Iterable[float]) -> tuple[int, int, int]:
    """`ends` of sizes, in MiB."""
    low, middle, high = (max(0, round(end / MIB)) for end in ends(values))
    return low, middle, high


def known(found: Sequence[Log]) -> list[Log]:
    """Those of models without towers: what an encoder takes depends on its processor."""
    return [log for log in found if log.row["model"] and not log.held.model.towers]


def residuals(found: Sequence[Log]) -> tuple[dict[str, object], tuple[int, ...]]:
    """The quantiles by name, and of how many starts each is."""
    activations = [ratio for _, ratio in peaks(found)]
    weights = [
        (log.size("weights") or 0) / log.loaded
        for log in known(found)
        if log.row["context"] and log.row["weights"]
    ]
    kernels = [(log.cards > 1, log.kernels) for log in found if log.kernels is not None]
    graphs = [log.graphs for log in found if log.graphs is not None and not log.row["eager"]]
    numbers: dict[str, object] = {
        "WEIGHTS": tuple(round(ends(weights)[i], 4) for i in (0, 2)),
        "ACTIVATIONS": tuple(round(ends(activations)[i], 3) for i in (0, 2)),
        "KERNELS": mib(size for joined, size in kernels if not joined),
        "JOINED": mib(size for joined, size in kernels if joined),
        "GRAPHS": mib(graphs),
    }
    joined = sum(several for several, _ in kernels)
    counts = (len(weights), len(activations), len(kernels) - joined, joined, len(graphs))
    return numbers, counts


def peaks(found: Sequence[Log]) -> list[tuple[Log, float]]:
    """Starts whose profiling run is told in full, and how high it was for one of ours."""
    told = [log for log in known(found) if log.told and log.row["activations"]]
    return [(log, (log.size("activations") or 0) / log.profiled) for log in told]


def main() -> None:
    """Print what was found; write the ranges if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    found = list(logs())
    for log, ratio in peaks(found):
        print(f"{log.name[:60]:60} {ratio:6.3f} of the profiling run's peak")
    numbers, counts = residuals(found)
    for (name, value), count in zip(numbers.items(), counts, strict=True):
        print(f"{name:12} {value} of {count}")
    if parser.parse_args().write:
        TARGET.write_text(_module(numbers, counts))


def _module(numbers: dict[str, object], counts: tuple[int, ...]) -> str:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    weights, activations, kernels, joined, graphs = counts
    return f'''"""Residuals of what vLLM printed, made by benchmarks/fit_vllm.py.

Made {today} from tests/golden/vllm_logs.csv (vLLM 0.6 to 0.31). Run it again to change them.
Ends are the fifth and the ninety-fifth of a hundred, the middle is the median.
"""

from typing import Final

# Of weights ({weights} starts), and of the profiling run's peak ({activations}): least and most.
WEIGHTS: Final = {numbers["WEIGHTS"]}
ACTIVATIONS: Final = {numbers["ACTIVATIONS"]}

# MiB of a card that are not torch's: alone ({kernels} starts), and one of several ({joined}).
KERNELS: Final = {numbers["KERNELS"]}
JOINED: Final = {numbers["JOINED"]}

# MiB of CUDA graphs: {graphs} starts.
GRAPHS: Final = {numbers["GRAPHS"]}
'''


if __name__ == "__main__":
    main()
