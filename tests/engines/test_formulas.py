"""What `explain` shows of every engine: formulas with their numbers come to the bytes."""

import pytest
from transformers_golden import wrong_formulas

from fitcheck.catalog import Catalog, load_models
from fitcheck.engines import ENGINES
from fitcheck.engines.base import Memory, Workload
from fitcheck.errors import BadInput

# A dense model, experts, windows, latent attention, states beside attention, states alone, a tower.
MODELS = (
    "llama-3.1-8b",
    "mixtral-8x7b",
    "gemma-3-4b",
    "deepseek-v3",
    "qwen3.5-4b",
    "mamba-2.8b",
    "qwen2.5-vl-7b",
    "gpt2",
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_models()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", MODELS)
def test_every_term_has_a_source_and_a_formula_that_holds(
    catalog: Catalog, engine: str, name: str
) -> None:
    """In each precision, one sequence and three, on one card and two."""
    entry = catalog.find(name)
    assert entry is not None
    model = catalog.model(entry)
    assert model is not None
    for precision in ("fp16", "int8", "int4"):
        scheme = ENGINES[engine].default_scheme(model, precision)
        if scheme is None:
            continue
        try:
            held = ENGINES[engine].load(model, scheme)
        except BadInput:
            continue
        for batch, cards in ((1, 1), (3, 2)):
            asked = Workload(context=4096, prompt=1000, batch=batch)
            found: Memory = held.memory(held.settle(asked), cards)

            assert wrong_formulas(found) == []
            assert all(term.source for term in found.terms)
