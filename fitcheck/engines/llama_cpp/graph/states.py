"""Recurrent state in the graph: read for every sequence, written back at the end.

Source: llama.cpp 0c1e57098, src/llama-graph.cpp (build_rs).
"""

from collections.abc import Callable

from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph.build import Build
from fitcheck.engines.llama_cpp.graph.tensors import HOST, Node

Reader = Callable[[Node, Node], Node]


def held(b: Build, width: int) -> Node:
    """The tensor that holds so many numbers for each sequence."""
    device = b.device if b.settings.kv_offload else HOST
    return Node("cache", (width, b.sequences, 1, 1), device=device)


def read(b: Build, state: Node, reader: Reader | None = None) -> Node:
    """The sequences' states, or what `reader` makes of them; others are moved out of the way."""
    width = state.shape[0]
    rows = ops.reshape(state, width, b.sequences)
    cleared = ops.view(rows, 0)
    b.graph.expand(Node("scale", cleared.shape, (cleared,), root=state))
    ids = b.part_of_states("computed_states", b.sequences)
    y = ops.get_rows(rows, ids, "state") if reader is None else reader(rows, ids)
    b.graph.expand(y)
    others = ops.get_rows(rows, b.part_of_states("other_states", 0), "state")
    b.graph.expand(ops.copy(others, ops.view(state, width, 0)))
    return y


def write(b: Build, x: Node, state: Node) -> None:
    """Keep x as the state."""
    b.graph.expand(ops.copy(x, ops.view(state, state.shape[0], b.sequences)))


def last_inputs(b: Build, taps: int, channels: int) -> tuple[Node, Node]:
    """A convolution's state, and the inputs that it holds: (taps - 1, channels, sequences)."""
    state = held(b, (taps - 1) * channels)
    return state, ops.reshape(read(b, state), taps - 1, channels, b.sequences)


def convolved(b: Build, x: Node, last: Node, state: Node, role: str) -> Node:
    """A short convolution over the last inputs and x, whose own last inputs become the state."""
    _, channels, sequences, _ = last.shape
    wide = ops.concat(last, ops.transpose(x), 0, role)
    write(b, ops.view(wide, *last.shape), state)
    shape = (channels, b.tokens // sequences, sequences, 1)
    return Node("ssm_conv", shape, (wide, b.weights[role]), label=role)
