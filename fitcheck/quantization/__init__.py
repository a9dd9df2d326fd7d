"""Schemes by name: what `--quant` and `--precision` may say."""

from typing import Final

from fitcheck.errors import UnknownName
from fitcheck.quantization.layout import Bnb4bit, BnbInt8, Layout, Plain
from fitcheck.quantization.scheme import Precision, Scheme

__all__ = ["SCHEMES", "Layout", "Precision", "Scheme", "scheme"]

_ALL: Final = (
    Scheme(
        name="fp16",
        title="16 bit",
        precision="fp16",
        bits=16,
        layout=Plain(2),
        engines=("transformers", "vllm"),
        aliases=("bf16", "bf16/fp16", "float16", "bfloat16", "f16"),
    ),
    Scheme(
        name="bnb-int8",
        title="LLM.int8()",
        precision="int8",
        bits=8,
        layout=BnbInt8(),
        engines=("transformers",),
        aliases=("llm.int8", "int8"),
    ),
    Scheme(
        name="bnb-nf4",
        title="NormalFloat 4",
        precision="int4",
        bits=4,
        layout=Bnb4bit(),
        engines=("transformers",),
        aliases=("nf4",),
    ),
)

SCHEMES: Final[dict[str, Scheme]] = {s.name: s for s in _ALL}
_BY_WORD: Final[dict[str, Scheme]] = {w: s for s in _ALL for w in (s.name, *s.aliases)}


def scheme(name: str) -> Scheme:
    """The scheme of that name or alias, however it is capitalised. Raises UnknownName."""
    found = _BY_WORD.get(name.lower())
    if found is None:
        raise UnknownName("quantization scheme", name, _BY_WORD)
    return found
