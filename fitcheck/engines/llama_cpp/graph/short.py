"""Which layers of a model to draw: after a few equal ones, more change nothing about the peak."""

from collections.abc import Hashable, Sequence
from typing import Final

# A layer, or a pattern of up to so many, that makes up half of the model or more is drawn less
# often than it comes: a layer 8 times, a pattern twice, and the rest of a turn more, because the
# allocator swaps places from layer to layer and is back after 2 or 3. These are the smallest
# numbers with which no peak of llamacpp_buffers.csv and llamacpp_heldout.csv changes.
_LONGEST_PATTERN: Final = 8
_KEPT_LAYERS: Final = 8
_KEPT_PATTERNS: Final = 2
_LAYERS_TURN: Final = 6
_PATTERNS_TURN: Final = 2


def representatives(kinds: Sequence[Hashable]) -> list[int]:
    """The numbers of the layers to draw, of layers of these kinds; the last is always drawn."""
    found: list[int] = []
    start = 0
    while start < len(kinds):
        length, count = _repetition(kinds, start)
        kept = count
        if 2 * length * count >= len(kinds):
            few, turn = _KEPT_PATTERNS, _PATTERNS_TURN
            if length == 1:
                few, turn = _KEPT_LAYERS, _LAYERS_TURN
            kept = min(count, few + (count - few) % turn)
        end = start + count * length
        found += range(end - kept * length, end)
        start = end
    return found


def _repetition(kinds: Sequence[Hashable], start: int) -> tuple[int, int]:
    """The pattern's length and count that take up most of what comes next."""
    best = (1, 1)
    for length in range(1, _LONGEST_PATTERN + 1):
        count = 1
        pattern = kinds[start : start + length]
        while kinds[start + count * length : start + (count + 1) * length] == pattern:
            count += 1
        if count > 1 and length * (count - 1) > best[0] * (best[1] - 1):
            best = (length, count)
    return best
