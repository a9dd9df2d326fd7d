"""llama-quantize's mixtures: which block type each tensor gets under a file type.

The tables below are llama-quantize's own decisions, one table for each purpose of a tensor, in the
order in which llama-quantize looks. Source for all: llama.cpp 0c1e57098 (2026-10),
src/llama-quant.cpp, llama_tensor_get_type_impl. packing.py applies them.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

Fact = Literal["gqa4", "experts4", "experts8", "imatrix", "falcon"]
Facts = frozenset[Fact]
Band = Callable[[int, int], bool]
# What a tensor is for, as far as llama-quantize tells tensors apart. Source: tensor_get_category.
Category = Literal[
    "token_embd", "output", "attn_v", "attn_k", "attn_q", "attn_output",
    "ffn_down", "ffn_gate", "ffn_up", "other",
]  # fmt: skip


class Rule(msgspec.Struct, frozen=True):
    """A block type, the layers that get it, and what must (not) be true of the model."""

    block_type: str
    band: Band | None
    when: Facts
    unless: Facts


def _is(
    block_type: str,
    band: Band | None = None,
    when: Fact | None = None,
    unless: Fact | None = None,
) -> Rule:
    return Rule(
        block_type,
        band,
        frozenset(() if when is None else (when,)),
        frozenset(() if unless is None else (unless,)),
    )


def _first(share: int) -> Band:
    return lambda i, n: i < n // share


def _before(count: int) -> Band:
    return lambda i, n: i < count


def _more_bits(i: int, n: int) -> bool:
    return i < n // 8 or i >= 7 * n // 8 or (i - n // 8) % 3 == 2


def _middle(i: int, n: int) -> bool:
    return n // 8 <= i < 7 * n // 8


_EIGHTH: Final = _first(8)
_SIXTEENTH: Final = _first(16)
# Where embeddings serve as output too, or output stands alone: five bits are enough for these.
OUTPUT_Q5_K: Final = frozenset(("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq2_m", "iq3_xxs"))
# These look only at attn_v, attn_k, attn_output and ffn_down, and take no step up for 70B.
LOWEST: Final = OUTPUT_Q5_K - {"iq3_xxs"}

_TOKEN_EMBD: Final = {
    "iq1_s": (_is("q2_k"),),
    "iq1_m": (_is("q2_k"),),
    "iq2_xxs": (_is("q2_k"),),
    "iq2_xs": (_is("q2_k"),),
    "iq2_s": (_is("iq3_s"),),
    "iq2_m": (_is("iq3_s"),),
    "iq3_xxs": (_is("iq3_s"),),
    "tq1_0": (_is("q4_k"),),
    "tq2_0": (_is("q4_k"),),
    "q2_0": (_is("q4_k"),),
}
_LOWEST_ATTN_V: Final = (_is("q4_k", when="gqa4"), _is("q4_k", when="experts4"))
_ATTN_V: Final = {
    "iq1_s": (*_LOWEST_ATTN_V, _is("q2_k")),
    "iq1_m": (*_LOWEST_ATTN_V, _is("q2_k")),
    "iq2_xxs": (*_LOWEST_ATTN_V, _is("q2_k")),
    "iq2_xs": (*_LOWEST_ATTN_V, _is("q2_k")),
    "iq2_s": (*_LOWEST_ATTN_V, _is("iq3_s")),
    "iq2_m": (*_LOWEST_ATTN_V, _is("iq3_s")),
    "q2_k": (_is("q4_k", when="gqa4"), _is("q3_k")),
    "q2_k_s": (_is("q4_k", when="gqa4"),),
    "iq3_xxs": (_is("q4_k", when="gqa4"), _is("iq3_s", unless="imatrix")),
    "iq3_xs": (_is("q4_k", when="gqa4"),),
    "iq3_s": (_is("q4_k", when="gqa4"),),
    "iq3_m": (_is("q4_k"),),
    "q3_k_m": (_is("q5_k", _before(2)), _is("q4_k")),
    "q3_k_l": (_is("q5_k"),),
    "iq4_nl": (_is("q5_k", when="gqa4"),),
    "iq4_xs": (_is("q5_k", when="gqa4"),),
    "q4_k_s": (_is("q5_k", _before(4)),),
    "q4_k_m": (_is("q6_k", _more_bits),),
    "q5_k_m": (_is("q6_k", _more_bits),),
}
_ATTN_K: Final = {
    "iq1_s": (_is("q4_k", when="experts8"),),
    "iq1_m": (_is("q4_k", when="experts8"),),
    "iq2_xxs": (_is("q4_k", when="experts8"),),
    "iq2_xs": (_is("q4_k", when="experts8"),),
    "iq2_s": (_is("q4_k", when="experts8"),),
    "iq2_m": (_is("q4_k", when="experts8"),),
    "iq3_xs": (_is("iq3_xxs"),),
    "iq3_xxs": (_is("iq2_s"),),
}
_ATTN_Q: Final = {"iq3_xs": (_is("iq3_xxs"),), "iq3_xxs": (_is("iq2_s"),)}
_EIGHT_OUT: Final = _is("q5_k", when="experts8", unless="falcon")
_ATTN_OUTPUT: Final = {
    "iq1_s": (_is("q5_k", when="experts8"), _is("iq2_xxs")),
    "iq1_m": (_is("q5_k", when="experts8"), _is("iq2_xxs")),
    "iq2_xxs": (_is("q5_k", when="experts8"),),
    "iq2_xs": (_is("q5_k", when="experts8"),),
    "iq2_s": (_is("q5_k", when="experts8"), _is("iq3_s")),
    "iq2_m": (_is("q5_k", when="experts8"), _is("iq3_s")),
    "q2_k": (_EIGHT_OUT, _is("q3_k", unless="falcon")),
    "iq3_xxs": (_EIGHT_OUT, _is("iq3_s", unless="falcon")),
    "iq3_xs": (_EIGHT_OUT,),
    "iq3_s": (_EIGHT_OUT,),
    "iq3_m": (_EIGHT_OUT, _is("q4_k", unless="falcon")),
    "q3_k_s": (_EIGHT_OUT,),
    "q3_k_m": (_EIGHT_OUT, _is("q4_k", unless="falcon")),
    "iq4_nl": (_EIGHT_OUT,),
    "iq4_xs": (_EIGHT_OUT,),
    "q4_k_s": (_EIGHT_OUT,),
    "q4_k_m": (_EIGHT_OUT,),
    "q3_k_l": (_is("q4_k", when="falcon"), _is("q3_k", when="experts8"), _is("q5_k")),
}
_FFN_DOWN: Final = {
    "iq1_s": (_is("q2_k", _EIGHTH),),
    "iq1_m": (_is("q2_k", _EIGHTH),),
    "iq2_xxs": (_is("q2_k", _EIGHTH),),
    "iq2_xs": (_is("q2_k", _EIGHTH),),
    "iq2_s": (_is("iq3_s", _EIGHTH),),
    "iq2_m": (_is("iq3_s", _EIGHTH),),
    "q2_k": (_is("q3_k"),),
    "q2_k_s": (_is("q4_k", _EIGHTH),),
    "iq3_xxs": (_is("q4_k", _EIGHTH, unless="imatrix"), _is("q3_k", unless="imatrix")),
    "iq3_m": (_is("q4_k", _EIGHTH), _is("q4_k", _more_bits, when="experts8")),
    "q3_k_m": (_is("q5_k", _SIXTEENTH), _is("q4_k", unless="falcon"), _is("q4_k", _more_bits)),
    "q3_k_l": (_is("q4_k", when="falcon"), _is("q5_k")),
    "q4_k_m": (
        _is("q6_k", _more_bits, unless="falcon"),
        _is("q6_k", _SIXTEENTH, when="falcon"),
        _is("q5_k", _more_bits, when="falcon"),
    ),
    "q5_k_m": (_is("q6_k", _more_bits),),
    "q4_k_s": (_is("q5_k", _EIGHTH, unless="falcon"),),
    "iq4_nl": (_is("q5_k", _EIGHTH, unless="imatrix"),),
    "iq4_xs": (_is("q5_k", _EIGHTH, unless="imatrix"),),
    "q4_0": (_is("q4_1", _EIGHTH, when="imatrix"),),
    "q5_0": (_is("q5_1", _EIGHTH, when="imatrix"),),
}
_GATE_UP: Final = {"iq3_xs": (_is("iq3_xxs", _middle),)}
RULES: Final[dict[Category, Mapping[str, tuple[Rule, ...]]]] = {
    "token_embd": _TOKEN_EMBD,
    "attn_v": _ATTN_V,
    "attn_k": _ATTN_K,
    "attn_q": _ATTN_Q,
    "attn_output": _ATTN_OUTPUT,
    "ffn_down": _FFN_DOWN,
    "ffn_gate": _GATE_UP,
    "ffn_up": _GATE_UP,
}

# The type that holds a row which is not whole blocks of the other. Source: tensor_type_fallback.
FALLBACK: Final = {
    "iq1_s": "iq4_nl",
    "iq1_m": "iq4_nl",
    "iq2_xxs": "iq4_nl",
    "iq2_xs": "iq4_nl",
    "iq2_s": "iq4_nl",
    "iq3_xxs": "iq4_nl",
    "iq3_s": "iq4_nl",
    "iq4_xs": "iq4_nl",
    "q2_0": "q4_0",
    "q2_k": "q4_0",
    "q3_k": "q4_0",
    "tq1_0": "q4_0",
    "tq2_0": "q4_0",
    "q4_k": "q5_0",
    "q5_k": "q5_1",
    "q6_k": "q8_0",
}
