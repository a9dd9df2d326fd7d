"""What every part of a model's graph is drawn with: weights, inputs, norms, the graph itself."""

from collections.abc import Iterable, Mapping
from typing import Final

from fitcheck.architecture import Layer, Model
from fitcheck.engines.llama_cpp.gguf import GgufTensor
from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph.kv import Kv, caches, index_caches, window
from fitcheck.engines.llama_cpp.graph.tensors import F16, F32, HOST, I32, I64, Graph, Node
from fitcheck.engines.llama_cpp.graph.traits import Traits
from fitcheck.engines.llama_cpp.placement import EXPERTS, Split
from fitcheck.engines.llama_cpp.settings import Settings

Weights = dict[str, Node]

PINNING_TOKENS: Final = 32


class Build:
    """The graph of one model under one setting, while it is being drawn.

    `tokens` are computed at once, as many for each of `sequences`; `outputs` of them ask for
    logits. `streams` is how many caches attention runs over side by side. `layer` is the one being
    drawn, `weights` what it has, by GGUF role.
    """

    def __init__(
        self, model: Model, traits: Traits, settings: Settings, split: Split, *, flash: bool
    ) -> None:
        self.model = model
        self.traits = traits
        self.settings = settings
        self.flash = flash
        self.graph = Graph()
        self.hidden_size = model.hidden_size
        self.tokens = settings.reserved_tokens
        self.sequences = settings.parallel
        self.outputs = settings.reserved_outputs
        self.streams = settings.streams
        self.windowed = has_windows(model, traits)
        self.kvs = caches(model, split, windowed=self.windowed, on_cards=settings.kv_offload)
        self.index_kvs = index_caches(model, split, on_cards=settings.kv_offload)
        self.layer: Layer = model.layers[0]
        self.index = 0
        self.device = HOST
        self.weights: Weights = {}
        self.layer_inputs: Node | None = None
        self.chosen: Node | None = None
        self.deep_inputs: Node | None = None
        # With less than 32 tokens norms stay on their layer's device: src/llama-context.cpp,
        # graph_get_cb.
        self.pins_norms = self.tokens < PINNING_TOKENS
        self._inputs: dict[str, Node] = {}

    def enter(self, index: int, device: int, weights: Weights) -> None:
        """Turn to a layer, or with its weights to what is around the layers."""
        self.index = index
        self.layer = self.model.layers[index]
        self.device = device
        self.weights = weights

    def has(self, role: str) -> bool:
        """Whether the layer has such a weight."""
        return role in self.weights

    def input(self, label: str, *shape: int, item: int = F32) -> Node:
        """A tensor that is filled before the graph is computed, the same one for the same label."""
        found = self._inputs.get(label)
        if found is None:
            found = Node("input", ops.four(shape), item=item, label=label, device=HOST)
            self._inputs[label] = found
        return found

    def part_of_states(self, label: str, count: int) -> Node:
        """Which sequences' states are read: a view of one input for all layers."""
        found = self._inputs.get(label)
        if found is None:
            found = ops.view(self.input("states", self.sequences, item=I32), count, packed=True)
            self._inputs[label] = found
        return found

    @property
    def kv(self) -> Kv:
        """The cache that the layer reads."""
        return self.kvs[self.index]

    @property
    def positions(self) -> Node:
        """Where each token stands."""
        return self.input("positions", self.tokens * self.traits.position_axes, item=I32)

    def mask(self, cells: int, label: str) -> Node:
        """What each token may see: 16 bits a cell with flash attention, else 32."""
        item = F16 if self.flash else F32
        return self.input(label, cells, self.tokens // self.streams, 1, self.streams, item=item)

    def places(self, label: str, rows: int) -> Node:
        """Where rows go in the cache."""
        return self.input(label, rows, item=I64)

    def wanted(self, x: Node) -> Node:
        """The rows of x whose logits are wanted."""
        ids = self.input("output_ids", self.outputs, item=I32)
        return ops.get_rows(x, ids, "wanted_rows")

    def linear(self, x: Node, role: str) -> Node:
        """A matrix times x, and its bias if it has one."""
        y = ops.mul_mat(self.weights[role], x, role)
        bias = self.weights.get(f"{role}.bias")
        return y if bias is None else ops.add(y, bias)

    def norm(self, x: Node, role: str) -> Node:
        """A norm with its scale and shift; x itself if the layer has no such norm."""
        scale = self.weights.get(role)
        if scale is None:
            return self.bare_norm(x, role) if role in self.traits.bare_norms else x
        shift = self.weights.get(f"{role}.bias")
        y = ops.mul(self.bare_norm(x, role, shifted=shift is not None), scale)
        return y if shift is None else ops.add(y, shift)

    def bare_norm(self, x: Node, label: str, *, shifted: bool = False) -> Node:
        """A norm without scale and shift."""
        centred = shifted if self.traits.layer_norm is None else self.traits.layer_norm
        y = ops.same("norm" if centred else "rms_norm", x, label)
        if self.pins_norms:
            y.device = self.device
        return y


def has_windows(model: Model, traits: Traits) -> bool:
    """Whether llama.cpp keeps a second, smaller cache for layers with a sliding window."""
    at = traits.windows_at or len(model.layers)
    return traits.windows and len(model.layers) == at and window(model) > 0


def weights(
    tensors: Iterable[GgufTensor], device: int, experts: int, sizes: Mapping[str, int]
) -> Weights:
    """Weights by role, on a device, the routed experts on another; `sizes` are those on a card."""
    return {
        t.role: Node(
            "weight",
            ops.four(t.ne),
            item=0,
            label=t.role,
            device=experts if t.role.partition(".")[0] in EXPERTS else device,
            extra=sizes.get(t.role, 0),
        )
        for t in tensors
    }
