"""KV caches: ours against every cache that llama.cpp made, and against what it refuses."""

import msgspec
import pytest
from llamacpp_buffer_rows import Row, buffers, rows, worked_out

from fitcheck.engines.llama_cpp import cache, recurrent
from fitcheck.engines.llama_cpp.graph.tensors import HOST
from fitcheck.engines.llama_cpp.placement import Split
from fitcheck.engines.llama_cpp.settings import CACHE_TYPES, Settings, cache_type
from fitcheck.errors import BadInput, UnknownName

MEASURED = [row for row in rows("llamacpp_buffers.csv") if not row.refused]
OTHERS = [row for row in rows("llamacpp_buffers_other.csv") if not row.refused]
REFUSED = [
    row
    for row in (*rows("llamacpp_buffers.csv"), *rows("llamacpp_buffers_other.csv"))
    if row.refused
]
EVERYWHERE = Split(starts=(0,))


def sizes(row: Row, device: int) -> tuple[int, int, int]:
    """Keys and values, of which those of windows, and all that is allocated with them."""
    terms = cache.terms(row.buffers.subject, row.settings, row.split, device)
    states = recurrent.terms(row.buffers.subject, row.settings, row.split, device)
    kept = sum(t.size for t in terms if t.component != "overhead")
    window = sum(t.size for t in terms if "window" in t.name)
    return kept, window, sum(t.size for t in (*terms, *states))


def test_caches_are_those_of_llama_cpp() -> None:
    """4,580 starts of 58 models, on cards and hosts.

    All cells and those of windows are what it prints in MiB; with states and what is filled up
    behind them they are the allocations of each device, to the byte.
    """
    wrong = []
    for row in MEASURED:
        found = [sizes(row, device) for device in row.devices]
        kept, window = (sum(size[part] for size in found) / 2**20 for part in (0, 1))
        exact = tuple(size[2] for size in found) == row.context
        if not exact or abs(kept - row.kv) > 0.01 or abs(window - row.window) > 0.01:
            wrong.append((row, found))

    assert len(MEASURED) > 4500
    assert not wrong, wrong[:3]


def test_caches_of_other_architectures_are_those_of_llama_cpp() -> None:
    """DeepSeek V3.2's indexers, V4's compressed entries, Falcon H1, MiniMax 01, MiMo V2, Kimi."""
    for row in OTHERS:
        assert tuple(sizes(row, device)[2] for device in row.devices) == row.context, row


def test_formulas_give_the_sizes() -> None:
    """A reader can work every number out again."""
    for row in MEASURED[::25]:
        for device in row.devices:
            for term in cache.terms(row.buffers.subject, row.settings, row.split, device):
                assert worked_out(term) == term.size, term


def test_what_llama_cpp_refuses_is_bad_input() -> None:
    """Blocks that do not divide a head, and two types in a latent cache, with the reason."""
    reasons = {"width": "multiple of 32", "types": "in one type"}

    assert REFUSED
    for row in REFUSED:
        with pytest.raises(BadInput, match=reasons[row.refused]):
            cache.terms(row.buffers.subject, row.settings, row.split, HOST)


def test_quantized_values_need_flash_attention() -> None:
    """Without it values are written number by number, which blocks do not allow."""
    subject = buffers("llama-3-8b", "q4_k_m").subject
    q8_0 = cache_type("q8_0")
    settings = Settings(context=4096, cache_type_v=q8_0, flash_attention="off")
    keys_only = msgspec.structs.replace(settings, cache_type_v=cache_type("f16"), cache_type_k=q8_0)

    cache.check(subject, keys_only)
    with pytest.raises(BadInput, match="flash attention"):
        cache.check(subject, settings)


def test_smaller_types_take_less() -> None:
    """f32 is twice f16, and every quantized type is below 16 bits."""
    subject = buffers("llama-3-8b", "q4_k_m").subject

    def total(name: str) -> int:
        one = cache_type(name)
        settings = Settings(context=8192, cache_type_k=one, cache_type_v=one)
        return sum(t.size for t in cache.terms(subject, settings, EVERYWHERE, 0))

    assert total("f32") == 2 * total("f16") == 2 * total("bf16")
    assert all(total(n) < total("f16") for n, t in CACHE_TYPES.items() if t.quantized)
    with pytest.raises(UnknownName):
        cache_type("fp4")


def test_caches_grow_with_the_context_in_steps_of_256() -> None:
    """Cells come by 256; a window's stop growing."""
    subject = buffers("gemma-3-4b", "q4_k_m").subject

    def parts(context: int) -> dict[str, int]:
        terms = cache.terms(subject, Settings(context=context), EVERYWHERE, 0)
        return {t.name: t.size for t in terms}

    assert parts(8193) == parts(8448) != parts(8449)
    whole, window = "keys and values", "keys and values of the sliding window"
    assert parts(65536)[whole] == 2 * parts(32768)[whole]
    assert parts(65536)[window] == parts(32768)[window]
