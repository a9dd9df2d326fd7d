"""Weight tensors of a model, alike ones together, as engines and explanations count them."""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Final

import msgspec

from fitcheck.architecture import Kind, Model, Tensor
from fitcheck.engines.base import Term
from fitcheck.quantization import Layout
from fitcheck.units import Bytes

# What a reader calls them; other roles keep GGUF's name.
NAMES: Final[Mapping[str, str]] = {
    "token_embd": "token embeddings",
    "position_embd": "position embeddings",
    "output": "head",
    "attn_q": "query projections",
    "attn_k": "key projections",
    "attn_v": "value projections",
    "attn_qkv": "query, key and value projections in one",
    "attn_output": "attention output projections",
    "attn_q_a": "query projections down to the latent row",
    "attn_q_b": "query projections up from the latent row",
    "attn_kv_a_mqa": "key and value projections down to the latent row",
    "attn_kv_b": "key and value projections up from the latent row",
    "ffn_gate": "MLP gate projections",
    "ffn_up": "MLP up projections",
    "ffn_gate_up": "MLP gate and up projections in one",
    "ffn_down": "MLP down projections",
    "ffn_gate_exps": "experts' gate projections",
    "ffn_up_exps": "experts' up projections",
    "ffn_down_exps": "experts' down projections",
    "ffn_gate_shexp": "shared experts' gate projections",
    "ffn_up_shexp": "shared experts' up projections",
    "ffn_down_shexp": "shared experts' down projections",
    "ffn_gate_inp": "routers",
    "ssm_in": "state-space input projections",
    "ssm_out": "state-space output projections",
}


class Group(msgspec.Struct, frozen=True):
    """`count` tensors of one shape and purpose; `part` is `layers`, `outside` or a tower's name."""

    tensor: Tensor
    count: int
    part: str


def groups(model: Model) -> Iterator[Group]:
    """Every weight tensor of the model, tied ones once; no MTP layers and nothing left unloaded."""
    for tensor in model.tensors:
        yield Group(tensor, 1, "outside")
    first: dict[tuple[str, tuple[int, ...], Kind, str], Tensor] = {}
    counts: dict[tuple[str, tuple[int, ...], Kind, str], int] = {}
    for layer, count in model.kinds:
        for tensor in (t for t in layer.tensors if not t.unloaded):
            key = (tensor.role, tensor.shape, tensor.kind, tensor.dtype)
            first.setdefault(key, tensor)
            counts[key] = counts.get(key, 0) + count
    for key, tensor in first.items():
        yield Group(tensor, counts[key], "layers")
    for tower in model.towers:
        for tensor in tower.tensors:
            yield Group(tensor, 1, tower.name)


def packed_term(
    name: str, matrices: int, shape: tuple[int, int], layout: Layout, source: str
) -> Term:
    """So many matrices of shape (out_features, in_features), packed one by one."""
    rows, columns = shape
    return Term(
        component="weights",
        name=name,
        size=Bytes(matrices * layout.size(columns, rows)),
        formula=f"matrices * ({layout.formula})",
        values={
            "matrices": matrices,
            "in_features": columns,
            "out_features": rows,
            **layout.values(),
        },
        source=source,
    )


def plain_term(name: str, tensors: int, shape: tuple[int, ...], itemsize: int, source: str) -> Term:
    """So many tensors of one shape, each number by itself."""
    dims = {f"dim{i}": n for i, n in enumerate(shape)}
    return Term(
        component="weights",
        name=name,
        size=Bytes(tensors * prod(shape) * itemsize),
        formula=" * ".join(("tensors", *dims, "itemsize")),
        values={"tensors": tensors, **dims, "itemsize": itemsize},
        source=source,
    )


def small_term(numbers: int, itemsize: int, source: str) -> Term:
    """All that is no matrix, of one type of number, together."""
    return Term(
        component="weights",
        name="norms, biases and other small tensors" + (" in fp32" if itemsize == 4 else ""),
        size=Bytes(numbers * itemsize),
        formula="numbers * itemsize",
        values={"numbers": numbers, "itemsize": itemsize},
        source=source,
    )
