"""A quantization scheme: its name, its layout, who runs it and what it costs."""

from typing import Literal

import msgspec

from fitcheck.quantization.layout import Layout

# The column of a table that a scheme stands in: what a person means by "INT4".
Precision = Literal["fp32", "fp16", "int8", "int4", "int3", "int2"]


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """One exact scheme, spelled as its engine spells it.

    `layout` is how a matrix that the scheme touches is stored; None for llama.cpp's mixtures, where
    each tensor has a type of its own. `bits` are nominal. `needs` names what a card must have
    (`fp8`, `bf16`, `fp4`), `compute_capability` the least that the kernels run on. `quality` is
    one sentence on what it costs, with `source` for that and for the layout.
    """

    name: str
    title: str
    precision: Precision
    bits: float
    layout: Layout | None
    engines: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    needs: Literal["fp8", "bf16", "fp4"] | None = None
    compute_capability: float | None = None
    quality: str = ""
    source: str = ""
