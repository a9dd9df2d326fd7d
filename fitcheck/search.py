"""The largest number for which nothing is missing, found by asking as little as can be."""

from collections.abc import Callable


def largest(
    missing: Callable[[int], int], limit: int, low: int = 0, lacks_low: int = 0
) -> int | None:
    """The largest number up to `limit` for which nothing is missing; None if there is none.

    `low`, if it is given, is a number that holds and lacks `lacks_low`. Memory grows with the
    number, nearly in a straight line, so each guess lies where the line through the ends meets
    zero, and every third halves what is left, for where it is no line.
    """
    if not low:
        low, lacks_low = 1, missing(1)
        if lacks_low > 0:
            return None
    if low >= limit or (lacks_high := missing(limit)) <= 0:
        return max(low, limit)
    high, turn = limit, 0
    while high - low > 1:
        turn += 1
        guess = (low + high) // 2
        if turn % 3:
            guess = low + (high - low) * -lacks_low // (lacks_high - lacks_low)
        guess = min(max(guess, low + 1), high - 1)
        lacks = missing(guess)
        if lacks > 0:
            high, lacks_high = guess, lacks
        else:
            low, lacks_low = guess, lacks
    return low
