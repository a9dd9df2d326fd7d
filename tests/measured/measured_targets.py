"""What fitcheck aims at, as figures that benchmarks/accuracy.py prints and tests hold."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from measured_rows import Figure
from measured_summary import Summary, summary


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of some tables' summary, and between what it should be."""

    name: str
    tables: tuple[str, ...]
    figure: Callable[[Summary], float]
    least: float = 0.0
    most: float

    def found(self, figures: Sequence[Figure]) -> float:
        """What it is, of the rows in tables whose names begin so."""
        return self.figure(summary(self.name, self.of(figures)))

    def of(self, figures: Sequence[Figure]) -> list[Figure]:
        """Rows of the tables."""
        return [f for f in figures if f.table.startswith(self.tables)]

    def met(self, found: float) -> bool:
        """Whether that is between the two."""
        return self.least <= found <= self.most

    def verdict(self, found: float) -> str:
        """In a word."""
        return "met" if self.met(found) else "SHORT"

    def form(self, found: float) -> str:
        """The figure for a reader."""
        return f"{found:.0f}" if self.most == 0 and not self.least else f"{found:.2%}"

    @property
    def wanted(self) -> str:
        """The bounds for a reader."""
        if self.most == 0:
            return "none"
        return f"{self.least:.0%} to {self.most:.0%}" if self.least else f"up to {self.most:.1%}"


RIG: Final = ("transformers 5.23, allocated", "transformers 4.37 to 4.57, allocated")
ONE: Final = ("Qwen's tables, Qwen1.5, one card", "Qwen's tables, Qwen2, one card")
SEVERAL: Final = ("Qwen's tables, Qwen1.5, several", "Qwen's tables, Qwen2, several")
ANY: Final = ("",)
# Starts of llama.cpp are whole but for the process, which is ours: none can be outside of a range.
RUNS: Final = ("transformers", "Qwen", "vllm, logs", "published", "unseen")


def _exact(of: Summary) -> float:
    return of.exact


def _median(of: Summary) -> float:
    return of.median


def _high(of: Summary) -> float:
    return of.high


def _of_errors(name: str, tables: tuple[str, ...], median: float, high: float) -> list[Target]:
    return [
        Target(name=f"{name}: median |error|", tables=tables, figure=_median, most=median),
        Target(name=f"{name}: 95th percentile", tables=tables, figure=_high, most=high),
    ]


TARGETS: Final = (
    Target(
        name="llama.cpp, caches and states: exact",
        tables=("llama.cpp: KV cache and states",),
        figure=_exact,
        least=1.0,
        most=1.0,
    ),
    *_of_errors(
        "llama.cpp, compute buffers, flash on",
        ("llama.cpp: compute buffers, flash on",),
        0.02,
        0.10,
    ),
    *_of_errors(
        "llama.cpp, compute buffers, flash off",
        ("llama.cpp: compute buffers, flash off",),
        0.02,
        0.10,
    ),
    *_of_errors("transformers, peaks counted op by op", RIG, 0.015, 0.05),
    *_of_errors("transformers, published peaks (torch's count), one card", ONE, 0.015, 0.05),
    *_of_errors("transformers, published peaks (torch's count), several", SEVERAL, 0.015, 0.05),
    Target(
        name="vLLM, tokens of a pool: worst",
        tables=("vllm: tokens of a pool",),
        figure=lambda of: of.errors[-1],
        most=0.03,
    ),
    Target(
        name="vLLM, tokens that its logs tell: worst",
        tables=("vllm, logs: tokens of a pool",),
        figure=lambda of: of.errors[-1],
        most=0.03,
    ),
    Target(
        name="ranges: figures inside",
        tables=RUNS,
        figure=lambda of: of.inside_share,
        least=0.93,
        most=0.97,
    ),
    Target(name="ranges: median width", tables=ANY, figure=lambda of: of.width, most=0.10),
    Target(
        name='"fits" that a figure contradicts',
        tables=ANY,
        figure=lambda of: of.contradicted,
        most=0,
    ),
    Target(name='"no" that is wrong', tables=ANY, figure=lambda of: of.false_no_share, most=0.02),
)
