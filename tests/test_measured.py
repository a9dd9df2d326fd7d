"""What measured figures say of ours: the claims of the README, held.

Tables that are slow to work out are sampled here; benchmarks/accuracy.py takes every row.
"""

from functools import cache
from itertools import chain

import pytest
from measured import TABLES
from measured_llamacpp import buffers, starts
from measured_rows import Figure
from measured_summary import card_sizes, summary
from measured_targets import TARGETS, Target

SAMPLED = ("buffers", "starts")
STEP = 97
# What is not reached, and why; benchmarks/accuracy.py prints the figures.
SHORT = {
    "transformers, published peaks (torch's count), several: median |error|": (
        "peaks of several cards, each at its own moment, added up"
    ),
    "transformers, published peaks (torch's count), several: 95th percentile": (
        "72B packed by GPTQ: 14 GiB more than we know a reason for, over two to four cards"
    ),
    "ranges: median width": "small models, of which the CUDA context is a large part",
    '"fits" that a figure contradicts': "premAI's Mistral 7B in int8, and GLM-4's own code",
}


@cache
def figures() -> tuple[Figure, ...]:
    """All of the cheap tables, some of the others."""
    cheap = (table() for name, table in TABLES.items() if name not in SAMPLED)
    return tuple(chain(*cheap, buffers(STEP), starts(STEP)))


@pytest.mark.parametrize(
    "target", [t for t in TARGETS if t.name not in SHORT], ids=lambda t: t.name
)
def test_a_target_is_met(target: Target) -> None:
    """As the benchmark judges it, over all rows that count."""
    found = target.found(figures())

    assert target.of(figures())
    assert target.met(found), target.form(found)


def test_what_is_short_is_known() -> None:
    """What is called short is a target, by its name."""
    names = {target.name for target in TARGETS}

    assert set(SHORT) <= names


def test_files_and_places_are_exact() -> None:
    """llama-quantize's sizes and the loader's buffers, to the byte."""
    for table in ("llama.cpp: files", "llama.cpp: weights by place"):
        found = summary(table, [f for f in figures() if f.table == table])

        assert found.rows > 900
        assert found.exact == 1


def test_figures_fall_in_the_range() -> None:
    """Each table by itself, of those with twenty rows or more.

    The upper end is for 19 in 20 of two meters together: what torch has allocated is always inside,
    of what its allocator has reserved nine in ten. Qwen3's tables are of another moment: they show
    what stays between steps, which with long prompts is below every peak.
    """
    tables = {f.table for f in figures() if f.total is not None}
    found = [summary(table, [f for f in figures() if f.table == table]) for table in tables]
    few = {s.table: s.inside_share for s in found if s.rows >= 20 and s.inside_share < 0.9}

    assert set(few) <= {"Qwen's tables, Qwen3, what stays"}


def test_fits_is_contradicted_by_few_figures_and_we_know_which() -> None:
    """On no card that we know does a run not go of which even the upper end would, but for these.

    Mistral 7B in int8 took 2.2 GB more than Llama 2 7B in premAI's table, with 0.5 GB less weights.
    GLM-4's own code held more at 32,000 and 128,000 tokens than the library's class does.
    """
    wrong = {f.name.split(":")[0] for f in figures() if not f.aside and f.contradicts(card_sizes())}

    assert wrong <= {"prem-003", "glm-4-003", "glm-4-004", "glm-4-007"}


def test_what_was_not_seen_is_met_too() -> None:
    """Figures found when the rules stood: 50 rows over the three engines, half within 1 %."""
    found = summary("unseen", [f for f in figures() if f.table.startswith("unseen")])
    kept = [f for f in figures() if f.table in ("unseen, llama.cpp: kv_cache",) and not f.aside]

    assert found.rows >= 45
    assert found.median < 0.01
    assert all(f.error == 0 for f in kept)


def test_rows_set_aside_say_why() -> None:
    """And are the lesser part."""
    aside = [f for f in figures() if f.aside]

    assert all(" " in f.aside for f in aside)
    assert len(aside) < 0.05 * len(figures())
