"""What the cache holds between steps: keys and values, latent rows, recurrent states.

Source: transformers 5.23.0, cache_utils.py (2026): DynamicLayer keeps every token,
DynamicSlidingWindowLayer the last `sliding_window` - 1 as a view of a tensor with one more; after
the prompt that tensor is the whole prompt's, until the next step replaces it.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from fitcheck.architecture import (
    Attention,
    CompressedAttention,
    CrossAttention,
    GatedDeltaNet,
    LatentAttention,
    LinearAttention,
    Mamba,
    Mamba2,
    Mixer,
    Model,
    RecurrentBlock,
    ShortConv,
)
from fitcheck.engines.base import Component, Term
from fitcheck.engines.transformers.eras import HYBRID, NOW, Era
from fitcheck.units import Bytes

SOURCE: Final = "transformers 5.23.0, cache_utils.py, DynamicCache"

# Each sliding layer holds its window as a whole number on the card.
WINDOW_BYTES: Final = 8

# Classes that repeat keys and values for every head before they are cached (Falcon 40B and 180B),
# and one that has no cache: it computes the whole sequence at each step.
REPEATS_BEFORE: Final = frozenset({"falcon"})
NO_CACHE: Final = frozenset({"openai-gpt"})


class Kept(NamedTuple):
    """Alike layers: how many, how far they see, and numbers that they cache for a token.

    With `every` the numbers are kept once for so many tokens (DeepSeek V4's entries).
    """

    layers: int
    window: int | None
    values: int
    every: int = 1


class Cache:
    """What a model keeps for its sequences."""

    def __init__(self, model: Model, itemsize: int, era: Era = NOW) -> None:
        layers: dict[tuple[int | None, int, int], int] = {}
        self.itemsize = itemsize
        self.state = 0
        for this, count in model.kinds:
            for mixer in this.mixers:
                self.state += count * state_bytes(mixer, itemsize)
                for key in _rows(model, mixer, era):
                    layers[key] = layers.get(key, 0) + count
        self.kept = [Kept(count, *key) for key, count in layers.items()]

    def size(self, batch: int, tokens: int, stepped: bool) -> int:
        """Bytes after so many tokens; `stepped` says that at least one was made after the prompt.

        With the prompt alone a sliding layer still holds the tensor of the whole prompt.
        """
        total = batch * self.state
        for layers, window, values, every in self.kept:
            seen = tokens if window is None or not stepped else min(tokens, window)
            total += batch * (seen // every) * layers * values * self.itemsize
            total += layers * WINDOW_BYTES if window is not None else 0
        return total

    def terms(self, batch: int, tokens: int, stepped: bool) -> Iterator[Term]:
        """A term for the layers of each window, and one for recurrent states."""
        for kept in self.kept:
            yield self._term(batch, tokens, stepped, kept)
        if self.state:
            yield _term(
                "recurrent_state",
                "recurrent and convolution states",
                "batch * state_bytes",
                {"batch": batch, "state_bytes": self.state},
                batch * self.state,
            )

    def _term(self, batch: int, tokens: int, stepped: bool, kept: Kept) -> Term:
        row = {"layers": kept.layers, "values": kept.values, "itemsize": self.itemsize}
        values = {"batch": batch, "context": tokens, **row}
        if kept.every > 1:
            size = batch * (tokens // kept.every) * kept.layers * kept.values * self.itemsize
            formula = "batch * (context // every) * layers * values * itemsize"
            values["every"] = kept.every
            return _term("kv_cache", "entries of several tokens each", formula, values, size)
        if kept.window is None:
            size = batch * tokens * kept.layers * kept.values * self.itemsize
            formula = "batch * context * layers * values * itemsize"
            return _term("kv_cache", "keys and values", formula, values, size)
        extra = f" + {WINDOW_BYTES} * layers"
        if not stepped:
            size = batch * tokens * kept.layers * kept.values * self.itemsize
            formula = "batch * context * layers * values * itemsize" + extra
            name = "keys and values of sliding layers, of the whole prompt until the next step"
        else:
            seen = min(tokens, kept.window)
            size = batch * seen * kept.layers * kept.values * self.itemsize
            formula = "batch * min(context, window) * layers * values * itemsize" + extra
            values["window"] = kept.window
            name = "keys and values of sliding layers"
        return _term("kv_cache", name, formula, values, size + WINDOW_BYTES * kept.layers)


def _term(
    component: Component, name: str, formula: str, values: Mapping[str, int], size: int
) -> Term:
    return Term(
        component=component,
        name=name,
        size=Bytes(size),
        formula=formula,
        values=values,
        source=SOURCE,
    )


def token_values(model: Model, mixer: Mixer, era: Era) -> int:
    """Numbers that one layer caches for one token."""
    if model.model_type in NO_CACHE:
        return 0
    if isinstance(mixer, Attention):
        repeated = model.model_type in REPEATS_BEFORE and mixer.num_key_value_heads > 1
        heads = mixer.num_attention_heads if repeated else mixer.num_key_value_heads
        return mixer.values_per_token // mixer.num_key_value_heads * heads
    if isinstance(mixer, LatentAttention):
        if era.looped:
            return mixer.num_attention_heads * (
                mixer.qk_nope_head_dim + mixer.qk_rope_head_dim + mixer.v_head_dim
            )
        return mixer.values_per_token + (mixer.index_head_dim or 0)
    return 0


def _rows(model: Model, mixer: Mixer, era: Era) -> Iterator[tuple[int | None, int, int]]:
    """Window, numbers and tokens to an entry, of all that a layer caches."""
    if isinstance(mixer, CompressedAttention):
        yield mixer.sliding_window, mixer.head_dim, 1
        if mixer.compress_ratio:
            yield None, mixer.head_dim + (mixer.index_head_dim or 0), mixer.compress_ratio
    elif values := token_values(model, mixer, era):
        whole = era.whole_cache and model.model_type not in HYBRID
        yield None if whole else getattr(mixer, "sliding_window", None), values, 1


def state_bytes(mixer: Mixer, itemsize: int) -> int:
    """Bytes of one layer's recurrent state for one sequence: fp32, its convolution's in 16 bits."""
    match mixer:
        case Mamba():
            return mixer.d_inner * (4 * mixer.d_state + itemsize * mixer.d_conv)
        case Mamba2():
            return 4 * mixer.d_inner * mixer.d_state + itemsize * mixer.conv_dim * mixer.d_conv
        case GatedDeltaNet():
            matrices = mixer.num_value_heads * mixer.key_head_dim * mixer.value_head_dim
            return 4 * matrices + itemsize * mixer.conv_dim * mixer.d_conv
        case ShortConv():
            return itemsize * mixer.channels * mixer.d_conv
        case RecurrentBlock():
            return 4 * mixer.lru_width + itemsize * mixer.lru_width * (mixer.d_conv - 1)
        case LinearAttention():
            return 4 * mixer.state_values()
        case Attention() | LatentAttention() | CrossAttention() | CompressedAttention():
            return 0
