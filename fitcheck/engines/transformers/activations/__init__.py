"""The most that lives beside weights and cache, found by playing a forward pass step by step."""

from collections.abc import Callable
from typing import Final, NamedTuple

from msgspec.structs import replace

from fitcheck.architecture import Layer, Model
from fitcheck.engines.transformers.activations.layer import head, layer
from fitcheck.engines.transformers.activations.linear import PLAIN, Packed
from fitcheck.engines.transformers.activations.script import Amounts, Piece, Script, amounts
from fitcheck.engines.transformers.activations.step import Attention, Pass, Phase
from fitcheck.engines.transformers.activations.survey import Survey, sliding_window
from fitcheck.engines.transformers.eras import FLOAT_LOGITS, NOW, Era

__all__ = ["Activations", "Packed", "Peak"]

PHASES: Final[tuple[Phase, Phase]] = ("prefill", "decode")


class Part(NamedTuple):
    """The scripts of one kind of layer (or of the head).

    `window` is what its own attention sees; `plain` is played below the model's window, `masked`
    from there on.
    """

    window: int | None
    plain: Script
    masked: Script


class Peak(NamedTuple):
    """The most alive in a phase: bytes, and what they are, each with its number of units."""

    size: int
    pieces: list[Piece]
    amounts: Amounts


class Activations:
    """A model's passes under one implementation of attention."""

    def __init__(
        self,
        model: Model,
        attention: Attention,
        itemsize: int,
        *,
        kernels: bool = True,
        padded: bool = False,
        era: Era = NOW,
        packed: Callable[[Layer], Packed] = lambda this: PLAIN,
    ) -> None:
        seen = Survey(model)
        self.chunk = seen.style.chunk
        self.smallest = min((w for w in seen.windows if w is not None), default=None)
        first = Pass(
            phase="prefill",
            attention=attention,
            masked=False,
            mask_bytes=0,
            padded=padded,
            era=era,
            float_logits=model.model_type in FLOAT_LOGITS,
            rotated=seen.rotated,
            itemsize=itemsize,
            hidden_size=model.hidden_size,
            vocab_size=model.vocab_size,
            heads=seen.heads,
            layer_embeddings=seen.layer_embeddings,
            positions=model.context_length or 0,
            chunk=self.chunk,
            kernels=kernels,
            packed=PLAIN,
            norm=seen.norm,
            style=seen.style,
        )
        self.parts: dict[Phase, list[Part]] = {
            phase: _parts(seen, replace(first, phase=phase), packed) for phase in PHASES
        }

    def peak(self, phase: Phase, batch: int, tokens: int, *, head: bool = True) -> Peak:
        """The most alive while `tokens` arrive at once, or while the last of so many is made.

        Without the `head` it is what a card with layers alone sees.
        """
        best: tuple[int, int, Script | None, Amounts] = (0, 0, None, ())
        beyond = self.smallest is not None and tokens >= self.smallest
        parts = self.parts[phase]
        for window, plain, masked in parts if head else parts[:-1]:
            seen = _amounts(phase, batch, tokens, window, self.chunk)
            script = masked if beyond else plain
            size, at = script.peak(seen)
            if size > best[0]:
                best = (size, at, script, seen)
        size, at, found, seen = best
        return Peak(size, found.alive(at) if found else [], seen)


def _amounts(phase: Phase, batch: int, tokens: int, window: int | None, chunk: int) -> Amounts:
    if phase == "prefill":
        return amounts(batch, tokens, tokens, 0, tokens, chunk)
    keys = tokens if window is None else min(tokens, window)
    return amounts(batch, 1, keys, min(tokens - 1, keys), tokens, chunk)


def _parts(seen: Survey, first: Pass, packed: Callable[[Layer], Packed]) -> list[Part]:
    """One part for each kind of layer, where it is last, and one for the head."""
    sliding = bool(seen.windows - {None})
    below, beyond = seen.mask_bytes(first, False), seen.mask_bytes(first, True)
    parts = []
    for this, place, later in seen.kinds:
        window = sliding_window(this)
        owed = later if first.phase == "prefill" else 0
        always = first.attention == "eager" or first.padded or seen.style.always_masked
        matrices = packed(this)
        near = replace(first, masked=always, mask_bytes=below, packed=matrices)
        plain = masked = layer(near, this, place == 0, owed)
        if sliding:
            given = always or window is not None
            far = replace(first, masked=given, mask_bytes=beyond, packed=matrices)
            masked = layer(far, this, place == 0, owed)
        parts.append(Part(window, plain, masked))
    end = head(replace(first, mask_bytes=below))
    parts.append(Part(None, end, end))
    return parts
