"""Schemes by name: what `--quant` and `--precision` may say."""

from typing import Final

from fitcheck.errors import BadInput, UnknownName
from fitcheck.quantization import names, schemes
from fitcheck.quantization.ggml import BLOCK_TYPES, FILE_TYPES, BlockType
from fitcheck.quantization.layout import Blocks, Layout, Plain
from fitcheck.quantization.methods import PRECISIONS
from fitcheck.quantization.scheme import Precision, Scheme

__all__ = ["SCHEMES", "Layout", "Plain", "Precision", "Scheme", "packing", "scheme"]

SCHEMES: Final[dict[str, Scheme]] = {s.name: s for s in schemes.ALL}
_BY_WORD: Final[dict[str, Scheme]] = {w: s for s in schemes.ALL for w in (*s.aliases, s.name)}


def scheme(name: str) -> Scheme:
    """The scheme of that name or alias, or with the settings that the name spells out.

    However it is capitalised. Raises UnknownName, and BadInput on settings that are not possible.
    """
    word = name.strip().lower()
    found = _BY_WORD.get(word) or names.parse(word)
    if found is None:
        raise UnknownName("quantization scheme", name, _BY_WORD, "; `fitcheck quants` lists them")
    return found


def packing(name: str, in_features: int, out_features: int) -> Scheme:
    """What packs one matrix of that shape under a name: a scheme, or one of ggml's block types.

    `q4_k` and `q8_0` name a block type as well as a file type; one matrix has the block type.
    Raises UnknownName; BadInput on a mixture, which gives a matrix one type or another by what it
    is for, and on a shape that the scheme cannot pack.
    """
    word = name.strip().lower()
    found = _BY_WORD.get(word)
    if word in BLOCK_TYPES and (found is None or found.layout is None):
        found = _block_type(BLOCK_TYPES[word])
    found = found or scheme(name)
    if found.layout is None:
        raise BadInput(_mixture(found))
    if why := found.layout.refuses(in_features, out_features):
        raise BadInput(f"{found.name} cannot pack {in_features}x{out_features}: {why}")
    return found


def _mixture(found: Scheme) -> str:
    block_type = FILE_TYPES[found.file_type].block_type if found.file_type else found.name
    return (
        f"{found.name} is a mixture: a matrix is {block_type} or a larger type by what it is for,"
        f" so it has no one size; ask for a type ({block_type}, q6_k) instead"
    )


def _block_type(block_type: BlockType) -> Scheme:
    bits = max(1, int(block_type.bits))
    return Scheme(
        name=block_type.name,
        title=f"ggml {block_type.name}, blocks of {block_type.block_weights} weights",
        precision=PRECISIONS.get(bits, "fp16"),
        bits=block_type.bits,
        layout=Blocks(block_type.block_weights, block_type.block_bytes),
        engines=("llama.cpp",),
        touches="file type",
        source="llama.cpp 0c1e57098, ggml/src/ggml-common.h",
    )
