"""Which device computes each node, and what is copied between devices.

Source: llama.cpp 0c1e57098, ggml/src/ggml-backend.cpp (ggml_backend_sched_split_graph),
ggml/src/ggml-cuda/ggml-cuda.cu (offload_op, supports_op).
"""

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Final

import msgspec

from fitcheck.engines.llama_cpp.graph.flash import supported
from fitcheck.engines.llama_cpp.graph.tensors import HOST, VIEWS, Graph, Node
from fitcheck.engines.llama_cpp.kernels import convolves, scans_channels, scans_heads
from fitcheck.engines.llama_cpp.settings import Settings

# ggml-cuda.cu, op_offload_min_batch_size: with so many rows it pays to copy weights to the card.
_OFFLOAD_ROWS: Final = 32
# Operations whose small weights do not decide where they run.
_UNDECIDED_BY_WEIGHTS: Final = frozenset(("rope", "flash_attn"))
# GGML_SCHED_MAX_COPIES: inputs of cards that work on successive batches at the same time.
PIPELINE_COPIES: Final = 4
_NOTHING: Final = (0, 0, 0, 0)


class Step(msgspec.Struct, frozen=True):
    """A node in its turn; `reads` are its sources on the device where it is computed."""

    node: Node
    reads: Sequence[Node]


class Schedule(msgspec.Struct, frozen=True):
    """What is allocated at once (`leaves`), and what is computed in turn."""

    leaves: list[Node]
    steps: list[Step]


def schedule(graph: Graph, settings: Settings, cards: int, *, pipeline: bool) -> Schedule:
    """Place every node on a device, and copy what a device reads and another holds."""
    nodes, backwards = graph.nodes, graph.nodes[::-1]
    for node in nodes:
        node.device = _decided(node, settings, cards)
    for skip_host in (True, False):
        _spread(nodes, settings, skip_host=skip_host)
        _spread(backwards, settings, skip_host=skip_host)
    _settle(nodes, settings, cards)
    copies = PIPELINE_COPIES if pipeline else 1
    return _Splitter(graph, settings.reserved_tokens, copies).schedule()


def _decided(node: Node, settings: Settings, cards: int) -> int | None:
    """Where a node must or should run: where it is stored, or where its weights are."""
    if node.device is not None:
        return node.device
    if node.root is not None and node.root.stored:
        return node.root.device
    if node.op in _UNDECIDED_BY_WEIGHTS:
        return None
    for source in node.sources:
        if source.op == "weight":
            if source.device == HOST and _rows(node) >= _OFFLOAD_ROWS:
                able = (card for card in range(cards) if _runs(node, card, settings))
                return next(able, HOST)
            return source.device if _runs(node, source.device, settings) else None
    return None


def _rows(node: Node) -> int:
    _, b, c, d = node.shape
    match node.op:
        case "get_rows":
            return 0
        case "mul_mat":
            return b
        case "mul_mat_id":
            return c
        case _:
            return b * c * d


def _runs(node: Node, device: int | None, settings: Settings) -> bool:
    """Whether a device has a kernel for the node, and no other card holds what it reads."""
    if device == HOST:
        return True
    for source in node.sources:
        held = source.root or source
        if held.stored and held.device not in (HOST, device):
            return False
    if node.op in _STATE_SPACE:
        return _STATE_SPACE[node.op](node)
    if node.op != "flash_attn":
        return True
    q, k, v = node.sources[:3]
    types = settings.cache_type_k, settings.cache_type_v
    return supported(q.shape[0], v.shape[0], q.shape[2] // k.shape[2], *types)


def _convolves(node: Node) -> bool:
    return convolves(node.sources[0].shape[1])


def _scans(node: Node) -> bool:
    d_state, head_dim, heads, _ = node.sources[0].shape
    return scans_heads(d_state, head_dim) if head_dim > 1 else scans_channels(d_state, heads)


_STATE_SPACE: Final[dict[str, Callable[[Node], bool]]] = {
    "ssm_conv": _convolves,
    "ssm_scan": _scans,
}


def _spread(nodes: Sequence[Node], settings: Settings, *, skip_host: bool) -> None:
    """Give undecided nodes the device of the node before them."""
    current: int | None = None
    for node in nodes:
        if node.op in VIEWS:
            continue
        if node.device is not None:
            current = None if skip_host and node.device == HOST else node.device
        elif current is not None and _runs(node, current, settings):
            node.device = current


def _settle(nodes: Sequence[Node], settings: Settings, cards: int) -> None:
    """Give what is left the device that holds most of its sources; views follow what they show."""
    for node in nodes:
        if node.device is None and node.op not in VIEWS:
            devices = [d for d in (*range(cards), HOST) if _runs(node, d, settings)]
            held = [(s.root or s).device for s in node.sources]
            node.device = max(devices, key=held.count)
    for node in nodes:
        if node.device is None and node.root is not None:
            node.device = node.root.device


class _Splitter:
    """Cuts the nodes into runs on one device, copying at the start of a run what it reads."""

    def __init__(self, graph: Graph, tokens: int, copies: int) -> None:
        self.graph = graph
        self.tokens = tokens
        self.copies = copies
        self.steps: list[Step] = []
        self.copied: dict[tuple[int, int | None], list[Node]] = {}

    def schedule(self) -> Schedule:
        """The steps, and the leaves in the order in which they are allocated."""
        for device, run in self._runs():
            self._append(device, run)
        leaves = list(self.graph.inputs)
        if self.copies > 1:
            leaves = [n for leaf in leaves for n in (leaf, *self._copies(leaf, HOST)[1:])]
            leaves += [copy for copies in self.copied.values() for copy in copies]
            for node in leaves:
                node.output = True
        return Schedule(leaves, self.steps)

    def _runs(self) -> Iterator[tuple[int | None, list[Node]]]:
        """Runs on one device; behind what had to be copied, another weight begins a new one."""
        run: list[Node] = []
        current: int | None = None
        copied: set[tuple[int, int | None]] = set()
        copies = False
        for node in self.graph.nodes:
            if node.op not in VIEWS:
                device = node.device
                foreign = [s for s in node.sources if s.device != device]
                weight = copies and any(s.op == "weight" for s in foreign)
                if current is not None and (device != current or weight):
                    yield current, run
                    run, copies = [], False
                current = device
                fresh = {(id(s), device) for s in foreign} - copied
                copied |= fresh
                copies = copies or bool(fresh)
            run.append(node)
        yield current, run

    def _append(self, device: int | None, run: list[Node]) -> None:
        copied: list[Node] = []
        steps = [Step(node, self._reads(node, device, copied)) for node in run]
        for source in copied:
            before = Node("none", _NOTHING, device=source.device)
            self.steps.append(Step(before, (source,)))
            self.steps.append(Step(self.copied[id(source), device][0], ()))
        for step in steps:
            self.steps.append(step)
            if step.node.kept and device != HOST:
                self.steps.append(Step(Node("none", _NOTHING, device=device), step.node.kept))

    def _reads(self, node: Node, device: int | None, copied: list[Node]) -> Sequence[Node]:
        if node.op in VIEWS or all(s.device == device for s in node.sources):
            return node.sources
        return [s if s.device == device else self._copy(s, device, copied) for s in node.sources]

    def _copy(self, source: Node, device: int | None, copied: list[Node]) -> Node:
        key = (id(source), device)
        if key not in self.copied:
            self.copied[key] = self._copies(source, device)
            copied.append(source)
        return self.copied[key][0]

    def _copies(self, source: Node, device: int | None) -> list[Node]:
        return [_copied(source, device, self.tokens) for _ in range(self.copies)]


def _copied(source: Node, device: int | None, tokens: int) -> Node:
    """A copy in the source's layout: a part of every row is copied with the rest between."""
    shape, shown = source.shape, source
    while shown.op in ("permute", "transpose"):
        shown = shown.sources[0]
    if shown.root is not None and not shown.packed:
        whole = prod((shown.sources[0] if shown.root.stored else shown.root).shape)
        between = (whole - prod(shape)) // _rows_shown(shown, tokens)
        shape = (whole - (0 if shown.root.stored else between), 1, 1, 1)
    extra = source.extra if source.op == "weight" else 0
    return Node("copy", shape, (), source.item, source.label, device=device, extra=extra)


def _rows_shown(view: Node, tokens: int) -> int:
    """Of how many rows a view shows a part: one for each token where shapes do not tell."""
    rows = 1
    for shown, there in zip(view.shape[::-1], view.sources[0].shape[::-1], strict=True):
        if shown != there:
            break
        rows *= shown
    return rows if rows > 1 else tokens
