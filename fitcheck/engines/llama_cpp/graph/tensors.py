"""Tensors of a compute graph: shapes, sources and views, as ggml's operations make them.

Nothing is computed here. A node has the shape that ggml would give it; an allocator needs no more.
Shapes are ggml's: the fastest dimension first. Sizes grow linearly with the cells of the KV cache,
which are not known while a graph is drawn, so CELLS and WINDOW_CELLS stand for them in shapes.
They are powers of two so large that a size, read in that base, shows how many bytes it has, how
many more for each cell and how many more for each cell of a sliding window (`affine`).

Source: llama.cpp 0c1e57098, ggml/src/ggml.c and ggml/src/ggml-alloc.c (October 2026).
"""

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Final

_BITS: Final = 44
CELLS: Final = 1 << _BITS
WINDOW_CELLS: Final = 1 << 2 * _BITS

# The device that is no card. Cards are counted from 0.
HOST: Final = -1

F16: Final = 2
F32: Final = 4
I32: Final = 4
I64: Final = 8

Shape = tuple[int, int, int, int]

VIEWS: Final = frozenset(("view", "reshape", "permute", "transpose"))
# What may write over a source that nothing else needs: ggml_op_can_inplace.
IN_PLACE: Final = frozenset(
    ("fill", "scale", "add", "add_id", "sub", "mul", "div", "sqr", "sqrt", "unary", "rope",
     "rms_norm", "clamp", "soft_max")
)  # fmt: skip
_STORED: Final = frozenset(("weight", "cache"))


def affine(size: int) -> tuple[int, int, int]:
    """Bytes, bytes for each cell, and bytes for each cell of a sliding window."""
    return size & CELLS - 1, size >> _BITS & CELLS - 1, size >> 2 * _BITS


class Node:
    """One tensor: a weight, a cache, an input, a view of another, or an operation's result.

    `item` is bytes per element, `extra` bytes that a card wants on top: room for a kernel behind
    its result, or what a weight takes, whose elements have no size of their own. `root` is the
    tensor whose memory a view shows, `packed` whether it shows it without gaps. `device` is where
    it is held or computed, None while undecided. `output` is read when all is done. `kept` are
    tensors that a fused kernel needs until this node is computed.
    """

    __slots__ = (
        "children", "device", "extra", "item", "kept", "label", "op", "output", "packed", "root",
        "seen", "shape", "slot", "sources", "views",
    )  # fmt: skip

    def __init__(
        self,
        op: str,
        shape: Shape,
        sources: Sequence["Node"] = (),
        item: int | Fraction = F32,
        label: str = "",
        root: "Node | None" = None,
        packed: bool = True,
        device: int | None = None,
        extra: int = 0,
    ) -> None:
        self.op = op
        self.shape = shape
        self.sources = sources
        self.item = item
        self.label = label
        self.root = root
        self.packed = packed
        self.device = device
        self.extra = extra
        self.output = False
        self.seen = False
        self.kept: tuple[Node, ...] = ()
        # The allocator's: how many still read it, how many views show it, where it lies.
        self.children = 0
        self.views = 0
        self.slot = -1

    @property
    def size(self) -> int:
        """Bytes of its elements, affine in the cells."""
        return int(prod(self.shape) * self.item)

    @property
    def stored(self) -> bool:
        """Whether it lies outside of the compute buffer: a weight or a cache."""
        return self.op in _STORED


class Graph:
    """Nodes in the order in which they are computed, inputs in the order of first use.

    `flash` are the flash attention nodes, each with its layer's number.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.inputs: list[Node] = []
        self.flash: list[tuple[Node, int]] = []
        self._kept: tuple[Node, ...] = ()

    def expand(self, node: Node) -> None:
        """Append a node behind everything that it needs: depth first, sources in order."""
        if node.seen:
            return
        node.seen = True
        for source in node.sources:
            if not source.seen:
                self.expand(source)
        if node.op == "input":
            self.inputs.append(node)
        elif node.op not in _STORED:
            if self._kept:
                node.kept, self._kept = self._kept, ()
            self.nodes.append(node)

    def keep_for_next(self, nodes: Sequence[Node]) -> None:
        """Keep these until the next node to be appended is computed."""
        self._kept = tuple(nodes)
