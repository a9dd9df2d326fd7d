"""Rows that were measured here, where later answers ask for the very same."""

import pytest
from msgspec import structs

from fitcheck import cards, resolve
from fitcheck.answers import measured
from fitcheck.answers.asked import Ask
from fitcheck.answers.check import check
from fitcheck.answers.estimate import Estimate, applied, estimate
from fitcheck.answers.known import Known
from fitcheck.catalog import Catalog, load_models
from fitcheck.measure.records import Machine, Measured, Parts, Reading
from fitcheck.units import GIB, MIB, Bytes

ASK = Ask(context=2048)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_models()


def of(catalog: Catalog, name: str = "llama-2-7b", ask: Ask = ASK) -> Estimate:
    return estimate(resolve.subject(name, catalog), ask)[0]


def matching(rows: list[Measured], e: Estimate) -> Measured | None:
    """A row of that estimate's question."""
    assert e.subject.model is not None
    mine = measured.of_model(rows, e.subject.model)
    return measured.matching(mine, e.engine, e.scheme.name, e.workload)


def row(e: Estimate, *runs: int) -> Measured:
    """A row of that estimate's question, measured on an A100."""
    assert e.subject.model is not None
    return Measured(
        model=e.subject.id,
        fingerprint=measured.fingerprint(e.subject.model),
        engine=e.engine,
        scheme=e.scheme.name,
        workload=measured.described(e.workload),
        reading=Reading(
            parts=Parts(),
            how="run",
            machine=Machine(card="NVIDIA A100-SXM4-80GB", architecture="8.0"),
            versions={"torch": "2.13.0", "transformers": "5.23.0"},
        ),
        figure="process",
        runs=tuple(Bytes(n) for n in runs or (int(15.2 * GIB),)),
        when="2026-11-21",
    )


def test_a_row_of_the_same_question_is_found(catalog: Catalog) -> None:
    """By the model's tensors, engine, scheme and workload."""
    e = of(catalog)

    assert matching([row(e)], e) == row(e)


@pytest.mark.parametrize(
    "ask",
    [
        Ask(context=2049),
        Ask(context=2048, batch=2),
        Ask(context=2048, prompt=100),
        Ask(context=2048, attention="eager"),
        Ask(context=2048, quants=("bnb-nf4",)),
        Ask(context=2048, engine="vllm"),
    ],
)
def test_any_other_question_has_no_row(catalog: Catalog, ask: Ask) -> None:
    """A row says nothing of a longer context."""
    assert matching([row(of(catalog))], of(catalog, ask=ask)) is None


def test_another_model_has_no_row_and_a_twin_has(catalog: Catalog) -> None:
    """Llama 2 7B's tensors are those of Llama 7B, trained anew; Llama 2 13B's are not."""
    rows = [row(of(catalog, "llama-2-13b"))]

    assert matching(rows, of(catalog)) is None
    assert matching([*rows, row(of(catalog, "llama-7b"))], of(catalog)) is not None


def test_the_newest_row_counts(catalog: Catalog) -> None:
    """Versions move on; of one day's the last."""
    e = of(catalog)
    rows = [
        structs.replace(row(e), when="2026-11-21"),
        structs.replace(row(e), when="2026-12-02", model="first"),
        structs.replace(row(e), when="2026-12-02", model="second"),
        structs.replace(row(e), when="2026-10-01"),
    ]
    found = matching(rows, e)

    assert found is not None
    assert found.model == "second"


@pytest.mark.parametrize(("name", "found"), [("a100-80gb", True), ("3090", False)])
def test_a_card_of_another_architecture_has_no_row(
    catalog: Catalog, name: str, found: bool
) -> None:
    """Compute capability 8.0 is the A100's and A30's; kernels and contexts differ elsewhere."""
    e = of(catalog)
    card = cards.machine(name).cards[0]

    assert (measured.on(row(e), card)) is found


def test_a_row_is_told_and_leaves_a_narrow_range(catalog: Catalog) -> None:
    """Its own runs, and a segment of torch's allocator (20 MiB) on either side."""
    e = of(catalog)
    high = e.memory.total.expected + 100 * MIB
    told = applied(e, [row(e, high, high - 4 * MIB)])

    assert told.memory.total.expected == e.memory.total.expected
    assert told.memory.total.high == high + 24 * MIB
    assert told.memory.total.low == e.memory.total.expected
    assert told.notes[-1] == (
        "measured on this machine on 2026-11-21 "
        "(NVIDIA A100-SXM4-80GB, torch 2.13.0, transformers 5.23.0): "
        f"{high / GIB:.1f} GiB"
    )


def test_what_was_measured_outside_the_range_moves_its_end(catalog: Catalog) -> None:
    """The range holds what was measured and what was counted, whichever is right."""
    e = of(catalog)
    far = e.memory.total.high + GIB
    total = applied(e, [row(e, far)]).memory.total

    assert total.low == total.expected == e.memory.total.expected
    assert total.high == far + 20 * MIB


@pytest.mark.parametrize("change", [{"figure": "allocated"}, {"how": "loaded"}])
def test_less_than_a_whole_run_is_told_and_leaves_the_range(
    catalog: Catalog, change: dict[str, str]
) -> None:
    """An engine's own count has no overhead; a model that computed nothing made no workspaces."""
    e = of(catalog)
    found = row(e)
    if "how" in change:
        found = structs.replace(found, reading=structs.replace(found.reading, how="loaded"))
    else:
        found = structs.replace(found, figure="allocated")
    told = applied(e, [found])

    assert told.memory.total == e.memory.total
    assert "measured on this machine" in told.notes[-1]


def test_an_estimate_with_rows_tells_of_them(catalog: Catalog) -> None:
    """And one without is as it was."""
    subject = resolve.subject("llama-2-7b", catalog)
    plain = estimate(subject, ASK)[0]
    told = estimate(subject, ASK, [row(plain)])[0]

    assert "measured on this machine" in told.notes[-1]
    assert told.memory.terms == plain.memory.terms


def test_fingerprints_tell_models_apart(catalog: Catalog) -> None:
    """Over the catalog: the same only where every tensor is."""
    seen: dict[str, tuple[int, str]] = {}
    for entry in catalog:
        model = catalog.model(entry)
        if model is None:
            continue
        fact = (model.parameters - sum(t.parameters for t in model.towers), model.model_type)
        assert seen.setdefault(measured.fingerprint(model), fact) == fact


@pytest.mark.parametrize("known", [None, Known()], ids=["asked", "from a table's totals"])
def test_a_row_decides_what_the_range_left_open(catalog: Catalog, known: Known | None) -> None:
    """A card with a little more than was measured: tight by the estimate, and known to fit."""
    e = of(catalog, ask=Ask())
    card = cards.machine("a100-80gb").cards[0]
    room = Bytes(e.memory.total.expected + 100 * MIB)
    small = structs.replace(card, total=room, reserved=None, free=room)
    machine = cards.machine("a100-80gb")
    machine = structs.replace(machine, cards=(small,))
    kept = [row(e, e.memory.total.expected)]

    def verdict(rows: list[Measured]) -> str:
        found = check(
            (e.subject,), machine, Ask(), named=False, solve="table", known=known, measured=rows
        )
        fit = found.rows[0].estimates[0].fit
        return fit.verdict if fit else ""

    assert (verdict([]), verdict(kept)) == ("tight", "fits")
