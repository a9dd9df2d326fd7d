"""Compute buffers: ours against those that llama.cpp reserved, to the byte or nearly."""

from collections.abc import Iterable

import msgspec
import pytest
from llamacpp_buffer_rows import Row, buffers, rows, worked_out

from fitcheck.engines.llama_cpp.buffers import Buffers
from fitcheck.engines.llama_cpp.graph import plan as plans
from fitcheck.engines.llama_cpp.graph.tensors import HOST
from fitcheck.engines.llama_cpp.graph.traits import ROUGH
from fitcheck.engines.llama_cpp.placement import Split
from fitcheck.engines.llama_cpp.settings import Settings

# benchmarks/llamacpp_buffers.py takes all rows.
STEP = 13
MEASURED = [row for row in rows("llamacpp_buffers.csv") if not row.refused]
OTHERS = [row for row in rows("llamacpp_buffers_other.csv") if not row.refused]
EVERYWHERE = Split(starts=(0,))
LLAMA = "llama-3-8b"


def off(row: Row) -> float:
    """How far the device that is worst hit is off."""
    found = (row.buffers.size(row.settings, row.split, row.cards, device) for device in row.devices)
    return max(
        abs(ours / theirs - 1)
        for ours, theirs in zip(found, row.compute, strict=True)
        if ours or theirs
    )


def worst(measured: Iterable[Row]) -> list[tuple[float, str, Settings]]:
    """Rows that are not exact, the worst first."""
    found = [(off(row), row.model, row.settings) for row in measured]
    return sorted((f for f in found if f[0]), key=lambda f: -f[0])


def test_buffers_are_those_of_llama_cpp() -> None:
    """58 models on cards, in host memory and in both: exact but for copies between two cards."""
    listed = worst(MEASURED[::STEP])

    assert len(listed) <= len(MEASURED[::STEP]) // 100, listed[:10]
    assert not listed or listed[0][0] < 0.001, listed[:10]


def test_other_architectures_are_drawn_as_well() -> None:
    """Models whose buffers were looked at only after the graphs were drawn, one of a kind."""
    listed = worst(row for row in OTHERS if row.buffers.subject.file.arch not in ROUGH)

    assert not listed or listed[0][0] < 0.001, listed[:10]


def test_sketched_architectures_are_within_half_and_double() -> None:
    """DeepSeek V4 has parts that are not drawn; the note says so."""
    sketched = [row for row in OTHERS if row.buffers.subject.file.arch in ROUGH]

    assert sketched
    for row in sketched:
        ours = row.buffers.size(row.settings, row.split, row.cards, 0)
        assert row.buffers.rough
        assert 0.5 < ours / row.compute[0] < 2, row


def size(model: str, device: int = 0, **settings: int) -> int:
    """A compute buffer with all layers on one card."""
    asked = msgspec.structs.replace(Settings(context=8192), **settings)
    return buffers(model, "q4_k_m").size(asked, EVERYWHERE, 1, device)


def test_buffers_grow_with_what_is_computed_at_once() -> None:
    """More tokens, more logits, far more cells to look at: never less memory.

    Gaps can make a slightly shorter context take more, in llama.cpp too.
    """
    for model in (LLAMA, "gemma-3-4b", "mistral-7b-v0.1", "phi-3-mini-4k"):
        for name, steps in (
            ("context", (2048, 131072)),
            ("ubatch", (64, 256, 512, 2048)),
            ("outputs", (1, 64, 512)),
        ):
            sizes = [size(model, **{name: step}) for step in steps]
            assert sizes == sorted(sizes), (model, name)


def test_logits_of_a_whole_batch_are_the_largest_part_of_a_small_model() -> None:
    """llama-cli reserves logits for every token of a batch, llama-server one for each slot."""
    logits = 512 * 128256 * 4

    assert size(LLAMA) > logits > size(LLAMA, outputs=1)


def test_scores_without_flash_attention_grow_with_the_context() -> None:
    """A score in 32 bits for every token, cell and head."""
    without = msgspec.structs.replace(Settings(context=32768), flash_attention="off")
    scores = 512 * 32768 * 32 * 4

    assert buffers(LLAMA, "q4_k_m").size(without, EVERYWHERE, 1, 0) > scores > size(LLAMA)


def test_terms_say_what_lies_in_the_buffer() -> None:
    """A formula with the widths of the tensors at the fullest moment, and the gaps between."""
    settings = msgspec.structs.replace(Settings(context=8192), outputs=1)
    terms = buffers(LLAMA, "q4_k_m").terms(settings, EVERYWHERE, 1, 0)
    compute, scratch = terms[:2]

    assert (compute.component, compute.name) == ("activations", "compute buffer")
    assert {"ffn_gate", "ffn_up", "ffn_act"} <= set(compute.values)
    assert compute.values["gaps"] < compute.size // 4
    assert scratch.component == "overhead"
    assert all(worked_out(t) == t.size for t in terms)
    host = buffers(LLAMA, "q4_k_m").terms(settings, EVERYWHERE, 1, HOST)
    assert [t.name for t in host] == ["inputs and embeddings", "logits"]
    assert all(t.component == "host" and worked_out(t) == t.size for t in host)


def test_products_need_scratch_memory() -> None:
    """Activations are quantized before products, scores and 16 bit products are turned to f16."""

    def scratch(file_type: str, settings: Settings) -> dict[str, int]:
        terms = buffers(LLAMA, file_type).terms(settings, EVERYWHERE, 1, 0)
        return {t.name: t.size for t in terms if t.component == "overhead"}

    flash = Settings(context=8192)
    quantized = 512 * 14336 * 144 // 128
    pages = -(-quantized // 2**21)
    assert scratch("q4_k_m", flash) == {"pool of ggml-cuda (ffn_down)": pages * 2**21}
    assert "cuBLAS workspace" in scratch("f16", flash)
    eager = msgspec.structs.replace(flash, flash_attention="off")
    assert scratch("q4_k_m", eager)["pool of ggml-cuda (scores)"] > 512 * 8192 * 32 * 2


def test_a_few_layers_tell_what_all_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers that repeat change nothing about the peak, so that few of them are drawn."""
    last = {row.model: row for row in MEASURED if row.cards == 1 and row.settings.context == 8192}
    chosen = list(last.values())[::6]
    few = [row.buffers.size(row.settings, row.split, row.cards, 0) for row in chosen]
    monkeypatch.setattr(plans, "representatives", lambda kinds: list(range(len(kinds))))
    for row, size_of_few in zip(chosen, few, strict=True):
        drawn_anew = Buffers(row.buffers.subject)
        whole = drawn_anew.size(row.settings, row.split, row.cards, 0)

        assert whole == size_of_few, row.model
