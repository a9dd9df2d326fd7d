"""The second file of models that see or hear: llama.cpp's mmproj, in 16 bits.

Source: llama.cpp 0c1e57098 (2026-10), conversion/base.py, MmprojModel, and the families' modules.
"""

from typing import Final

from fitcheck.architecture import Model, Tensor, Tower
from fitcheck.engines.base import Term
from fitcheck.units import Bytes


def terms(model: Model) -> tuple[Term, ...]:
    """A term for each tower, on the first card; none for models of text alone."""
    family = model.model_type.removesuffix("_text")
    exact = {name: parts for (of, name), parts in _EXACT.items() if of == family}
    return tuple(_term(tower, exact.get(tower.name, ())) for tower in model.towers)


# Parts of the names of matrices that stay in 32 bits, by model and tower: conversion/gemma.py,
# tensor_force_quant.
_EXACT: Final = {
    ("gemma3", "vision"): (".embeddings.",),
    ("gemma4", "audio"): (".conv", "_conv"),
}


def _term(tower: Tower, exact: tuple[str, ...]) -> Term:
    full = sum(t.numel for t in tower.tensors if _in_full(t, exact))
    half = sum(t.numel for t in tower.tensors) - full
    return Term(
        component="weights",
        name=f"mmproj: {tower.name}",
        size=Bytes(2 * half + 4 * full),
        formula="2 * matrices + 4 * vectors",
        values={"matrices": half, "vectors": full},
        source="llama.cpp 0c1e57098, conversion/base.py, prepare_tensors",
    )


def _in_full(t: Tensor, exact: tuple[str, ...]) -> bool:
    """Whether a tensor is in 32 bits: vectors, norms, position embeddings, and what is named."""
    vector = sum(n > 1 for n in t.shape) < 2
    named = any(part in f"{t.module}." for part in exact)
    return vector or named or t.kind == "norm" or "position" in t.role
