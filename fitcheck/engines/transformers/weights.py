"""Weights as `from_pretrained` leaves them on the card."""

from fitcheck.architecture import Model, Tensor
from fitcheck.engines.base import Term
from fitcheck.engines.weights import Group, groups
from fitcheck.quantization import Scheme
from fitcheck.units import Bytes

# What a type takes for one weight. Source: torch.dtype.itemsize.
DTYPE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


def terms(model: Model, scheme: Scheme) -> tuple[Term, ...]:
    """One term for each kind of tensor: how many, their shape, and what a weight of them takes."""
    return tuple(_term(group, scheme) for group in groups(model))


def touches(scheme: Scheme, tensor: Tensor) -> bool:
    """Whether the scheme packs this tensor: matrices in layers, never embeddings or the head."""
    return tensor.kind in ("linear", "experts") and tensor.role not in ("output", "ffn_gate_inp")


def _term(group: Group, scheme: Scheme) -> Term:
    tensor, layout = group.tensor, scheme.layout
    if layout is not None and touches(scheme, tensor):
        *stack, rows, columns = tensor.shape
        matrices = group.count
        for n in stack:
            matrices *= n
        return Term(
            component="weights",
            name=tensor.role,
            size=Bytes(matrices * layout.size(columns, rows)),
            formula=f"matrices * ({layout.formula})",
            values={
                "matrices": matrices,
                "in_features": columns,
                "out_features": rows,
                **layout.values(),
            },
            source=scheme.source,
        )
    itemsize = DTYPE_BYTES.get(tensor.dtype, 2)
    return Term(
        component="weights",
        name=tensor.role,
        size=Bytes(group.count * tensor.numel * itemsize),
        formula="tensors * numel * itemsize",
        values={"tensors": group.count, "numel": tensor.numel, "itemsize": itemsize},
        source="config.json",
    )
