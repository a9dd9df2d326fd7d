"""A model as the engines see it: layers, the tensors in them and outside of them, its limits."""

from collections import Counter

import msgspec

from fitcheck.architecture.feed_forward import Experts, FeedForward
from fitcheck.architecture.mixers import Mixer
from fitcheck.architecture.rope import RopeScaling
from fitcheck.architecture.tensor import Tensor


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One block: what mixes its tokens (nothing, one thing, or two), its MLP, its weights.

    `parallel` blocks feed attention and MLP from the same input (GPT-J, Falcon, Phi 2, Cohere).
    """

    mixers: tuple[Mixer, ...]
    feed_forward: FeedForward | None
    tensors: tuple[Tensor, ...]
    parallel: bool = False

    @property
    def parameters(self) -> int:
        """Numbers in its weights, buffers left out."""
        return sum(t.numel for t in self.tensors if not t.buffer)

    @property
    def active_parameters(self) -> int:
        """Numbers that one token uses: all but the routed experts that it is not sent to."""
        if not isinstance(self.feed_forward, Experts):
            return self.parameters
        routed = sum(t.numel for t in self.tensors if "_exps" in t.role)
        used = routed * self.feed_forward.num_experts_per_tok // self.feed_forward.num_experts
        return self.parameters - routed + used


class Tower(msgspec.Struct, frozen=True, kw_only=True):
    """A part beside the language model: vision or audio encoder, projector, Q-Former.

    `output_tokens` is how many tokens one image (or clip) becomes, None where its size decides.
    """

    name: str
    tensors: tuple[Tensor, ...]
    output_tokens: int | None = None

    @property
    def parameters(self) -> int:
        """Numbers in its weights, buffers left out."""
        return sum(t.numel for t in self.tensors if not t.buffer)


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """An architecture with its dimensions put in.

    Layers that are equal are the same object, so that work can be done once for each kind.
    `tensors` are those outside of layers; a tied head is not listed twice. `layers_path` is the
    module that holds the layers (`model.layers`, then a number, then a tensor's `module`).
    `mtp_layers` sit in the checkpoint and are not loaded unless an engine predicts several
    tokens at once. `dtype` is the type that the weights are published in. `approximate` says
    why the dimensions are only near, empty when they are sure. `quantization_config` is
    config.json's own, if the weights are published quantized. `rope_scaling` is None where
    positions are not stretched. `partial_rotary_factor` is the share of each head that is rotated,
    None where config.json says nothing. `scales_embeddings`: config.json names a factor that
    embeddings are multiplied by (Granite's embedding_multiplier).
    """

    model_type: str
    hidden_size: int
    vocab_size: int
    context_length: int | None
    layers: tuple[Layer, ...]
    tensors: tuple[Tensor, ...]
    layers_path: str = "model.layers"
    tie_word_embeddings: bool = False
    towers: tuple[Tower, ...] = ()
    mtp_layers: tuple[Layer, ...] = ()
    dtype: str = "bfloat16"
    approximate: tuple[str, ...] = ()
    quantization_config: dict[str, object] | None = None
    rope_scaling: RopeScaling | None = None
    partial_rotary_factor: float | None = None
    scales_embeddings: bool = False

    @property
    def kinds(self) -> list[tuple[Layer, int]]:
        """Each different layer and how many there are of it, in order of first appearance."""
        one = {id(layer): layer for layer in self.layers}
        return [(one[i], count) for i, count in Counter(map(id, self.layers)).items()]

    @property
    def parameters(self) -> int:
        """Unique numbers in all weights: tied tensors once, no MTP layers, no buffers."""
        inside = sum(layer.parameters * count for layer, count in self.kinds)
        outside = sum(t.numel for t in self.tensors)
        return inside + outside + sum(t.parameters for t in self.towers)

    @property
    def active_parameters(self) -> int:
        """Numbers that one token uses; embeddings, router and shared experts count."""
        inside = sum(layer.active_parameters * count for layer, count in self.kinds)
        outside = sum(t.numel for t in self.tensors)
        return inside + outside + sum(t.parameters for t in self.towers)
