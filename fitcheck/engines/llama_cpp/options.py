"""A workload in llama.cpp's own options.

Beside the workload's fields these `settings` are heeded, called as llama.cpp's options are:
`n_gpu_layers` and `n_cpu_moe` (numbers or `all`), `batch_size`, `cache_type_k`, `cache_type_v`,
`kv_unified`, `swa_full`, `kv_offload` and `mmproj` (`on` or `off`), and `outputs`: how many tokens
of a batch may ask for logits, which llama-server limits to its slots.
"""

from collections.abc import Sequence
from typing import Final

from fitcheck.engines.base import Workload
from fitcheck.engines.llama_cpp.gguf import GgufFile
from fitcheck.engines.llama_cpp.placement import Split
from fitcheck.engines.llama_cpp.placement import split as divide
from fitcheck.engines.llama_cpp.settings import FlashAttention, Settings, cache_type
from fitcheck.errors import BadInput

# llama.cpp 0c1e57098, common/common.h (October 2026).
BATCH: Final = 2048
UBATCH: Final = 512
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
    """Where the layers go, on cards with so much free memory."""
    experts = workload.settings.get("n_cpu_moe")
    kept = file.block_count if experts == "all" else number(workload, "n_cpu_moe")
    return divide(file, number(workload, "n_gpu_layers"), free, cpu_moe=kept)


def number(workload: Workload, key: str) -> int | None:
    """A whole number among the settings, None if it is not there or `all`."""
    text = workload.settings.get(key)
    if text is None or text == "all":
        return None
    if not text.isdecimal() or len(text) > 9:
        raise BadInput(f"{key} is '{text[:40]}', not a number or all")
    return int(text)


def flag(workload: Workload, key: str, *, default: bool = False) -> bool:
    """A switch among the settings."""
    text = workload.settings.get(key)
    if text is None:
        return default
    if text not in ("on", "off"):
        raise BadInput(f"{key} is '{text[:40]}', not on or off")
    return text == "on"
