"""ggml's operations, as far as the shapes of their results go.

Source: llama.cpp 0c1e57098, ggml/src/ggml.c.
"""

from collections.abc import Sequence
from math import prod

from fitcheck.engines.llama_cpp.graph.tensors import I32, Node, Shape


def four(shape: Sequence[int]) -> Shape:
    """A shape in four dimensions."""
    a, b, c, d = (*shape, 1, 1, 1)[:4]
    return a, b, c, d


def numel(x: Node) -> int:
    """Elements of x."""
    return prod(x.shape)


def mul_mat(weight: Node, x: Node, label: str = "") -> Node:
    """A matrix (in, out) times activations (in, tokens, ...): (out, tokens, ...)."""
    _, tokens, a, b = x.shape
    return Node("mul_mat", (weight.shape[1], tokens, a, b), (weight, x), label=label)


def mul_mat_id(weights: Node, x: Node, ids: Node, label: str) -> Node:
    """Stacked matrices times activations, chosen by ids: (out, chosen, tokens)."""
    shape = (weights.shape[1], ids.shape[0], x.shape[2], 1)
    return Node("mul_mat_id", shape, (weights, x, ids), label=label)


def get_rows(table: Node, ids: Node, label: str) -> Node:
    """Rows of a table, one for each id."""
    shape = (table.shape[0], ids.shape[0], ids.shape[1], ids.shape[2])
    return Node("get_rows", shape, (table, ids), label=label)


def same(op: str, x: Node, label: str = "") -> Node:
    """What keeps the shape: norms, unary functions, scale, clamp."""
    return Node(op, x.shape, (x,), label=label or x.label)


def add(a: Node, b: Node, label: str = "") -> Node:
    """A sum; b may be broadcast."""
    return Node("add", a.shape, (a, b), label=label or a.label)


def sub(a: Node, b: Node, label: str = "") -> Node:
    """A difference; b may be broadcast."""
    return Node("sub", a.shape, (a, b), label=label or a.label)


def mul(a: Node, b: Node, label: str = "") -> Node:
    """A product element by element; b may be broadcast."""
    return Node("mul", a.shape, (a, b), label=label or a.label)


def div(a: Node, b: Node, label: str = "") -> Node:
    """A quotient element by element; b may be broadcast."""
    return Node("div", a.shape, (a, b), label=label or a.label)


def gated(gate: Node, up: Node, label: str) -> Node:
    """SwiGLU and its kin on two tensors."""
    return Node("glu", gate.shape, (gate, up), label=label)


def gated_halves(x: Node, label: str) -> Node:
    """SwiGLU and its kin on the halves of one tensor."""
    a, b, c, d = x.shape
    return Node("glu", (a // 2, b, c, d), (x,), label=label)


def view(x: Node, *shape: int, packed: bool = False) -> Node:
    """A part of x."""
    return Node("view", four(shape), (x,), x.item, x.label, x.root or x, packed)


def reshape(x: Node, *shape: int) -> Node:
    """x with other dimensions."""
    return Node("reshape", four(shape), (x,), x.item, x.label, x.root or x)


def permute(x: Node, *places: int) -> Node:
    """x with its dimensions in another order: dimension i goes to places[i]."""
    shape = [0, 0, 0, 0]
    for size, place in zip(x.shape, places, strict=True):
        shape[place] = size
    return Node("permute", four(shape), (x,), x.item, x.label, x.root or x, packed=False)


def transpose(x: Node) -> Node:
    """x with its first two dimensions exchanged."""
    a, b, c, d = x.shape
    return Node("transpose", (b, a, c, d), (x,), x.item, x.label, x.root or x, packed=False)


def cont(x: Node, *shape: int, label: str = "") -> Node:
    """A copy without gaps."""
    return Node("cont", four(shape) if shape else x.shape, (x,), x.item, label or x.label)


def concat(a: Node, b: Node, dimension: int, label: str) -> Node:
    """Two tensors one behind the other."""
    shape = list(a.shape)
    shape[dimension] += b.shape[dimension]
    return Node("concat", four(shape), (a, b), label=label)


def repeat(x: Node, *shape: int, label: str) -> Node:
    """x as often as it takes to fill the shape."""
    return Node("repeat", four(shape), (x,), label=label)


def sum_rows(x: Node) -> Node:
    """One number for each row."""
    _, b, c, d = x.shape
    return Node("sum_rows", (1, b, c, d), (x,), label=x.label)


def pad(x: Node, width: int) -> Node:
    """x with longer rows."""
    _, b, c, d = x.shape
    return Node("pad", (width, b, c, d), (x,), label=x.label)


def top_k(x: Node, k: int) -> Node:
    """The places of the k largest numbers of each row: a view of the sorted places of all."""
    places = Node("argsort", x.shape, (x,), I32, "router")
    return view(places, k, *x.shape[1:])


def store(rows: Node, places: Node, table: Node) -> Node:
    """Rows written into a table, which the result shows."""
    sources = (rows, places, table)
    return Node("set_rows", table.shape, sources, table.item, root=table.root or table)


def copy(x: Node, into: Node) -> Node:
    """x copied into another tensor, which the result shows."""
    return Node("cpy", into.shape, (x, into), into.item, root=into.root or into)
