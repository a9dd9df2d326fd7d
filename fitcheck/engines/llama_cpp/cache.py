"""llama.cpp's KV cache: cells for every layer that attends, in the types that were asked for.

Source: llama.cpp 0c1e57098, src/llama-kv-cache.cpp, src/llama-kv-cache-iswa.cpp,
src/llama-model.cpp (create_memory), src/llama-context.cpp (llama_init_from_model).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from fitcheck.engines.base import Component, Term
from fitcheck.engines.llama_cpp.graph.kv import Kv, caches, index_caches, other_caches
from fitcheck.engines.llama_cpp.graph.plan import Subject
from fitcheck.engines.llama_cpp.graph.tensors import HOST
from fitcheck.engines.llama_cpp.placement import CARD_ALIGNMENT, CARD_ROW_PADDING, Split
from fitcheck.engines.llama_cpp.settings import CELLS_PADDING, CacheType, Settings
from fitcheck.errors import BadInput
from fitcheck.units import Bytes, ceil_div, round_up

_SOURCE: Final = "llama.cpp 0c1e57098, src/llama-kv-cache.cpp"
_SOURCE_OF_WINDOWS: Final = "llama.cpp 0c1e57098, src/llama-kv-cache-iswa.cpp"
_SOURCE_OF_FILLING: Final = (
    "llama.cpp 0c1e57098, ggml/src/ggml-cuda/ggml-cuda.cu, buffer_type_get_alloc_size"
)
_FORMULA: Final = (
    "layers * streams * cells * (key_width * key_block_bytes // key_block"
    " + value_width * value_block_bytes // value_block)"
)


def terms(subject: Subject, settings: Settings, split: Split, device: int) -> tuple[Term, ...]:
    """What the caches take on a card, or with HOST in the computer's memory.

    Raises BadInput where llama.cpp refuses the types.
    """
    check(subject, settings)
    on_cards = settings.kv_offload
    kvs = caches(subject.model, split, windowed=subject.windowed, on_cards=on_cards)
    own = [kvs[i] for i in sorted(kvs) if not _borrows(subject, i)]
    own += index_caches(subject.model, split, on_cards=on_cards).values()
    own += other_caches(subject.model, split, on_cards=on_cards)
    own = [kv for kv in own if kv.device == device]
    found = [_term(subject, settings, kv, own.count(kv)) for kv in dict.fromkeys(own)]
    if device != HOST:
        found += [f for kv in dict.fromkeys(own) for f in _filling(settings, kv, own.count(kv))]
    return tuple(found)


def _borrows(subject: Subject, layer: int) -> bool:
    return any(getattr(m, "shares_cache", False) for m in subject.model.layers[layer].mixers)


def _term(subject: Subject, settings: Settings, kv: Kv, layers: int) -> Term:
    cells = _cells(subject, settings, kv)
    streams = settings.parallel if kv.apart else settings.streams
    key_type, value_type = settings.cache_type_k, settings.cache_type_v
    values = {
        "layers": layers,
        "streams": streams,
        "cells": cells,
        "key_width": kv.heads * kv.key_dim,
        "key_block_bytes": key_type.block_bytes,
        "key_block": key_type.block,
        "value_width": _value_width(kv, settings),
        "value_block_bytes": value_type.block_bytes,
        "value_block": value_type.block,
    }
    row = key_type.size(values["key_width"]) + value_type.size(values["value_width"])
    component: Component = "host" if kv.device == HOST else "kv_cache"
    return Term(
        component=component,
        name=_name(kv),
        size=Bytes(layers * streams * cells * row),
        formula=_FORMULA,
        values=values,
        source=_SOURCE_OF_WINDOWS if kv.windowed else _SOURCE,
    )


def _cells(subject: Subject, settings: Settings, kv: Kv) -> int:
    if kv.windowed:
        return settings.window_cells(subject.window, apart=kv.apart)
    return round_up(ceil_div(settings.cells, kv.ratio), CELLS_PADDING)


def _name(kv: Kv) -> str:
    if kv.indexes:
        return "keys of the indexer"
    if kv.ratio > 1:
        return f"keys of {kv.ratio} tokens in one"
    return "keys and values" + (" of the sliding window" if kv.windowed else "")


def _filling(settings: Settings, kv: Kv, layers: int) -> Iterator[Term]:
    """What ggml-cuda adds behind a quantized cache so that its last row ends on a whole stride."""
    widths = {"keys": kv.heads * kv.key_dim, "values": _value_width(kv, settings)}
    types = {"keys": settings.cache_type_k, "values": settings.cache_type_v}
    for name, width in widths.items():
        t = types[name]
        missing = -width % CARD_ROW_PADDING
        if not t.quantized or not missing or not width:
            continue
        values = {
            "layers": layers,
            "missing": missing,
            "block": t.block,
            "block_bytes": t.block_bytes,
            "alignment": CARD_ALIGNMENT,
        }
        yield Term(
            component="overhead",
            name=f"filling behind {name}",
            size=Bytes(layers * round_up(t.size(missing), CARD_ALIGNMENT)),
            formula="layers * ceil_div(missing * block_bytes // block, alignment) * alignment",
            values=values,
            source=_SOURCE_OF_FILLING,
        )


def _value_width(kv: Kv, settings: Settings) -> int:
    """Values of a row: none of a latent cache, the widest layer's of a turned one."""
    if kv.latent:
        return 0
    return kv.widest_values if settings.turned_values else kv.heads * kv.value_dim


def check(subject: Subject, settings: Settings) -> None:
    """Raises BadInput with llama.cpp's reason where it refuses the cache's types."""
    keys, values = settings.cache_type_k, settings.cache_type_v
    if values.quantized and settings.flash_attention == "off":
        raise BadInput(
            f"llama.cpp keeps values as {values.name} with flash attention only, which is off"
        )
    everywhere = Split(starts=(0,))
    kvs = caches(subject.model, everywhere, windowed=subject.windowed, on_cards=True)
    if keys != values and any(kv.latent for kv in kvs.values()):
        raise BadInput(
            f"llama.cpp keeps a latent cache in one type, not in {keys.name} and {values.name}"
        )
    for problem in _uneven(kvs.values(), keys, values):
        raise BadInput(problem)


def _uneven(kvs: Iterable[Kv], keys: CacheType, values: CacheType) -> Iterator[str]:
    """Heads that the types' blocks do not divide."""
    for kv in kvs:
        for name, t, width in (("keys", keys, kv.key_dim), ("values", values, kv.value_dim)):
            if width % t.block:
                yield (
                    f"llama.cpp keeps {name} as {t.name} only where heads are a multiple of"
                    f" {t.block} wide, not {width}"
                )
