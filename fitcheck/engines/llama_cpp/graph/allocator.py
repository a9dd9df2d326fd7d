"""ggml's graph allocator: where each tensor goes in a compute buffer, and how large that gets.

Which tensors are alive when follows from the graph alone, so it is worked out once (`lifetimes`);
where they go depends on their sizes and is played through for each (`peak`).

Source: llama.cpp 0c1e57098, ggml/src/ggml-alloc.c.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from fitcheck.engines.llama_cpp.graph.schedule import Schedule
from fitcheck.engines.llama_cpp.graph.tensors import HOST, IN_PLACE, Node, affine

_ENDLESS: Final = 1 << 62


class Slot(msgspec.Struct, frozen=True):
    """A piece of a buffer: bytes, bytes for each cell, for each cell of a window, and of what."""

    fixed: int
    cell: int
    window_cell: int
    label: str
    item: int


class Lifetimes(msgspec.Struct, frozen=True):
    """One device's buffer: in `events`, n takes slot n and ~n gives it back.

    `renamed` are slots written over by another result: after how many events, which, and its label.
    """

    events: list[int]
    slots: list[Slot]
    renamed: list[tuple[int, int, str]]

    def sizes(self, cells: int, window_cells: int) -> list[int]:
        """Bytes of each slot."""
        return [s.fixed + s.cell * cells + s.window_cell * window_cells for s in self.slots]


def lifetimes(schedule: Schedule, devices: Iterable[int]) -> dict[int, Lifetimes]:
    """What the buffer of each device goes through."""
    recorder = _Recorder(devices)
    for node in schedule.leaves:
        recorder.take(node, ())
    for step in schedule.steps:
        if step.node.root is not None:
            step.node.root.views += 1
        for source in step.reads:
            source.children += 1
    for step in schedule.steps:
        recorder.take(step.node, step.reads)
        for source in step.reads:
            recorder.drop(source)
    return recorder.found


class _Recorder:
    def __init__(self, devices: Iterable[int]) -> None:
        self.found = {d: Lifetimes([], [], []) for d in devices}

    def take(self, node: Node, reads: Sequence[Node]) -> None:
        """Give a node memory: that of a source which nobody else needs, or its own."""
        if node.slot >= 0 or node.root is not None or node.stored or node.op == "none":
            return
        if node.op in IN_PLACE:
            for source in reads:
                if _is_free_for(node, source):
                    self._hand_over(source, node)
                    return
        device = HOST if node.device is None else node.device
        found = self.found[device]
        size = affine(node.size + (node.extra if device != HOST else 0))
        node.slot = len(found.slots)
        found.slots.append(Slot(*size, node.label or node.op, int(node.item)))
        found.events.append(node.slot)

    def _hand_over(self, source: Node, node: Node) -> None:
        found = self.found[HOST if node.device is None else node.device]
        node.slot, source.slot = source.slot, -1
        if node.label and node.label != source.label:
            found.renamed.append((len(found.events), node.slot, node.label))

    def drop(self, node: Node) -> None:
        """One reader less; what nobody reads or shows any more is given back."""
        node.children -= 1
        if node.children or node.views:
            return
        if node.root is not None:
            node = node.root
            node.views -= 1
            if node.children or node.views:
                return
        if node.slot >= 0 and not node.output:
            self.found[HOST if node.device is None else node.device].events.append(~node.slot)
            node.slot = -1


def _is_free_for(node: Node, source: Node) -> bool:
    return (
        source.slot >= 0
        and source.children == 1
        and source.views == 0
        and not source.output
        and source.shape == node.shape
        and source.item == node.item
    )


def peak(events: Sequence[int], sizes: Sequence[int]) -> tuple[int, int]:
    """Bytes of the buffer, and how many events it takes to fill it so far.

    The smallest gap that fits is taken, and freed neighbours are joined; a gap of nothing can be
    left behind the endless one. `sizes` are multiples of
    the buffer's alignment.
    """
    places = [0] * len(sizes)
    starts, ends = [0], [_ENDLESS]
    top = moment = 0
    for number, event in enumerate(events):
        if event < 0:
            start = places[~event]
            _give_back(starts, ends, start, start + sizes[~event])
            continue
        size = sizes[event]
        best, room = -1, _ENDLESS
        for i in range(len(starts) - 1):
            gap = ends[i] - starts[i]
            if size <= gap <= room:
                best, room = i, gap
        places[event] = starts[best]
        starts[best] += size
        if starts[best] > top:
            top, moment = starts[best], number + 1
        if starts[best] == ends[best]:
            del starts[best], ends[best]
    return top, moment


def _give_back(starts: list[int], ends: list[int], start: int, end: int) -> None:
    for i in range(len(starts)):
        if ends[i] == start:
            ends[i] = end
            if i + 1 < len(starts) and starts[i + 1] == end:
                ends[i] = ends.pop(i + 1)
                del starts[i + 1]
            return
        if starts[i] == end:
            starts[i] = start
            if i and ends[i - 1] == start:
                ends[i - 1] = ends.pop(i)
                del starts[i]
            return
    # Empty gaps may stand out of order: what counts is the first that begins behind.
    at = next((i for i, other in enumerate(starts) if other >= start), len(starts))
    starts.insert(at, start)
    ends.insert(at, end)
