"""The graph of a whole model: embeddings, layers, head.

Source: llama.cpp 0c1e57098, src/models/*.cpp; src/llama-graph.cpp (build_inp_embd).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fitcheck.architecture import Model
from fitcheck.engines.llama_cpp.gguf import GgufFile
from fitcheck.engines.llama_cpp.graph import operations as ops
from fitcheck.engines.llama_cpp.graph.blocks import BLOCKS, sequential
from fitcheck.engines.llama_cpp.graph.build import Build, Weights, weights
from fitcheck.engines.llama_cpp.graph.gemma import in_streams, out_of_streams, with_layer_inputs
from fitcheck.engines.llama_cpp.graph.tensors import HOST, I32, Graph, Node
from fitcheck.engines.llama_cpp.graph.traits import traits
from fitcheck.engines.llama_cpp.placement import LOOKED_UP, OF_FIRST_LAYER, Split, has_kernel
from fitcheck.engines.llama_cpp.settings import Settings

# Bytes of each weight on a card, by layer (OUTSIDE for what is in none) and role.
Sizes = Mapping[int, Mapping[str, int]]
OUTSIDE: Final = -1

# Whose head is the table of embeddings where it lies, not a copy of it: src/models/bitnet.cpp.
HEAD_IS_LOOKED_UP: Final = frozenset(("bitnet",))


def draw(
    model: Model, file: GgufFile, settings: Settings, split: Split, layers: Sequence[int],
    sizes: Sizes, *, flash: bool,
) -> Graph:  # fmt: skip
    """The graph that llama.cpp reserves memory for, of these layers only."""
    b = Build(model, traits(model, file), settings, split, flash=flash)
    outside = _outside(file, split, sizes)
    x = _embedded(b, outside)
    if file.arch == "gemma3n":
        x = in_streams(b, x, outside)
    elif file.arch == "gemma4":
        x = with_layer_inputs(b, x, outside)
    block = BLOCKS.get(file.arch, sequential)
    rows_inside = b.traits.rows == "layer"
    for i, device, own in _layer_weights(file, split, layers, sizes):
        b.enter(i, device, own)
        x = block(b, x, rows_inside and i == len(model.layers) - 1)
        if b.deep_inputs is not None and i < b.traits.deep_inputs:
            x = ops.add(x, ops.view(b.deep_inputs, *x.shape), "residual")
    _head(b, x, outside, split.place(file.block_count))
    return b.graph


def _outside(file: GgufFile, split: Split, sizes: Sizes) -> Weights:
    output = split.place(file.block_count)
    known = sizes.get(OUTSIDE, {})
    found = weights(file.outside, output, output, known)
    for role, node in found.items():
        if role in LOOKED_UP:
            node.device = HOST
        elif role in OF_FIRST_LAYER:
            node.device = split.place(0)
    if "output" not in found and file.arch in HEAD_IS_LOOKED_UP:
        found["output"] = found["token_embd"]
    if "output" not in found:
        shape = found["token_embd"].shape
        found["output"] = Node(
            "weight", shape, item=0, label="output", device=output, extra=known.get("output", 0)
        )
    return found


def _layer_weights(
    file: GgufFile, split: Split, layers: Sequence[int], sizes: Sizes
) -> "list[tuple[int, int, Weights]]":
    """Each layer's number, device and weights; those of equal layers are the same nodes."""
    block_of = {i: block for block in file.blocks for i in block.layers}
    factors = next((t for t in file.outside if t.role.startswith("rope_f")), None)
    known: dict[tuple[int, int, int, bool], Weights] = {}
    turns: dict[int, Node] = {}
    found = []
    for i in layers:
        device = split.place(i)
        experts = HOST if i < split.cpu_moe else device
        turned = factors is not None and (file.rope_layers is None or i in file.rope_layers)
        key = (id(block_of[i]), device, experts, turned)
        if sizes or key not in known:
            own = weights(block_of[i].tensors, device, experts, sizes.get(i, {}))
            for t in block_of[i].tensors:
                if not has_kernel(file, t):
                    own[t.role].device = HOST
            if factors is not None and turned:
                node = Node("weight", ops.four(factors.ne), device=device)
                own["rope_factors"] = turns.setdefault(device, node)
            known[key] = own
        found.append((i, device, known[key]))
    return found


def _embedded(b: Build, outside: Weights) -> Node:
    """The tokens' embeddings; an input for embeddings from elsewhere is reserved as well."""
    x = ops.get_rows(outside["token_embd"], b.input("token_ids", b.tokens, item=I32), "embeddings")
    width = b.hidden_size * (1 + b.traits.deep_inputs)
    if b.traits.deep_inputs:
        x = ops.pad(x, width)
    if b.traits.scaled_embeddings == "first":
        x = ops.same("scale", x)
    b.graph.expand(x)
    b.graph.expand(b.input("embeddings_input", width, b.tokens))
    if b.traits.deep_inputs:
        x = b.deep_inputs = ops.view(x, b.hidden_size, b.tokens)
    if "position_embd" in outside:
        x = ops.add(x, ops.get_rows(outside["position_embd"], b.positions, "embeddings"))
    if b.traits.normed_embeddings:
        b.weights = outside
        x = b.norm(x, "token_embd_norm")
    return ops.same("scale", x) if b.traits.scaled_embeddings == "later" else x


def _head(b: Build, x: Node, outside: Weights, device: int) -> None:
    """The last norm and the logits of the wanted tokens."""
    b.enter(b.index, device, outside)
    if b.has("altup_unembd_proj"):
        x = out_of_streams(b, x, outside)
    x.output = b.traits.keeps_hidden
    if b.traits.rows == "behind":
        x = b.wanted(x)
    of_embeddings = b.has("token_embd_norm") and not b.has("output_norm")
    x = b.norm(x, "token_embd_norm" if of_embeddings else "output_norm")
    if b.traits.rows == "norm":
        x.output = True
        x = b.wanted(x)
    x.output = True
    if b.traits.scaled_head:
        x = ops.same("scale", x, "head_input")
    logits = b.linear(x, "output")
    logits.label = "logits"
    logits.output = True
    b.graph.expand(logits)
