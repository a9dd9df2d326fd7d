"""What holds for every measured model, whatever its size."""

import msgspec
import pytest
from transformers_golden import model, peaks, wrong_formulas

from fitcheck.engines.base import Workload
from fitcheck.engines.transformers import Transformers
from fitcheck.quantization import scheme
from fitcheck.units import Bytes

NAMES = list(peaks())
WHOLE = [name for name in NAMES if not name.endswith("few-layers")][::4]
SCHEMES = ("fp16", "fp32", "bnb-int8", "bnb-nf4", "gptq-int4", "awq-int4", "fp8", "hqq-int4")
WORKLOADS = (
    Workload(context=1, prompt=1),
    Workload(context=777, prompt=777, batch=3),
    Workload(context=9000, prompt=500, batch=6),
    Workload(context=5001, prompt=5000, attention="eager"),
)


@pytest.mark.parametrize("name", NAMES)
def test_every_formula_comes_to_its_size(name: str) -> None:
    """What is shown is what is counted, for the prompt and for a step."""
    loaded = Transformers().load(model(name), scheme("fp16"))
    asked = [loaded.settle(w) for w in WORKLOADS]

    assert [wrong_formulas(loaded.memory(w)) for w in asked] == [[]] * len(asked)


@pytest.mark.parametrize("packing", SCHEMES)
@pytest.mark.parametrize("name", ["llama-2-7b", "qwen3-30b-a3b", "deepseek-v2-lite", "falcon-7b"])
def test_formulas_of_packed_weights_come_to_their_size(name: str, packing: str) -> None:
    """Working copies of packed matrices among them."""
    loaded = Transformers().load(model(name), scheme(packing))
    asked = [loaded.settle(w) for w in WORKLOADS]

    assert [wrong_formulas(loaded.memory(w)) for w in asked] == [[]] * len(asked)


@pytest.mark.parametrize("name", NAMES)
def test_more_context_and_more_sequences_never_need_less(name: str) -> None:
    """Over doublings, with the whole context as the prompt and with a prompt of 64 tokens."""
    loaded = Transformers().load(model(name), scheme("fp16"))
    asked = loaded.settle(Workload(context=64, prompt=64))

    def totals(**changed: int) -> int:
        return loaded.memory(msgspec.structs.replace(asked, **changed)).total.expected

    whole = [totals(context=64 << n, prompt=64 << n) for n in range(9)]
    stepped = [totals(context=64 << n) for n in range(9)]
    batches = [totals(batch=1 << n) for n in range(7)]

    assert (whole, stepped, batches) == (sorted(whole), sorted(stepped), sorted(batches))


@pytest.mark.parametrize("name", NAMES)
def test_the_range_holds_the_sum(name: str) -> None:
    """Low, expected, high, in that order."""
    loaded = Transformers().load(model(name), scheme("fp16"))
    for asked in WORKLOADS:
        total = loaded.memory(loaded.settle(asked)).total

        assert total.low <= total.expected <= total.high


@pytest.mark.parametrize("count", [2, 3, 8])
@pytest.mark.parametrize("name", WHOLE)
def test_shares_add_up(name: str, count: int) -> None:
    """Weights, cache and the process on so many cards are those of the whole."""
    loaded = Transformers().load(model(name), scheme("fp16"))
    asked = loaded.settle(Workload(context=2048, prompt=2048))
    whole = loaded.memory(asked, count)
    shares = loaded.shares(asked, [Bytes(10**13)] * count)

    assert len(shares) == count
    for part in ("weights", "kv_cache", "recurrent_state", "activations", "overhead"):
        assert sum(s.component(part) for s in shares) == whole.component(part)
    assert [wrong_formulas(s) for s in (*shares, whole)] == [[]] * (count + 1)
