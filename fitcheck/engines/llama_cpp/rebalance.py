"""Several cards, filled in turn: proportions that leave no card short where llama.cpp's own do.

By default llama.cpp divides layers as free memory is divided, which leaves out that the last card
has the output matrix and that small cards spend a larger part on buffers. Its own `--fit`, which
moves layers too, keeps 1 GiB of each card free (0c1e57098, common/fit.cpp); here what surely fits
is enough.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from fitcheck.engines.base import Range, Workload
from fitcheck.engines.llama_cpp.gguf import GgufFile
from fitcheck.search import largest
from fitcheck.units import Bytes

SPLIT: Final = "tensor_split"
_TOLD: Final = frozenset({SPLIT, "split_mode", "n_gpu_layers", "n_cpu_moe"})


class Divided(Protocol):
    """What is asked of a model in llama.cpp to fill cards."""

    @property
    def file(self) -> GgufFile:
        """Its tensors."""
        ...

    def totals(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Range, ...]:
        """Totals on each card."""
        ...


def rebalanced(loaded: Divided, workload: Workload, usable: Sequence[Bytes]) -> Workload | None:
    """As many layers on each card as surely go in, in turn; None where some are left over."""
    if _TOLD & workload.settings.keys():
        return None
    left, counts = loaded.file.block_count + 1, list[int]()
    for card in range(len(usable) - 1):
        behind = len(usable) - card - 1

        def lacks(count: int, card: int = card, left: int = left, behind: int = behind) -> int:
            told = _told(workload, _shares(counts, count, left - count, behind))
            return loaded.totals(told, usable)[card].high - usable[card]

        counts.append(largest(lacks, left) or 0)
        left -= counts[-1]
    found = _told(workload, [*counts, left])
    totals = loaded.totals(found, usable)
    fits = all(t.high <= u for t, u in zip(totals, usable, strict=True))
    return found if fits and 0 not in (*counts, left) else None


def _shares(before: Sequence[int], count: int, rest: int, behind: int) -> list[int]:
    """The cards behind share the rest evenly, the last one what is over."""
    even = rest // behind
    return [*before, count, *[even] * (behind - 1), rest - even * (behind - 1)]


def _told(workload: Workload, counts: Sequence[int]) -> Workload:
    told = {SPLIT: ",".join(map(str, counts))}
    return msgspec.structs.replace(workload, settings={**workload.settings, **told})
