"""Which KV cache each layer reads, and where it is held."""

from collections.abc import Iterator

import msgspec

from fitcheck.architecture import Attention, CompressedAttention, LatentAttention, Mixer, Model
from fitcheck.engines.llama_cpp.graph.tensors import CELLS, HOST, WINDOW_CELLS
from fitcheck.engines.llama_cpp.placement import Split
from fitcheck.engines.llama_cpp.tensors import UNPACKED


class Kv(msgspec.Struct, frozen=True, kw_only=True):
    """The cache that a layer reads: its own, or another layer's.

    A `latent` cache holds keys only, and values are a part of them; one that
    `indexes` holds an indexer's keys. `widest_values` is a row of
    values in the layer that needs most: without flash attention every layer's rows are that wide.
    `even`: all heads in the same cache are equally wide. Of `ratio` tokens one entry is kept.
    `apart`: each slot has its own, even if slots share what they can.
    """

    heads: int
    key_dim: int
    value_dim: int
    device: int
    windowed: bool = False
    latent: bool = False
    indexes: bool = False
    widest_values: int = 0
    even: bool = True
    ratio: int = 1
    apart: bool = False

    @property
    def cells(self) -> int:
        """The symbol for how many tokens it holds."""
        return WINDOW_CELLS if self.windowed else CELLS

    @property
    def label(self) -> str:
        """What sets its inputs apart."""
        return "window_" if self.windowed else "index_" if self.indexes else ""


def mixers(model: Model) -> Iterator[Mixer]:
    """The mixers of every kind of layer."""
    for layer, _ in model.kinds:
        yield from layer.mixers


def window(model: Model) -> int:
    """The widest sliding window of the model, 0 if it has none."""
    return max((getattr(m, "sliding_window", None) or 0 for m in mixers(model)), default=0)


def caches(model: Model, split: Split, *, windowed: bool, on_cards: bool) -> dict[int, Kv]:
    """Each attention layer's cache, by the layer's number; see `has_windows` for `windowed`."""
    own = dict(_own(model, split, windowed, on_cards))
    widest = max((kv.heads * kv.value_dim for kv in own.values()), default=0)
    widths = {(kv.windowed, kv.key_dim, kv.value_dim) for kv in own.values() if kv.heads}
    for i, kv in own.items():
        even = sum(w[0] == kv.windowed for w in widths) == 1
        own[i] = msgspec.structs.replace(kv, widest_values=widest, even=even)
    return own | dict(_borrowed(model, own))


def _own(model: Model, split: Split, windowed: bool, on_cards: bool) -> Iterator[tuple[int, Kv]]:
    bare = not any(m.state_values() for m in mixers(model))
    for i, layer in enumerate(model.layers):
        device = split.place(i) if on_cards else HOST
        if bare and not layer.mixers:
            yield i, Kv(heads=0, key_dim=0, value_dim=0, device=device)
        for mixer in layer.mixers:
            kv = _cache_of(mixer, model.model_type, device, windowed)
            if kv is not None:
                yield i, kv


def _cache_of(mixer: Mixer, model_type: str, device: int, windowed: bool) -> Kv | None:
    match mixer:
        case Attention(shares_cache=False, bidirectional=False):
            return Kv(
                heads=mixer.num_key_value_heads,
                key_dim=mixer.head_dim,
                value_dim=mixer.value_head_dim,
                device=device,
                windowed=windowed and mixer.sliding_window is not None,
            )
        case LatentAttention() if model_type in UNPACKED:
            return Kv(
                heads=mixer.num_attention_heads,
                key_dim=mixer.qk_nope_head_dim + mixer.qk_rope_head_dim,
                value_dim=mixer.v_head_dim,
                device=device,
            )
        case LatentAttention():
            width, rank = mixer.values_per_token, mixer.kv_lora_rank
            return Kv(heads=1, key_dim=width, value_dim=rank, device=device, latent=True)
        case _:
            return None


def index_caches(model: Model, split: Split, *, on_cards: bool) -> dict[int, Kv]:
    """The caches of indexers, a key for each token, by the layer's number."""
    return {
        i: Kv(
            heads=1,
            key_dim=mixer.index_head_dim,
            value_dim=0,
            device=split.place(i) if on_cards else HOST,
            latent=True,
            indexes=True,
        )
        for i, layer in enumerate(model.layers)
        for mixer in layer.mixers
        if isinstance(mixer, LatentAttention) and mixer.index_head_dim
    }


def other_caches(model: Model, split: Split, *, on_cards: bool) -> Iterator[Kv]:
    """Caches that no graph here reads: MiniMax M3's indexers, and those of DeepSeek V4."""
    for i, layer in enumerate(model.layers):
        device = split.place(i) if on_cards else HOST
        for mixer in layer.mixers:
            match mixer:
                case Attention(index_head_dim=int(index), value_head_dim=width):
                    yield Kv(
                        heads=1, key_dim=index, value_dim=width, device=device,
                        widest_values=width, indexes=True,
                    )  # fmt: skip
                case CompressedAttention():
                    yield from _compressed(mixer, device)
                case _:
                    pass


def _compressed(mixer: CompressedAttention, device: int) -> Iterator[Kv]:
    """The last tokens, the entries that older ones became, and the indexer's entries."""
    one = Kv(heads=1, key_dim=mixer.head_dim, value_dim=0, device=device, latent=True, apart=True)
    yield msgspec.structs.replace(one, windowed=True)
    ratio, index = mixer.compress_ratio, mixer.index_head_dim
    if ratio:
        yield msgspec.structs.replace(one, ratio=ratio)
    if ratio and index is not None:
        yield msgspec.structs.replace(one, ratio=ratio, key_dim=index, indexes=True)


def _borrowed(model: Model, own: dict[int, Kv]) -> Iterator[tuple[int, Kv]]:
    """Layers that share a cache read that of the last layer of their kind that has one.

    Source: llama.cpp 0c1e57098, src/llama-model.cpp, create_memory, layer_reuse_cb.
    """
    for i, layer in enumerate(model.layers):
        for mixer in layer.mixers:
            if isinstance(mixer, Attention) and mixer.shares_cache:
                windowed = mixer.sliding_window is not None
                yield i, next(kv for kv in reversed(own.values()) if kv.windowed == windowed)
