"""A quantization scheme: its name, its layout, who runs it and what it costs."""

from typing import Final, Literal

import msgspec

from fitcheck.quantization.layout import Layout

# The column of a table that a scheme stands in: what a person means by "INT4".
Precision = Literal["fp32", "fp16", "int8", "int6", "int5", "int4", "int3", "int2", "int1"]

# True bits per weight are told for a matrix of this shape: large enough that what a layer has
# once does not count, and the usual one of a 7B model.
TYPICAL: Final = (4096, 4096)


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """One exact scheme, spelled as its engine spells it.

    `layout` is how a matrix that the scheme touches is stored; None for llama.cpp's file types,
    where each tensor has a type of its own: `file_type` names the type there, `measured_bits` are
    what a file of it took. `bits` are nominal. `touches` names the rule for what is packed
    (quantization/rules.py). `quality` is one sentence on what it costs; `source` stands for that
    and for the layout. `imatrix` says whether llama-quantize is given an importance matrix, None
    for what it does by itself. What a card must be able to do is each engine's affair
    (engines/*/capabilities.py). `common` is what
    people call it, where a checkpoint's layout has a longer name.
    """

    name: str
    title: str
    precision: Precision
    bits: float
    layout: Layout | None
    engines: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    touches: str = "linear"
    quality: str = ""
    source: str = ""
    imatrix: bool | None = None
    file_type: str | None = None
    measured_bits: float | None = None
    common: str = ""

    @property
    def word(self) -> str:
        """What people call it: `fp8` for a checkpoint in hf-finegrained-fp8-block128."""
        return self.common or self.name

    def is_called(self, word: str) -> bool:
        """Whether it goes by that word, in full or in common."""
        short = self.common.partition("-")[0]
        return word in (self.name, self.common, short, *self.aliases)

    @property
    def bits_per_weight(self) -> float | None:
        """True bits of a weight in a packed matrix of 4096 by 4096.

        Of a whole file for llama.cpp's mixtures, as llama.cpp measured it on Llama 3.1 8B; where it
        did not, of the type that most of the file is in.
        """
        if self.layout is None:
            return self.measured_bits
        rows, columns = TYPICAL
        return 8 * self.layout.size(columns, rows) / (rows * columns)
