"""What llama.cpp would reserve for a model: drawn, scheduled and laid out once for many contexts.

Source: llama.cpp 0c1e57098, src/llama-context.cpp (sched_reserve, resolve_fused_ops).
"""

from collections.abc import Hashable, Iterable, Mapping

import msgspec

from fitcheck.architecture import LatentAttention, Model
from fitcheck.engines.llama_cpp.gguf import GgufFile
from fitcheck.engines.llama_cpp.graph.allocator import Lifetimes, lifetimes
from fitcheck.engines.llama_cpp.graph.build import has_windows
from fitcheck.engines.llama_cpp.graph.drawing import HEAD_IS_LOOKED_UP, OUTSIDE, Sizes, draw
from fitcheck.engines.llama_cpp.graph.flash import supported
from fitcheck.engines.llama_cpp.graph.gemma import SPARSE_LAYERS
from fitcheck.engines.llama_cpp.graph.kv import caches, mixers, window
from fitcheck.engines.llama_cpp.graph.schedule import schedule
from fitcheck.engines.llama_cpp.graph.short import representatives
from fitcheck.engines.llama_cpp.graph.tensors import HOST
from fitcheck.engines.llama_cpp.graph.traits import Traits, traits
from fitcheck.engines.llama_cpp.packing import Packed
from fitcheck.engines.llama_cpp.placement import Split, fill, has_kernel
from fitcheck.engines.llama_cpp.settings import Settings


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A model, its file, and what its weights take, as far as the graph depends on them."""

    model: Model
    file: GgufFile
    packed: tuple[Packed, ...]

    @property
    def traits(self) -> Traits:
        """What its graph does beside its tensors."""
        return traits(self.model, self.file)

    @property
    def windowed(self) -> bool:
        """Whether layers with a sliding window have a cache of their own size."""
        return has_windows(self.model, self.traits)

    @property
    def window(self) -> int:
        """The tokens that such layers see; 0 if there are none."""
        return (self.traits.chunks or window(self.model)) if self.windowed else 0


def plan(
    subject: Subject, settings: Settings, split: Split, cards: int, *, flash: bool
) -> Mapping[int, Lifetimes]:
    """What the compute buffer of every device goes through; `cards` is how many there are."""
    sizes = on_card(subject.packed) if cards and _copies_weights(subject, split) else {}
    layers = _drawn(subject, split, sizes)
    graph = draw(subject.model, subject.file, settings, split, layers, sizes, flash=flash)
    pipeline = cards > 1 and everything_on_cards(split) and settings.kv_offload
    found = schedule(graph, settings, cards, pipeline=pipeline)
    return lifetimes(found, (*range(cards), HOST))


def _drawn(subject: Subject, split: Split, sizes: Sizes) -> list[int]:
    """The layers to draw: a few of each kind, but all where each has something from the start."""
    indexed = any(
        isinstance(m, LatentAttention) and m.index_head_dim for m in mixers(subject.model)
    )
    if indexed or not all(has_kernel(subject.file, p.tensor) for p in subject.packed):
        return list(range(len(subject.model.layers)))
    return representatives(_kinds(subject, split, sizes))


def everything_on_cards(split: Split) -> bool:
    """Whether no layer, and no experts, are left in host memory."""
    return split.starts[0] == 0 and split.cpu_moe == 0


def _copies_weights(subject: Subject, split: Split) -> bool:
    """Whether weights in host memory are multiplied with on a card."""
    return not everything_on_cards(split) or subject.file.arch in HEAD_IS_LOOKED_UP


def on_card(packed: Iterable[Packed]) -> Sizes:
    """Bytes of each weight when it is copied to a card, by layer and role."""
    found: dict[int, dict[str, int]] = {OUTSIDE: {}}
    for p in packed:
        size = p.each + fill(p.block_type, p.tensor.row)
        for layer in p.layers or (OUTSIDE,):
            found.setdefault(layer, {})[p.tensor.role] = size
    outside = found[OUTSIDE]
    outside.setdefault("output", outside.get("token_embd", 0))
    return found


def _kinds(subject: Subject, split: Split, sizes: Sizes) -> list[Hashable]:
    """What tells layers apart, as far as the graph does."""
    file = subject.file
    number_of = {i: n for n, block in enumerate(file.blocks) for i in block.layers}
    turned = range(file.loaded) if file.rope_layers is None else file.rope_layers
    deep = subject.traits.deep_inputs
    apart = SPARSE_LAYERS if file.arch == "gemma3n" else 0
    return [
        (
            number_of[i],
            id(layer),
            split.place(i),
            i < split.cpu_moe,
            i in turned,
            i < apart,
            min(i, deep),
            tuple(sizes.get(i, {}).values()),
        )
        for i, layer in enumerate(subject.model.layers)
    ]


def uses_flash(subject: Subject, settings: Settings, split: Split, cards: int) -> bool:
    """Whether attention is computed by flash kernels.

    By default it is if each layer's own device has a kernel for it.
    """
    if settings.cache_type_v.quantized and settings.flash_attention != "off":
        return True
    if settings.flash_attention != "auto":
        return settings.flash_attention == "on"
    if subject.file.arch == "grok":
        return False
    if not cards:
        return True
    if everything_on_cards(split) and settings.kv_offload:
        return _every_head_has_a_kernel(subject, settings, split)
    return _attention_stays(subject, settings, split, cards)


def _every_head_has_a_kernel(subject: Subject, settings: Settings, split: Split) -> bool:
    model = subject.model
    kvs = caches(model, split, windowed=subject.windowed, on_cards=True)
    types = settings.cache_type_k, settings.cache_type_v
    for i, kv in kvs.items():
        queries = [getattr(m, "num_attention_heads", 0) for m in model.layers[i].mixers]
        heads = max(queries, default=0)
        if heads and not supported(kv.key_dim, kv.value_dim, heads // kv.heads, *types):
            return False
    return True


def _attention_stays(subject: Subject, settings: Settings, split: Split, cards: int) -> bool:
    """What llama.cpp tries: with one token a slot, is attention on the layer's own device?"""
    slots = settings.parallel
    probe = msgspec.structs.replace(settings, ubatch=slots, batch=slots, outputs=slots)
    layers = representatives(_kinds(subject, split, {}))
    graph = draw(subject.model, subject.file, probe, split, layers, {}, flash=True)
    schedule(graph, probe, cards, pipeline=False)
    return all(node.device == split.place(i) for node, i in graph.flash)
