"""The most that lives beside weights and cache, found by playing a forward pass step by step."""

from collections.abc import Callable
from typing import Final, NamedTuple

from fitcheck.architecture import Attention as Attends
from fitcheck.architecture import LatentAttention, Layer, Mixer, Model
from fitcheck.engines.transformers.activations.layer import head, layer
from fitcheck.engines.transformers.activations.linear import PLAIN, Packed
from fitcheck.engines.transformers.activations.script import Amounts, Piece, Script, amounts
from fitcheck.engines.transformers.activations.step import Attention, Pass, Phase
from fitcheck.engines.transformers.activations.style import Style, style

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
        all_logits: bool = False,
        packed: Callable[[Layer], Packed] = lambda this: PLAIN,
    ) -> None:
        windows = _windows(model)
        self.chunk = style(model.model_type).chunk
        self.smallest = min((w for w in windows if w is not None), default=None)
        self.parts: dict[Phase, list[Part]] = {
            phase: _parts(
                model, _Way(attention, phase, itemsize, kernels, padded, all_logits), packed
            )
            for phase in PHASES
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


class _Way(NamedTuple):
    """How a pass is run, the same for all layers."""

    attention: Attention
    phase: Phase
    itemsize: int
    kernels: bool
    padded: bool
    all_logits: bool


def _parts(model: Model, way: _Way, packed: Callable[[Layer], Packed]) -> list[Part]:
    """One part for each kind of layer, where it is last, and one for the head."""
    habits, windows = style(model.model_type), _windows(model)
    rotated = max(_rotated(m, habits) for this, _ in model.kinds for m in (*this.mixers, None))
    heads = _heads(model)
    norm = habits.norm or ("layer" if _has_biased_norms(model) else "rms")

    def a_pass(window: int | None, beyond: bool, matrices: Packed = PLAIN) -> Pass:
        given = way.padded or habits.always_masked or (beyond and window is not None)
        return Pass(
            phase=way.phase,
            attention=way.attention,
            masked=way.attention == "eager" or given,
            mask_bytes=_mask_bytes(way, habits, windows, beyond),
            padded=way.padded,
            all_logits=way.all_logits,
            rotated=rotated,
            itemsize=way.itemsize,
            hidden_size=model.hidden_size,
            vocab_size=model.vocab_size,
            heads=heads,
            positions=model.context_length or 0,
            chunk=habits.chunk,
            kernels=way.kernels,
            packed=matrices,
            norm=norm,
            style=habits,
        )

    sliding = bool(windows - {None})
    parts = []
    for this, place, later in _last_of_kinds(model):
        window = _window(this)
        first, owed = place == 0, later if way.phase == "prefill" else 0
        matrices = packed(this)
        plain = layer(a_pass(window, False, matrices), this, first, owed)
        masked = layer(a_pass(window, True, matrices), this, first, owed) if sliding else plain
        parts.append(Part(window, plain, masked))
    end = head(a_pass(None, False))
    parts.append(Part(None, end, end))
    return parts


def _mask_bytes(way: _Way, habits: Style, windows: set[int | None], beyond: bool) -> int:
    """Eager attention is given a mask of numbers for each window; SDPA one of bools if need be.

    Source: masking_utils.py, sdpa_mask and eager_mask.
    """
    if way.attention == "flash" or not windows:
        return 0
    if way.attention == "eager":
        return way.itemsize * (len(windows) + habits.spare_masks)
    if way.padded or habits.always_masked:
        return habits.spare_masks + len(windows)
    return habits.spare_masks + (len(windows - {None}) if beyond else 0)


def _rotated(mixer: Mixer | None, habits: Style) -> int:
    """Numbers of each head that are rotated."""
    if isinstance(mixer, Attends) and mixer.position == "rope":
        return int(mixer.head_dim * habits.rope.share)
    return mixer.qk_rope_head_dim if isinstance(mixer, LatentAttention) else 0


def _heads(model: Model) -> int:
    """Attention heads of a layer that has any."""
    mixers = (m for this, _ in model.kinds for m in this.mixers)
    return next((m.num_attention_heads for m in mixers if isinstance(m, Attends)), 0)


def _has_biased_norms(model: Model) -> bool:
    """Norms that shift as well as scale are LayerNorms."""
    return any(t.role.endswith("norm.bias") for t in model.layers[0].tensors)


def _window(this: Layer) -> int | None:
    return next((m.sliding_window for m in this.mixers if isinstance(m, Attends)), None)


def _windows(model: Model) -> set[int | None]:
    """How far the model's attention sees; None is all the way, and no layer may have any."""
    seen = (Attends, LatentAttention)
    return {
        getattr(m, "sliding_window", None)
        for this, _ in model.kinds
        for m in this.mixers
        if isinstance(m, seen)
    }


def _last_of_kinds(model: Model) -> list[tuple[Layer, int, int]]:
    """Each kind of layer, where it stands last, and what a token's later layers cache."""
    seen: dict[int, tuple[Layer, int, int]] = {}
    later = 0
    for place in range(len(model.layers) - 1, -1, -1):
        this = model.layers[place]
        if id(this) not in seen:
            seen[id(this)] = (this, place, later)
        later += sum(m.cached_values(1) for m in this.mixers)
    return list(seen.values())
