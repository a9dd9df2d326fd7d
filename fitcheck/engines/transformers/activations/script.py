"""What a forward pass takes and drops, in order, and the most that lives at once.

A script is a list of steps. Each takes or drops a tensor of so many bytes for every unit of
something the workload says: a token, a pair of tokens that attend to each other, a cached token.
Played with the amounts of a workload it gives the peak, and replayed up to there it says what was
alive: what is explained is what was counted.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from fitcheck.units import round_up

# What a tensor grows with. `q` tokens of each sequence are computed, `k` keys are looked at.
ONCE: Final = 0
SEQUENCE: Final = 1  # batch
TOKEN: Final = 2  # batch * q
SCORE: Final = 3  # batch * q * k
KEY: Final = 4  # batch * k
PAST: Final = 5  # batch * keys that were cached before this pass
POSITION: Final = 6  # q: what all sequences share
PAIR: Final = 7  # q * k: a mask that all sequences share
ODD_SCORE: Final = 8  # batch * q * k, k rounded up to 16, where it is not a multiple of 16
CONTEXT: Final = 9  # batch * tokens seen so far, whatever a window hides
MANY_KEYS: Final = 10  # batch * k, where there is more than one sequence
EVEN_SCORE: Final = 11  # batch * q * k, where k is a multiple of 16
CHUNK: Final = 12  # batch * q, q rounded up to whole chunks
MANY: Final = 13  # once, if more than four tokens are computed at once
MANY_SCORE: Final = 14  # batch * q * k, where there is more than one sequence

Amounts = tuple[int, ...]
Shape = Mapping[str, int]
PREFILL: Final = (
    "", "batch", "batch * prompt", "batch * prompt * prompt", "batch * prompt", "0 * batch",
    "prompt", "prompt * prompt",
    "batch * prompt * ceil_div(prompt, 16) * 16 * min(prompt % 16, 1)",
    "batch * prompt", "batch * prompt * min(batch - 1, 1)",
    "batch * prompt * prompt * (1 - min(prompt % 16, 1))",
    "batch * ceil_div(prompt, chunk) * chunk",
    "min(max(batch * prompt - 4, 0), 1)",
    "batch * prompt * prompt * min(batch - 1, 1)",
)  # fmt: skip
DECODE: Final = (
    "", "batch", "batch", "batch * keys", "batch * keys", "batch * past", "", "keys",
    "batch * ceil_div(keys, 16) * 16 * min(keys % 16, 1)",
    "batch * context", "batch * keys * min(batch - 1, 1)",
    "batch * keys * (1 - min(keys % 16, 1))",
    "batch",
    "min(max(batch - 4, 0), 1)",
    "batch * keys * min(batch - 1, 1)",
)  # fmt: skip


def amounts(batch: int, q: int, k: int, past: int, context: int, chunk: int) -> Amounts:
    """How many units of each kind there are."""
    tokens, keys = batch * q, batch * k
    scores = tokens * k
    odd, even = (tokens * round_up(k, 16), 0) if k % 16 else (0, scores)
    many, many_scores = (keys, scores) if batch > 1 else (0, 0)
    return (
        1, batch, tokens, scores, keys, batch * past, q, q * k, odd, batch * context, many, even,
        batch * round_up(q, chunk), int(tokens > 4), many_scores,
    )  # fmt: skip


class Piece(NamedTuple):
    """A tensor: its name, what it grows with, its bytes for one unit and what they are made of."""

    name: str
    unit: int
    size: int
    factors: Mapping[str, int]


class Script:
    """Steps of a pass through one layer, or through what comes before and after the layers."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, Piece]] = []
        self.products: list[tuple[int, str]] = []

    def take(self, name: str, unit: int, factors: Mapping[str, int]) -> Piece:
        """A tensor comes to life."""
        size = 1
        for factor in factors.values():
            size *= factor
        return self.keep(Piece(name, unit, size, factors))

    def keep(self, piece: Piece) -> Piece:
        """This very tensor comes to life."""
        self.steps.append((piece.unit, piece.size, piece))
        return piece

    def drop(self, *pieces: Piece) -> None:
        """Nothing holds these any more."""
        for piece in pieces:
            self.steps.append((piece.unit, -piece.size, piece))

    def swap(self, old: Piece, name: str, unit: int, factors: Mapping[str, int]) -> Piece:
        """A tensor made from an old one that is held until it is there."""
        new = self.take(name, unit, factors)
        self.drop(old)
        return new

    def product(self, name: str, unit: int, factors: Mapping[str, int], role: str) -> Piece:
        """A tensor comes to life as the product with the matrix of that role."""
        self.products.append((len(self.steps), role))
        return self.take(name, unit, factors)

    def peak(self, amounts: Amounts) -> tuple[int, int]:
        """The most bytes alive at once, and after how many steps."""
        alive = most = at = 0
        for number, (unit, size, _) in enumerate(self.steps, 1):
            alive += size * amounts[unit]
            if alive > most:
                most, at = alive, number
        return most, at

    def alive(self, at: int) -> list[Piece]:
        """What lives after so many steps, in the order in which it came."""
        pieces: dict[int, Piece] = {}
        for _, size, piece in self.steps[:at]:
            if size == piece.size:
                pieces[id(piece)] = piece
            else:
                del pieces[id(piece)]
        return list(pieces.values())
