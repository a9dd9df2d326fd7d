"""What all scripts of a model have in common, found once."""

from msgspec.structs import replace

from fitcheck.architecture import Attention, LatentAttention, Layer, Mixer, Model
from fitcheck.engines.transformers.activations.step import Norm, Pass
from fitcheck.engines.transformers.activations.style import Style, style


class Survey:
    """A model's kinds of layer, windows and widths, and the habits of its class.

    `kinds` are (layer, where it stands last, numbers that a token's later layers cache); `windows`
    how far attention sees, None all the way, empty where there is none.
    """

    def __init__(self, model: Model) -> None:
        self.style = _habits(model)
        self.kinds = _last_of_kinds(model)
        mixers = [m for this, _, _ in self.kinds for m in this.mixers]
        attending = [m for m in mixers if isinstance(m, Attention | LatentAttention)]
        self.windows: set[int | None] = {getattr(m, "sliding_window", None) for m in attending}
        self.rotated = max((_rotated(m, self.style) for m in mixers), default=0)
        self.heads = next((m.num_attention_heads for m in attending), 0)
        self.layer_embeddings = sum(
            t.shape[1] for t in model.tensors if t.role == "per_layer_token_embd"
        )
        self.norm: Norm = self.style.norm or _norm(model)

    def mask_bytes(self, p: Pass, beyond: bool) -> int:
        """What masks take for a pair of tokens, below the model's window and `beyond` it.

        Eager attention is given a mask of numbers for each window; SDPA one of bools if need be.
        Source: transformers 5.23.0, masking_utils.py, sdpa_mask and eager_mask.
        """
        if p.attention == "flash" or not self.windows:
            return 0
        if p.attention == "eager":
            return p.itemsize * (len(self.windows) + self.style.spare_masks)
        if p.padded or self.style.always_masked:
            return self.style.spare_masks + len(self.windows)
        return self.style.spare_masks + (len(self.windows - {None}) if beyond else 0)


def _habits(model: Model) -> Style:
    """The class's, with the share that this model rotates where the class rotates a part."""
    found = style(model.model_type)
    if model.partial_rotary_factor is None or found.rope.share == 1:
        return found
    return replace(found, rope=replace(found.rope, share=model.partial_rotary_factor))


def sliding_window(this: Layer) -> int | None:
    """How far a layer's attention sees, None all the way."""
    return next((m.sliding_window for m in this.mixers if isinstance(m, Attention)), None)


def _rotated(mixer: Mixer, habits: Style) -> int:
    """Numbers of each head that are rotated."""
    if isinstance(mixer, Attention) and mixer.position == "rope":
        return int(mixer.head_dim * habits.rope.share)
    return mixer.qk_rope_head_dim if isinstance(mixer, LatentAttention) else 0


def _norm(model: Model) -> Norm:
    """Norms that shift as well as scale are LayerNorms."""
    biased = any(t.role.endswith("norm.bias") for t in model.layers[0].tensors)
    return "layer" if biased else "rms"


def _last_of_kinds(model: Model) -> list[tuple[Layer, int, int]]:
    """Each kind of layer, where it stands last, and what a token's later layers cache."""
    seen: dict[int, tuple[Layer, int, int]] = {}
    cached: dict[int, int] = {}
    later = 0
    for place in range(len(model.layers) - 1, -1, -1):
        this = model.layers[place]
        if id(this) not in seen:
            seen[id(this)] = (this, place, later)
            cached[id(this)] = sum(m.cached_values(1) for m in this.mixers)
        later += cached[id(this)]
    return list(seen.values())
