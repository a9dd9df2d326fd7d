"""Recurrent state: ours against every state that llama.cpp made."""

from llamacpp_buffer_rows import buffers, rows, worked_out

from fitcheck.engines.llama_cpp import recurrent
from fitcheck.engines.llama_cpp.graph.tensors import HOST
from fitcheck.engines.llama_cpp.placement import Split
from fitcheck.engines.llama_cpp.settings import Settings


def test_states_are_those_of_llama_cpp() -> None:
    """Mamba, Jamba, Granite, Nemotron-H, LFM2, Qwen3-Next and Qwen3.5: 863 starts; others none."""
    wrong, with_state = [], 0
    for row in rows("llamacpp_buffers.csv"):
        if row.refused:
            continue
        subject = row.buffers.subject
        terms = [
            t for d in row.devices for t in recurrent.terms(subject, row.settings, row.split, d)
        ]
        found = sum(t.size for t in terms) / 2**20
        with_state += bool(terms)
        if abs(found - row.states) > 0.01:
            wrong.append((row.model, row.settings, found, row.states))
        assert all(worked_out(t) == t.size for t in terms)

    assert with_state > 800
    assert not wrong, wrong[:3]


def test_states_do_not_grow_with_the_context() -> None:
    """That is what they are for; each slot has its own."""
    subject = buffers("mamba-2.8b", "q4_k_m").subject

    def total(context: int, parallel: int, device: int = 0) -> int:
        settings = Settings(context=context, parallel=parallel)
        terms = recurrent.terms(subject, settings, Split(starts=(0,)), device)
        return sum(t.size for t in terms)

    assert total(131072, 1) == total(1024, 1) > 0
    assert total(1024, 4) == 4 * total(1024, 1)
    assert total(1024, 1, HOST) == 0
