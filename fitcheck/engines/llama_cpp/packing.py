"""What a GGUF file weighs: each tensor in the block type that its file type's mixture gives it.

Source: llama.cpp 0c1e57098 (2026-10), src/llama-quant.cpp, llama_tensor_get_type.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

import msgspec

from fitcheck.engines.llama_cpp.gguf import Block, GgufFile, GgufTensor
from fitcheck.engines.llama_cpp.mixtures import (
    FALLBACK,
    LOWEST,
    OUTPUT_Q5_K,
    RULES,
    Category,
    Fact,
    Rule,
)
from fitcheck.quantization.ggml import BLOCK_TYPES, BlockType, FileType
from fitcheck.units import Bytes

# Small beside eight experts, so that more bits for them cost little.
_EIGHT: Final = frozenset(("attn_k", "attn_v"))
# Types that the converter writes by itself, without llama-quantize.
_PLAIN: Final = frozenset(("f32", "f16", "bf16", "copy"))

_NAMED: Final[dict[str, Category]] = {
    "output": "output",
    "token_embd": "token_embd",
    "per_layer_token_embd": "token_embd",
}
# Looked for anywhere in the name, in this order: these with `.weight` after them ...
_WHOLE: Final[tuple[tuple[str, Category], ...]] = (
    ("attn_qkv", "attn_v"),
    ("attn_kv_b", "attn_v"),
    ("attn_v", "attn_v"),
    ("attn_k", "attn_k"),
    ("attn_q", "attn_q"),
    ("attn_output", "attn_output"),
)
# ... these without.
_PARTS: Final[tuple[tuple[str, Category], ...]] = (
    ("ffn_up", "ffn_up"),
    ("ffn_gate", "ffn_gate"),
    ("ffn_down", "ffn_down"),
)


class Packed(msgspec.Struct, frozen=True):
    """A tensor's block type in some layers of the file (none: it stands outside of layers)."""

    tensor: GgufTensor
    block_type: BlockType
    layers: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many such tensors there are."""
        return len(self.layers) or 1

    @property
    def each(self) -> Bytes:
        """Bytes of one."""
        return self.block_type.size(self.tensor.row, self.tensor.rows)

    @property
    def size(self) -> Bytes:
        """Bytes of all."""
        return Bytes(self.count * self.each)


@cache
def category(role: str) -> Category:
    """What llama-quantize takes a tensor for."""
    named = _NAMED.get(role)
    if named is not None:
        return named
    for ending, found in _WHOLE:
        if role.endswith(ending):
            return found
    for part, found in _PARTS:
        if part in role:
            return found
    return "other"


def pack(file: GgufFile, file_type: FileType, imatrix: bool = False) -> tuple[Packed, ...]:
    """Every tensor of the file with its block type, layers that agree together."""
    if file_type.name in _PLAIN:
        return tuple(_plain(file, file_type))
    return tuple(_Mixture(file, file_type, imatrix).packed())


def _plain(file: GgufFile, file_type: FileType) -> Iterator[Packed]:
    for tensors, layers in _stacks(file):
        for t in tensors:
            chosen = t.converted == "f16" or (t.quantized and file_type.name != "copy")
            name = file_type.block_type if chosen else t.converted
            yield Packed(t, BLOCK_TYPES[name], layers)


def _stacks(file: GgufFile) -> Iterator[tuple[tuple[GgufTensor, ...], tuple[int, ...]]]:
    yield file.outside, ()
    for block in file.blocks:
        yield block.tensors, block.layers


class _Mixture:
    """One file under one file type: its rules with everything about the model put in."""

    def __init__(self, file: GgufFile, file_type: FileType, imatrix: bool) -> None:
        self.file = file
        self.name = file_type.name
        self.default = BLOCK_TYPES[file_type.block_type]
        self.facts = frozenset(_facts(file, imatrix))
        self.ordinals: dict[Category, dict[tuple[str, int], int]] = {}

    def packed(self) -> Iterator[Packed]:
        for tensors, layers in _stacks(self.file):
            for t in tensors:
                if t.quantized:
                    for name, where in self.types(t, layers):
                        yield Packed(t, _fitting(name, t.row), where)
                else:
                    yield Packed(t, BLOCK_TYPES[t.converted], layers)

    def types(
        self, t: GgufTensor, layers: tuple[int, ...]
    ) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Block types before the row's length is asked about, and the layers of each."""
        purpose = category(t.role)
        if purpose == "output" or (self.file.tied and purpose == "token_embd"):
            yield self.output(t), layers
        elif self.name == "mxfp4_moe":
            yield "mxfp4" if len(t.ne) > 2 and t.ne[2] > 1 else "q8_0", layers
        elif purpose in _EIGHT and "experts8" in self.facts and self.name not in LOWEST:
            yield "q8_0", layers
        else:
            yield from self.ruled(purpose, t.role, layers)

    def output(self, t: GgufTensor) -> str:
        """The type of the output matrix, or of the embeddings that serve as such."""
        if self.name == "mxfp4_moe" or "falcon" in self.facts or not self.default.fits(t.row):
            return "q8_0"
        if self.name in OUTPUT_Q5_K:
            return "q5_k"
        return "q8_0" if self.default.name == "q8_0" else "q6_k"

    def ruled(
        self, purpose: Category, role: str, layers: tuple[int, ...]
    ) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The table's answer for each layer, equal answers together."""
        rules = self.rules(purpose)
        if not rules or rules[0].band is None:
            yield self.stepped(purpose, rules[0].block_type if rules else None), layers
            return
        found: dict[str, list[int]] = {}
        for layer in layers:
            i, n = self.place(purpose, role, layer)
            chosen = next((r.block_type for r in rules if r.band is None or r.band(i, n)), None)
            found.setdefault(self.stepped(purpose, chosen), []).append(layer)
        for name, where in found.items():
            yield name, tuple(where)

    def rules(self, purpose: Category) -> list[Rule]:
        """The rules that hold for this model."""
        table = RULES.get(purpose, {}).get(self.name, ())
        return [r for r in table if r.when <= self.facts and not r.unless & self.facts]

    def stepped(self, purpose: Category, chosen: str | None) -> str:
        """The chosen type or the default one; attn_v of 70B models goes a step up."""
        name = chosen or self.default.name
        if purpose == "attn_v" and self.file.large and self.name not in LOWEST:
            return "q5_k" if name in ("q3_k", "q4_k") else name
        return name

    def place(self, purpose: Category, role: str, layer: int) -> tuple[int, int]:
        """Which of how many: by layer in a model of experts, else in the order of the file."""
        if purpose != "attn_v" and self.file.experts > 1 and self.name not in LOWEST:
            return layer, self.file.block_count
        if purpose not in self.ordinals:
            self.ordinals[purpose] = _ordinals(self.file, purpose)
        ordinals = self.ordinals[purpose]
        count = len(ordinals) if purpose == "attn_v" else self.file.block_count
        return ordinals[role, layer], count


def _facts(file: GgufFile, imatrix: bool) -> Iterator[Fact]:
    if file.gqa >= 4:
        yield "gqa4"
    if file.experts >= 4:
        yield "experts4"
    if file.experts == 8:
        yield "experts8"
    if imatrix:
        yield "imatrix"
    if file.arch == "falcon":
        yield "falcon"


def _ordinals(file: GgufFile, purpose: Category) -> dict[tuple[str, int], int]:
    """The place of each such tensor in the file, which is ordered by layer, then by name."""
    roles: Sequence[tuple[Block, str]] = [
        (block, t.role)
        for block in file.blocks
        for t in block.tensors
        if t.quantized and category(t.role) == purpose
    ]
    places = sorted((layer, role) for block, role in roles for layer in block.layers)
    return {(role, layer): i for i, (layer, role) in enumerate(places)}


def _fitting(name: str, row: int) -> BlockType:
    """The type, or what llama-quantize takes where the row is not whole blocks of it."""
    block_type = BLOCK_TYPES[name]
    if block_type.fits(row):
        return block_type
    instead = BLOCK_TYPES[FALLBACK.get(name, name)]
    return instead if instead.fits(row) else BLOCK_TYPES["f16"]
