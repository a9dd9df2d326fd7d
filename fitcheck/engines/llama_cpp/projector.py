"""The second file of models that see or hear: llama.cpp's mmproj, in 16 bits.

Source: llama.cpp 0c1e57098 (2026-10), conversion/base.py, MmprojModel, and the families' modules.
"""

from fitcheck.architecture import Model, Tensor, Tower
from fitcheck.engines.base import Term
from fitcheck.units import Bytes


def terms(model: Model) -> tuple[Term, ...]:
    """A term for each tower, on the first card; none for models of text alone."""
    return tuple(_term(tower) for tower in model.towers)


def _term(tower: Tower) -> Term:
    half = sum(t.numel for t in tower.tensors if not _in_full(t))
    full = sum(t.numel for t in tower.tensors if _in_full(t))
    return Term(
        component="weights",
        name=f"mmproj: {tower.name}",
        size=Bytes(2 * half + 4 * full),
        formula="2 * matrices + 4 * vectors",
        values={"matrices": half, "vectors": full},
        source="llama.cpp 0c1e57098, conversion/base.py, prepare_tensors",
    )


def _in_full(t: Tensor) -> bool:
    """Whether a tensor is in 32 bits: vectors, norms, position embeddings."""
    vector = sum(n > 1 for n in t.shape) < 2
    return vector or t.kind == "norm" or "position" in t.role
