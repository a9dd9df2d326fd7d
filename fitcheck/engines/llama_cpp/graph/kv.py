"""Which KV cache each layer reads, and where it is held."""

from collections.abc import Iterator

import msgspec

from fitcheck.architecture import Attention, LatentAttention, Mixer, Model
from fitcheck.engines.llama_cpp.graph.tensors import CELLS, HOST, WINDOW_CELLS
from fitcheck.engines.llama_cpp.placement import Split


class Kv(msgspec.Struct, frozen=True, kw_only=True):
    """The cache that a layer reads: its own, or another layer's.

    A `latent` cache holds keys only, and values are a part of them. `widest_values` is a row of
    values in the layer that needs most: without flash attention every layer's rows are that wide.
    `even`: all heads in the same cache are equally wide.
    """

    heads: int
    key_dim: int
    value_dim: int
    device: int
    windowed: bool = False
    latent: bool = False
    widest_values: int = 0
    even: bool = True

    @property
    def cells(self) -> int:
        """The symbol for how many tokens it holds."""
        return WINDOW_CELLS if self.windowed else CELLS

    @property
    def label(self) -> str:
        """What sets its inputs apart."""
        return "window_" if self.windowed else ""


def caches(model: Model, split: Split, *, windowed: bool, on_cards: bool) -> dict[int, Kv]:
    """Each attention layer's cache, by the layer's number; see `has_windows` for `windowed`."""
    own = dict(_own(model, split, windowed, on_cards))
    widest = max((kv.heads * kv.value_dim for kv in own.values()), default=0)
    widths = {(kv.windowed, kv.key_dim, kv.value_dim) for kv in own.values()}
    for i, kv in own.items():
        even = sum(w[0] == kv.windowed for w in widths) == 1
        own[i] = msgspec.structs.replace(kv, widest_values=widest, even=even)
    return own | dict(_borrowed(model, own))


def _own(model: Model, split: Split, windowed: bool, on_cards: bool) -> Iterator[tuple[int, Kv]]:
    for i, layer in enumerate(model.layers):
        device = split.place(i) if on_cards else HOST
        for mixer in layer.mixers:
            kv = _cache_of(mixer, device, windowed)
            if kv is not None:
                yield i, kv


def _cache_of(mixer: Mixer, device: int, windowed: bool) -> Kv | None:
    match mixer:
        case Attention(shares_cache=False):
            return Kv(
                heads=mixer.num_key_value_heads,
                key_dim=mixer.head_dim,
                value_dim=mixer.value_head_dim,
                device=device,
                windowed=windowed and mixer.sliding_window is not None,
            )
        case LatentAttention():
            width, rank = mixer.values_per_token, mixer.kv_lora_rank
            return Kv(heads=1, key_dim=width, value_dim=rank, device=device, latent=True)
        case _:
            return None


def _borrowed(model: Model, own: dict[int, Kv]) -> Iterator[tuple[int, Kv]]:
    """Layers that share a cache read that of the last layer of their kind that has one.

    Source: llama.cpp 0c1e57098, src/llama-model.cpp, create_memory, layer_reuse_cb.
    """
    for i, layer in enumerate(model.layers):
        for mixer in layer.mixers:
            if isinstance(mixer, Attention) and mixer.shares_cache:
                windowed = mixer.sliding_window is not None
                yield i, next(kv for kv in reversed(own.values()) if kv.windowed == windowed)
