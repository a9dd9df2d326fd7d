"""The most that lives beside weights and cache, found by playing a forward pass step by step."""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from fitcheck.architecture import Layer, Model
from fitcheck.engines.transformers.activations.layer import head, layer
from fitcheck.engines.transformers.activations.linear import Packed, packed
from fitcheck.engines.transformers.activations.script import Amounts, Piece, Script, amounts
from fitcheck.engines.transformers.activations.step import Attention, Pass, Phase
from fitcheck.engines.transformers.activations.survey import Survey, sliding_window
from fitcheck.engines.transformers.eras import FLOAT_LOGITS, NOW, Era

__all__ = ["Activations", "Key", "Packed", "Peak", "passes"]

PHASES: Final[tuple[Phase, Phase]] = ("prefill", "decode")


class Part(NamedTuple):
    """The scripts of one kind of layer (or of the head, which is no layer).

    `window` is what its own attention sees; `plain` is played below the model's window, `masked`
    from there on.
    """

    layer: Layer | None
    window: int | None
    plain: Script
    masked: Script


class Peak(NamedTuple):
    """The most alive in a phase: bytes, where in which script, and its number of units."""

    size: int
    at: int
    script: Script | None
    amounts: Amounts

    @property
    def pieces(self) -> list[Piece]:
        """What is alive then."""
        return self.script.alive(self.at) if self.script else []


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's passes depend on beside the model."""

    attention: Attention
    itemsize: int
    kernels: bool = True
    padded: bool = False
    era: Era = NOW


class Activations:
    """A model's passes: `parts` by phase, the head last."""

    def __init__(
        self, parts: dict[Phase, list[Part]], smallest_window: int | None, chunk: int
    ) -> None:
        self.parts = parts
        self.smallest = smallest_window
        self.chunk = chunk

    def packed(self, matrices: Callable[[Layer], Packed]) -> "Activations":
        """The same passes with some of each layer's matrices packed."""
        parts = {
            phase: [_packed(part, matrices) for part in found]
            for phase, found in self.parts.items()
        }
        return Activations(parts, self.smallest, self.chunk)

    def peak(self, phase: Phase, batch: int, tokens: int, *, head: bool = True) -> Peak:
        """The most alive while `tokens` arrive at once, or while the last of so many is made.

        Without the `head` it is what a card with layers alone sees.
        """
        best = Peak(0, 0, None, ())
        beyond = self.smallest is not None and tokens >= self.smallest
        parts = self.parts[phase]
        for _, window, plain, masked in parts if head else parts[:-1]:
            seen = _amounts(phase, batch, tokens, window, self.chunk)
            script = masked if beyond else plain
            size, at = script.peak(seen)
            if size > best.size:
                best = Peak(size, at, script, seen)
        return best


# Those of the models asked about last: a model is asked about under several schemes in turn.
_RECENT: Final[deque[tuple[Model, Key, Activations]]] = deque(maxlen=4)


def passes(model: Model, key: Key) -> Activations:
    """A model's passes in 16 or 32 bits."""
    for known, same, found in _RECENT:
        if known is model and same == key:
            return found
    made = _passes(model, key)
    _RECENT.append((model, key, made))
    return made


def _passes(model: Model, key: Key) -> Activations:
    seen = Survey(model)
    first = Pass(
        phase="prefill",
        attention=key.attention,
        masked=False,
        mask_bytes=0,
        padded=key.padded,
        era=key.era,
        float_logits=model.model_type in FLOAT_LOGITS,
        rotated=seen.rotated,
        itemsize=key.itemsize,
        hidden_size=model.hidden_size,
        vocab_size=model.vocab_size,
        heads=seen.heads,
        layer_embeddings=seen.layer_embeddings,
        positions=model.context_length or 0,
        chunk=seen.style.chunk,
        kernels=key.kernels,
        norm=seen.norm,
        style=seen.style,
    )
    smallest = min((w for w in seen.windows if w is not None), default=None)
    parts = {phase: _parts(seen, replace(first, phase=phase)) for phase in PHASES}
    return Activations(parts, smallest, seen.style.chunk)


def _packed(part: Part, matrices: Callable[[Layer], Packed]) -> Part:
    if part.layer is None:
        return part
    found = matrices(part.layer)
    plain = packed(part.plain, found)
    masked = plain if part.masked is part.plain else packed(part.masked, found)
    return Part(part.layer, part.window, plain, masked)


def _amounts(phase: Phase, batch: int, tokens: int, window: int | None, chunk: int) -> Amounts:
    if phase == "prefill":
        return amounts(batch, tokens, tokens, 0, tokens, chunk)
    keys = tokens if window is None else min(tokens, window)
    return amounts(batch, 1, keys, min(tokens - 1, keys), tokens, chunk)


def _parts(seen: Survey, first: Pass) -> list[Part]:
    """One part for each kind of layer, where it is last, and one for the head."""
    sliding = bool(seen.windows - {None})
    below, beyond = seen.mask_bytes(first, False), seen.mask_bytes(first, True)
    parts = []
    for this, place, later in seen.kinds:
        window = sliding_window(this)
        owed = later if first.phase == "prefill" else 0
        always = first.attention == "eager" or first.padded or seen.style.always_masked
        near = replace(first, masked=always, mask_bytes=below)
        plain = masked = layer(near, this, place == 0, owed)
        if sliding:
            given = always or window is not None
            far = replace(first, masked=given, mask_bytes=beyond)
            masked = layer(far, this, place == 0, owed)
        parts.append(Part(this, window, plain, masked))
    end = head(replace(first, mask_bytes=below))
    parts.append(Part(None, None, end, end))
    return parts
