"""One forward pass as its scripts see it, and its normalisations."""

from typing import Literal

import msgspec

from fitcheck.engines.transformers.activations.script import TOKEN, Piece, Script, Shape
from fitcheck.engines.transformers.activations.style import Style
from fitcheck.engines.transformers.eras import Era

Phase = Literal["prefill", "decode"]
Attention = Literal["eager", "sdpa", "flash"]
Norm = Literal["rms", "layer", "cohere"]


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass computes (`prefill`: the prompt, `decode`: one token) and how.

    `attention` is the implementation, `masked` whether the layer's is given a mask, `mask_bytes`
    what the masks that the model has made take for each pair of tokens. `padded` says that prompts
    differ in length, `era` is what an older version does otherwise, `float_logits` that it makes
    logits in fp32. `rotated` is the numbers of a head that layers rotate, `heads` how many it has,
    `layer_embeddings` the numbers that a token is looked up in for the layers (Gemma 3n),
    `positions` how many it was made for, `chunk` the tokens that recurrent layers read at once,
    `kernels` whether theirs are installed. `norm` is how it norms, `itemsize` the bytes of one
    number.
    """

    phase: Phase
    attention: Attention
    masked: bool
    mask_bytes: int
    padded: bool
    era: Era
    float_logits: bool
    rotated: int
    itemsize: int
    hidden_size: int
    vocab_size: int
    positions: int
    chunk: int
    kernels: bool
    heads: int
    layer_embeddings: int
    norm: Norm
    style: Style

    @property
    def hidden(self) -> Shape:
        """A row of the residual stream."""
        return {"hidden_size": self.hidden_size, "itemsize": self.itemsize}


def in_fp32(shape: Shape) -> Shape:
    """The same row with four bytes for each number."""
    return {**shape, "itemsize": 4}


def norm(s: Script, p: Pass, of: Shape, unit: int = TOKEN) -> Piece:
    """A normalised copy of something that stays: RMS norms go through fp32, LayerNorm does not."""
    if p.norm != "layer":
        _rms(s, of, unit, p.norm == "cohere")
    return s.take("normed", unit, of)


def _rms(s: Script, of: Shape, unit: int, centred: bool) -> None:
    wide = in_fp32(of)
    copies = [s.take("fp32 copy to be normed", unit, wide)]
    copies += [s.take("fp32 copy, centred", unit, wide)] if centred else []
    squares = s.take("squares in fp32", unit, wide)
    s.drop(squares)
    scaled = s.take("normed in fp32", unit, wide)
    s.drop(*copies)
    cast = s.take("normed, cast back", unit, of)
    s.drop(cast, scaled)


def multiply(s: Script, p: Pass, name: str, shape: Shape, role: str) -> Piece:
    """What comes out of a matrix, every token multiplied by it."""
    return s.product(name, TOKEN, shape, role)


def through(s: Script, p: Pass, x: Piece, name: str, shape: Shape, role: str) -> Piece:
    """The same, of an input that nothing holds afterwards."""
    result = multiply(s, p, name, shape, role)
    s.drop(x)
    return result
