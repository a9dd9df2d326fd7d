"""Names with settings in them: `gptq-int4-g32`, `ct-pack-quantized-w4a16-g64-asym`.

The usual settings have names of their own (quantization/schemes.py); these reach the others.
"""

import re
from collections.abc import Callable
from typing import Final

from fitcheck.quantization import methods as m
from fitcheck.quantization.layout import BlockScaled
from fitcheck.quantization.packed import GptOssExperts
from fitcheck.quantization.scheme import Scheme

_GROUP: Final = r"(?:-g(-?\d+|perchannel|channel))?"
_Form = tuple[re.Pattern[str], Callable[[re.Match[str]], Scheme]]


def parse(name: str) -> Scheme | None:
    """The scheme that a name spells out, None if it has no such form.

    Raises BadInput where the form is known and the settings are not possible.
    """
    for form, scheme in _FORMS:
        match = form.fullmatch(name)
        if match is not None:
            return scheme(match)
    return None


def _group(match: re.Match[str], index: int, usual: int | None) -> int | None:
    return usual if match[index] is None else m.group(match[index], match[0])


def _whole(text: str, name: str) -> int:
    """A number of weights that cannot be a whole row."""
    return m.group(text.removeprefix("-"), name) or 0


def _bnb_4bit(x: re.Match[str]) -> Scheme:
    return m.bnb_4bit(x[1], double=x[2] is not None, block=_whole(x[3] or "64", x[0]))


def _gptq(x: re.Match[str]) -> Scheme:
    return m.gptq(int(x[2]), _group(x, 3, 128), x[1])


def _fp8_block(x: re.Match[str]) -> Scheme:
    return m.fp8_block(_whole(x[1], x[0]), _whole(x[2] or x[1], x[0]))


def _ct_pack(x: re.Match[str]) -> Scheme:
    return m.ct_pack(int(x[1]), _group(x, 2, None), symmetric=x[3] != "asym")


def _torchao_int4(x: re.Match[str]) -> Scheme:
    return m.torchao_int4(_whole(x[1] or "128", x[0]), x[2] or "plain")


def _torchao_groups(x: re.Match[str]) -> Scheme:
    size = _whole(x[2], x[0])
    held = BlockScaled(1, size, 3)
    return m.torchao(f"{x[1]}-g{size}", f"a byte a weight, groups of {size}", held)


def _gpt_oss(x: re.Match[str]) -> Scheme:
    name = "hf-mxfp4-gpt-oss-experts"
    experts = _whole(x[1] or "32", name)
    held = m.mxfp4(name, f"one layer of gpt-oss, {experts} experts", "experts")
    return Scheme(
        **{f: getattr(held, f) for f in held.__struct_fields__ if f != "layout"},
        layout=GptOssExperts(experts),
    )


_FORMS: Final[tuple[_Form, ...]] = tuple(
    (re.compile(form, re.ASCII), scheme)
    for form, scheme in (
        (r"(?:bnb-|bitsandbytes-)?(nf4|fp4)(-dq)?(?:-b(\d+))?", _bnb_4bit),
        (rf"(gptq|gptqmodel)-(?:int)?(\d){_GROUP}(?:-(?:actorder|act-order|desc-act))?", _gptq),
        (rf"awq(?:-int4)?{_GROUP}", lambda x: m.awq(_group(x, 1, 128))),
        (rf"hqq-int(\d){_GROUP}", lambda x: m.hqq(int(x[1]), _group(x, 2, 64))),
        (r"(?:hf-finegrained-)?fp8-block(\d+)(?:x(\d+))?", _fp8_block),
        (r"ct-float-quantized-fp8-block(\d+)", lambda x: m.ct_fp8_block(_whole(x[1], x[0]))),
        (
            r"ct-pack-quantized-w(\d)a16(?:-channel|-g(-?\d+|perchannel))?(?:-(sym|asym))?",
            _ct_pack,
        ),
        (r"torchao-int4(?:weightonly)?(?:-g(\d+))?(?:-(plain|tile_packed_to_4d))?", _torchao_int4),
        (r"torchao-(intxweightonly|int8dynamicactivationintxweight)-g(\d+)", _torchao_groups),
        (r"hf-mxfp4-gpt-oss-experts(?: \(one layer, (\d+) experts\))?", _gpt_oss),
    )
)
