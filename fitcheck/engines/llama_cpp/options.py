"""A workload in llama.cpp's own options.

Beside the workload's fields these `settings` are heeded, called as llama.cpp's options are:
`n_gpu_layers` and `n_cpu_moe` (numbers or `all`), `batch_size`, `cache_type_k`, `cache_type_v`,
`kv_unified`, `swa_full`, `kv_offload` and `mmproj` (`on` or `off`), `outputs`: how many tokens of a
batch may ask for logits, which llama-server limits to its slots; and for several cards
`split_mode`, `tensor_split` (proportions: `3,1`) and `main_gpu` (a number from 0).
"""

from collections.abc import Sequence
from math import isfinite
from typing import Final

from fitcheck.engines.base import Workload, fewest_first
from fitcheck.engines.llama_cpp.gguf import GgufFile
from fitcheck.engines.llama_cpp.placement import Split
from fitcheck.engines.llama_cpp.placement import split as divide
from fitcheck.engines.llama_cpp.settings import FlashAttention, Settings, cache_type
from fitcheck.errors import BadInput
from fitcheck.machine import Card

# llama.cpp 0c1e57098, common/common.h (October 2026).
BATCH: Final = 2048
UBATCH: Final = 512
# GGML_CUDA_MAX_DEVICES in ggml/include/ggml-cuda.h, which llama_max_devices returns.
MOST_DEVICES: Final = 16
_MODES: Final = {
    "row": "llama.cpp 0c1e57098 has no split by rows on CUDA any more",
    "tensor": "tensors divided by llama.cpp are experimental, and not counted here",
}
_FLASH: Final[dict[str, FlashAttention]] = {"auto": "auto", "flash": "on", "eager": "off"}


def settings(workload: Workload) -> Settings:
    """What llama.cpp is started with.

    `context` tokens are for each of `batch` sequences; slots beyond them share what there is, as
    `-c` and `-np` have it. Raises BadInput and UnknownName on what llama.cpp does not know.
    """
    kv_cache = workload.kv_cache or "f16"
    flash = _FLASH.get(workload.attention or "auto")
    if flash is None:
        raise BadInput(f"llama.cpp has flash and eager attention, not {workload.attention}")
    unified = flag(workload, "kv_unified")
    return Settings(
        context=workload.context * (1 if unified else workload.batch),
        batch=number(workload, "batch_size") or BATCH,
        ubatch=workload.ubatch or UBATCH,
        parallel=max(workload.parallel or 1, workload.batch),
        kv_unified=unified,
        cache_type_k=cache_type(workload.settings.get("cache_type_k", kv_cache)),
        cache_type_v=cache_type(workload.settings.get("cache_type_v", kv_cache)),
        flash_attention=flash,
        swa_full=flag(workload, "swa_full"),
        kv_offload=flag(workload, "kv_offload", default=True),
        outputs=number(workload, "outputs"),
    )


def split(workload: Workload, file: GgufFile, free: Sequence[int]) -> Split:
    """Where the layers go, on cards with so much free memory or in the proportions asked for.

    Raises BadInput where the proportions leave these cards nothing.
    """
    experts = workload.settings.get("n_cpu_moe")
    kept = file.block_count if experts == "all" else number(workload, "n_cpu_moe")
    asked = proportions(workload)
    shares = [*asked, *[0.0] * len(free)][: len(free)] if any(asked) else free
    if not any(shares):
        raise BadInput(f"tensor_split leaves nothing for the first {len(free)} cards")
    return divide(file, number(workload, "n_gpu_layers"), shares, cpu_moe=kept)


def proportions(workload: Workload) -> tuple[float, ...]:
    """`3,1` or `3/1` as numbers; empty where nothing is asked. Source: common/arg.cpp.

    Raises BadInput for other text.
    """
    text = workload.settings.get("tensor_split")
    if text is None:
        return ()
    try:
        found = tuple(float(word) for word in text.replace("/", ",").split(","))
    except ValueError:
        found = (-1.0,)
    if len(found) > MOST_DEVICES or not all(isfinite(n) and 0 <= n < 1e30 for n in found):
        raise BadInput(f"tensor_split is '{text[:40]}', not proportions of cards (3,1)")
    return found


def one_card(workload: Workload) -> bool:
    """Whether a single card is used, whatever there are. Raises BadInput on other modes.

    Source: llama.cpp 0c1e57098, common/arg.cpp; src/llama-model.cpp, make_gpu_buft_list, which
    throws for rows: ggml-cuda no longer has buffers that are split.
    """
    mode = workload.settings.get("split_mode", "layer")
    if mode not in ("layer", "none"):
        why = _MODES.get(mode, f"'{mode[:40]}' is none of llama.cpp's")
        raise BadInput(f"split_mode: {why}; there are layer and none")
    return mode == "none"


def choices(cards: Sequence[Card], workload: Workload) -> Sequence[tuple[Card, ...]]:
    """The sets of cards to try: the main one alone, all in proportions, or the fewest that do.

    Raises BadInput where a card that is not there is named.
    """
    if one_card(workload):
        main = number(workload, "main_gpu") or 0
        if main >= len(cards):
            raise BadInput(f"main_gpu is {main}, the last card is {len(cards) - 1}")
        return [(cards[main],)]
    asked = proportions(workload)
    if len(asked) > len(cards):
        raise BadInput(f"tensor_split names {len(asked)} cards, there are {len(cards)}")
    return [tuple(cards)] if any(asked) else list(fewest_first(cards))


def number(workload: Workload, key: str) -> int | None:
    """A whole number among the settings, None if it is not there or `all`.

    Raises BadInput for other text.
    """
    text = workload.settings.get(key)
    if text is None or text == "all":
        return None
    if not text.isdecimal() or len(text) > 9:
        raise BadInput(f"{key} is '{text[:40]}', not a number or all")
    return int(text)


def flag(workload: Workload, key: str, *, default: bool = False) -> bool:
    """A switch among the settings. Raises BadInput for what is neither on nor off."""
    text = workload.settings.get(key)
    if text is None:
        return default
    if text not in ("on", "off"):
        raise BadInput(f"{key} is '{text[:40]}', not on or off")
    return text == "on"
