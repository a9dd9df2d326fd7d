"""Verdicts and solvers, asked of an engine so simple that the right answer is plain."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec
import pytest

from fitcheck.architecture import Model, from_config
from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.engines.base import Memory, Range, Term, Workload
from fitcheck.engines.option import Option
from fitcheck.engines.transformers import capabilities
from fitcheck.errors import BadInput
from fitcheck.fit import Fit, Question, fit
from fitcheck.machine import Card, Machine
from fitcheck.quantization import SCHEMES, Scheme
from fitcheck.search import largest
from fitcheck.units import Bytes

WEIGHTS, PER_TOKEN = 10_000, 2


class Plain:
    """10,000 bytes of weights, 2 bytes a token and sequence; the high end is a tenth more."""

    name = "plain"
    title = defaults = ""
    options: tuple[Option, ...] = ()
    instead: Mapping[str, str] = MappingProxyType({})

    def accepts(self, workload: Workload) -> None: ...

    rules = capabilities.RULES

    def __init__(self) -> None:
        self.scheme = SCHEMES["fp16"]
        self.file_bytes = Bytes(WEIGHTS)
        self.model = from_config(
            {
                "model_type": "llama",
                "hidden_size": 8,
                "intermediate_size": 8,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "vocab_size": 8,
                "max_position_embeddings": 8192,
            }
        )

    def default_scheme(self, model: Model, precision: str) -> Scheme:
        return self.scheme

    def load(self, model: Model, scheme: Scheme, stored: Checkpoint | None = None) -> "Plain":
        return self

    def usable(self, card: Card, workload: Workload) -> Bytes:
        return card.available

    def settle(self, workload: Workload) -> Workload:
        return workload

    def memory(self, workload: Workload, cards: int = 1) -> Memory:
        return _memory(WEIGHTS, workload.batch * workload.context * PER_TOKEN)

    def shares(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Memory, ...]:
        count = len(usable)
        if count == 3:
            raise BadInput("three divide nothing")
        cache = workload.batch * workload.context * PER_TOKEN
        return (_memory(WEIGHTS // count, cache // count),) * count

    def totals(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Range, ...]:
        return tuple(s.total for s in self.shares(workload, usable))


def _memory(weights: int, cache: int) -> Memory:
    terms = (
        Term(component="weights", name="w", size=Bytes(weights), formula="", values={}, source=""),
        Term(component="kv_cache", name="c", size=Bytes(cache), formula="", values={}, source=""),
    )
    total = Bytes(weights + cache)
    return Memory(terms=terms, total=Range(total, total, Bytes(total * 11 // 10)))


def asked(
    usable: int, context: int = 4096, cards: int = 1, named: bool = True, prompt: int | None = None
) -> Fit:
    """The verdict for that many equal cards."""
    engine = Plain()
    card = Card(id="c", name="C", vendor="nvidia", total=Bytes(usable))
    question = Question(
        engine=engine,
        loaded=engine,
        workload=Workload(context=context, prompt=prompt or context),
        machine=Machine(name="m", cards=(card,) * cards),
        context_asked=named,
    )
    return fit(question)[0]


def test_fits_means_even_the_high_end() -> None:
    """10,000 + 8,192 bytes, a tenth more at most: 20,011."""
    assert asked(20_011).verdict == "fits"
    assert asked(20_010).verdict == "tight"


def test_tight_means_the_expected_and_not_the_high_end() -> None:
    """18,192 bytes are expected."""
    assert asked(18_192).verdict == "tight"
    assert asked(18_191).verdict == "no"


def test_the_longest_context_is_the_last_that_check_calls_a_yes() -> None:
    """(usable - 10,000) / 2 tokens, and not one more."""
    found = asked(16_001, context=1024)

    assert found.max_context == 3000
    assert asked(16_001, context=3000).verdict == "tight"
    assert asked(16_001, context=3001).verdict == "no"


def test_the_sure_context_is_the_last_that_fits() -> None:
    """1.1 times (10,000 + 2 tokens) within 16,500 bytes."""
    found = asked(16_500, context=1024)

    assert found.max_context_sure == 2500
    assert asked(16_500, context=2500).verdict == "fits"
    assert asked(16_500, context=2501).verdict == "tight"


def test_a_context_is_not_promised_beyond_the_models_own() -> None:
    """8,192 tokens, however much memory there is."""
    assert asked(1 << 30).max_context == 8192


def test_no_context_is_promised_in_which_the_prompt_has_no_room() -> None:
    """3,000 tokens go in: a prompt of 3,000 does, one of 3,001 does not."""
    assert asked(16_001, prompt=3000).max_context == 3000
    assert asked(16_001, prompt=3001).max_context is None


def test_short_only_where_no_context_was_asked_for() -> None:
    """The default context does not go in, 1,024 tokens do."""
    assert asked(12_100, named=False).verdict == "short"
    assert asked(12_100, named=True).verdict == "no"


def test_less_than_1024_tokens_is_no_short() -> None:
    """A context that nobody can use is not offered."""
    assert asked(12_047, named=False).verdict == "no"
    assert asked(12_048, named=False).verdict == "short"


def test_the_most_sequences_is_the_last_that_fits() -> None:
    """Each takes 2,048 bytes beside 10,000."""
    assert asked(10_000 + 5 * 2048, context=1024).max_batch == 5


def test_the_fewest_cards_that_surely_hold_it_are_used() -> None:
    """Two of four: half of 20,012 each."""
    found = asked(10_006, cards=4)

    assert (found.verdict, found.cards, found.split) == ("fits", 2, (9096, 9096))


def test_a_number_of_cards_that_the_engine_cannot_divide_over_is_passed_over() -> None:
    """Three divide nothing, so four are needed where two are too few."""
    assert asked(5100).cards_needed == 4


def test_what_is_missing_is_a_negative_headroom() -> None:
    """And the first component without room is named."""
    found = asked(9_000)

    assert found.headroom == 9_000 - 18_192
    assert found.limited_by == "weights"
    assert asked(11_000).limited_by == "kv_cache"


def test_a_card_without_the_units_gets_a_no_whatever_its_memory() -> None:
    """FP8 in transformers needs compute capability 8.9."""
    engine = Plain()
    engine.scheme = SCHEMES["fp8"]
    card = Card(id="c", name="C", vendor="nvidia", total=Bytes(1 << 40), compute_capability=7.0)
    question = Question(
        engine=engine,
        loaded=engine,
        workload=Workload(context=1, prompt=1),
        machine=Machine(name="m", cards=(card,)),
    )

    found = fit(question)[0]

    assert (found.verdict, found.limited_by) == ("no", "scheme")
    assert "7.0" in found.reasons[0]


@pytest.mark.parametrize("limit", [1, 2, 3, 1000, 1 << 20])
@pytest.mark.parametrize("edge", [0, 1, 2, 500, 999, 1000, 1 << 19, 1 << 20, 1 << 21])
def test_the_search_finds_every_edge(limit: int, edge: int) -> None:
    """On a line, and on a curve that no line follows."""
    expected = min(edge, limit) or None

    assert largest(lambda n: n - edge, limit) == expected
    assert largest(lambda n: n**3 - edge**3, limit) == expected
    assert largest(lambda n: -1 if n <= edge else 10**12, limit) == expected


def test_offload_is_a_yes_only_if_it_is_allowed() -> None:
    """The contract's exit codes, verdict by verdict."""
    base = asked(1 << 30)
    replace = msgspec.structs.replace
    says = {
        verdict: (
            replace(base, verdict=verdict).says_yes(),
            replace(base, verdict=verdict).says_yes(strict=True),
            replace(base, verdict=verdict).says_yes(allow_offload=True),
        )
        for verdict in ("fits", "tight", "short", "offload", "no")
    }

    assert says == {
        "fits": (True, True, True),
        "tight": (True, False, True),
        "short": (True, False, True),
        "offload": (False, False, True),
        "no": (False, False, False),
    }


def mixed(*usable: int) -> Fit:
    """The verdict on cards of these sizes."""
    engine = Plain()
    cards = tuple(Card(id=f"c{u}", name=f"C{u}", vendor="nvidia", total=Bytes(u)) for u in usable)
    question = Question(
        engine=engine,
        loaded=engine,
        workload=Workload(context=4096, prompt=4096),
        machine=Machine(name="m", cards=cards),
    )
    return fit(question)[0]


def test_of_mixed_cards_the_largest_are_used() -> None:
    """The second alone holds it; nobody wants it on two because the first does not."""
    found = mixed(8_000, 20_011)

    assert (found.verdict, found.cards, found.per_card) == ("fits", 1, ())


def test_the_card_that_is_the_limit_is_named() -> None:
    """Halves of 9,096 bytes: the second has no room for its own, whatever the first has left."""
    found = mixed(12_000, 9_000)

    assert (found.verdict, found.limiting_card) == ("no", 1)
    assert [one.headroom for one in found.per_card] == [12_000 - 9096, 9_000 - 9096]
    assert any("card 2 of 2, C9000, is the limit" in why for why in found.reasons)


def test_cards_that_cannot_run_the_scheme_are_left_out_and_named() -> None:
    """Of an RTX 4090 and a P40 only one multiplies FP8."""
    engine = Plain()
    engine.scheme = SCHEMES["fp8"]
    cards = tuple(
        Card(id=name, name=name, vendor="nvidia", total=Bytes(1 << 20), compute_capability=has)
        for name, has in (("old", 6.1), ("new", 8.9))
    )
    question = Question(
        engine=engine,
        loaded=engine,
        workload=Workload(context=1, prompt=1),
        machine=Machine(name="m", cards=cards),
    )

    found = fit(question)[0]

    assert (found.verdict, found.cards) == ("fits", 1)
    assert any("old has 6.1" in why for why in found.reasons)
