"""Methods with one scheme for the whole model: bitsandbytes, GPTQ, AWQ, FP8, HQQ and others."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from fitcheck.errors import BadInput
from fitcheck.quantization import methods as m
from fitcheck.quantization.layout import BlockScaled, RowScaled
from fitcheck.quantization.packed import Bitnet
from fitcheck.quantization.published import fields as f
from fitcheck.quantization.published.patterns import Patterns, patterns
from fitcheck.quantization.published.record import Assigned, Published
from fitcheck.quantization.scheme import Scheme

Section = Mapping[str, object]


def bitsandbytes(section: Section) -> Published:
    """`load_in_4bit` with its type and double quantization, or `load_in_8bit`.

    Raises BadInput where it says neither.
    """
    four, eight = (
        f.flag(section, f"load_in_{n}bit") or f.flag(section, f"_load_in_{n}bit") for n in (4, 8)
    )
    if four:
        kind = f.text(section, "bnb_4bit_quant_type", default="fp4").lower()
        if kind not in ("nf4", "fp4"):
            raise f.fault("bnb_4bit_quant_type", kind, "nf4 or fp4")
        scheme = m.bnb_4bit(kind, double=f.flag(section, "bnb_4bit_use_double_quant"))
    elif eight:
        scheme = m.bnb_int8()
    else:
        raise BadInput("quantization_config: neither load_in_4bit nor load_in_8bit is true")
    kept = f.words(section, "llm_int8_skip_modules")
    return Published(
        method="bitsandbytes",
        scheme=scheme,
        kept=patterns(kept, "transformers"),
        towers=True,
    )


def gptq(section: Section) -> Published:
    """`bits`, `group_size`, and what `dynamic` says of single modules."""
    scheme = _gptq(section, default_group=128)
    return Published(
        method="gptq",
        scheme=scheme,
        kept=patterns(f.words(section, "modules_to_not_convert"), "transformers"),
        assigned=tuple(_dynamic(section)),
        head=f.flag(section, "lm_head"),
    )


def _gptq(section: Section, default_group: int | None) -> Scheme:
    return m.gptq(
        f.whole(section, "bits", "w_bit"),
        f.group_size(section, "group_size", default=default_group),
    )


def _dynamic(section: Section) -> list[Assigned]:
    """GPTQModel's own settings by module: `-:` skips those that match, `+:` changes settings.

    Source: gptqmodel 7.7.0, quantization/config.py, dynamic_get.
    """
    usual = {"bits": section.get("bits"), "group_size": section.get("group_size")}
    found = []
    for word, changes in f.mapping(section, "dynamic").items():
        skipped = word.startswith("-:")
        modules = patterns([f"re:{re.sub(r'^[-+]:', '', word)}"], "compressed-tensors")
        settings = {**usual, **_object(word, changes)}
        found.append(Assigned(modules, None if skipped else _gptq(settings, 128)))
    return found


def _object(key: str, value: object) -> Section:
    return f.mapping({key: value}, key)


def awq(section: Section) -> Published:
    """`bits` (4 alone) and `group_size`."""
    bits = f.whole(section, "bits", "w_bit", default=4)
    if bits != 4:
        return unknown("awq", f"AWQ of {bits} bits has no kernels whose layout is known")
    return Published(
        method="awq",
        scheme=m.awq(f.group_size(section, "group_size", "q_group_size", default=128)),
        kept=patterns(f.words(section, "modules_to_not_convert"), "transformers"),
    )


def fp8(section: Section) -> Published:
    """Tiles of `weight_block_size`, or one scale for each matrix where there is none.

    Experts of `expert_dtype` fp4 have a power of two for 32 weights (transformers 5.23.0,
    integrations/finegrained_fp8.py, FP8Experts).
    """
    tile = f.pair(section, "weight_block_size")
    static = f.text(section, "activation_scheme", default="dynamic") == "static"
    if tile is None:
        scheme = m.fp8_tensor(
            "fp8-pertensor", "one scale for the whole", RowScaled(0, 8 if static else 4),
            "transformers 5.23.0, FP8Linear",
        )  # fmt: skip
    else:
        layout = BlockScaled(*tile, _scale_bytes(section), 4 if static else 0)
        scheme = msgspec.structs.replace(m.fp8_block(*tile), layout=layout)
    four = f.text(section, "expert_dtype", default="fp8") == "fp4"
    return Published(
        method="fp8",
        scheme=scheme,
        experts=m.mxfp4("mxfp4", "experts beside FP8", "experts") if four else None,
        kept=patterns(f.words(section, "modules_to_not_convert", "ignored_layers"), "transformers"),
        towers=True,
    )


def _scale_bytes(section: Section) -> int:
    """One for exponents alone (DeepSeek V4), else four.

    V3.2 says ue8m0 too, of fp32 scales that happen to be powers of two; it names no expert_dtype.
    """
    bare = f.text(section, "scale_fmt") == "ue8m0" and "expert_dtype" in section
    return 1 if bare else 4


def fbgemm_fp8(section: Section) -> Published:
    """A scale for each output; the bound for inputs is not stored."""
    scheme = m.fp8_tensor(
        "hf-fbgemm-fp8-rowwise", "fbgemm, a scale for each output", RowScaled(4),
        "transformers 5.23.0, FbgemmFp8Linear",
    )  # fmt: skip
    kept = patterns(f.words(section, "modules_to_not_convert"), "transformers")
    return Published(method="fbgemm_fp8", scheme=scheme, kept=kept)


def mxfp4(section: Section) -> Published:
    """The routed experts, as gpt-oss is published."""
    return Published(
        method="mxfp4",
        scheme=m.mxfp4("mxfp4", "experts alone, as gpt-oss is published", "experts"),
        kept=patterns(f.words(section, "modules_to_not_convert"), "transformers"),
        experts_only=True,
    )


def hqq(section: Section) -> Published:
    """`nbits` and `group_size`, with scales that are not themselves quantized."""
    inner = f.mapping(section, "quant_config") or section
    params = f.mapping(inner, "weight_quant_params")
    if not params:
        return unknown("hqq", "each module has settings of its own")
    if inner.get("scale_quant_params") or inner.get("zero_quant_params"):
        return unknown("hqq", "its scales are quantized too")
    if params.get("axis", 1) != 1:
        return unknown("hqq", "it is grouped along axis 0")
    scheme = m.hqq(f.whole(params, "nbits"), f.group_size(params, "group_size"))
    kept = patterns(f.words(section, "skip_modules"), "transformers")
    return Published(method="hqq", scheme=scheme, kept=kept, towers=True)


def quanto(section: Section) -> Published:
    """`weights`: int8, int4, int2 or float8."""
    kind = f.text(section, "weights", default="int8").replace("float8", "fp8")
    if kind not in ("int8", "int4", "int2", "fp8"):
        raise f.fault("weights", kind, "int8, int4, int2 or float8")
    kept = patterns(f.words(section, "modules_to_not_convert"), "transformers")
    return Published(method="quanto", scheme=m.quanto(kind), kept=kept, towers=True)


def eetq(section: Section) -> Published:
    """A byte a weight and a 16 bit scale for each output.

    Source: transformers 5.23.0, integrations/eetq.py, EetqLinear.
    """
    scheme = Scheme(
        name="eetq-int8",
        title="EETQ, INT8 weights",
        precision="int8",
        bits=8,
        layout=RowScaled(2),
        engines=("transformers",),
        touches="modules",
        source="transformers 5.23.0, integrations/eetq.py",
    )
    kept = patterns(f.words(section, "modules_to_not_convert"), "transformers")
    return Published(method="eetq", scheme=scheme, kept=kept, towers=True)


def bitnet(section: Section) -> Published:
    """Ternary weights, four in a byte; `online` ones are packed only when they are loaded."""
    if f.text(section, "quantization_mode", default="offline") != "offline":
        return unknown("bitnet", "it is stored in 16 bits and packed when it is loaded")
    scheme = Scheme(
        name="bitnet",
        title="BitNet b1.58, ternary weights",
        precision="int2",
        bits=2,
        layout=Bitnet(),
        engines=("transformers",),
        touches="modules",
        source="transformers 5.23.0, integrations/bitnet.py, BitLinear",
    )
    kept = patterns(f.words(section, "modules_to_not_convert"), "transformers")
    return Published(method="bitnet", scheme=scheme, kept=kept)


def auto_round(section: Section) -> Published:
    """Packed as GPTQ or AWQ would, as `packing_format` says."""
    packed = f.text(section, "packing_format", "backend", default="auto_round:auto_gptq")
    extra = f.mapping(section, "extra_config")
    if "gptq" in packed:
        scheme = _gptq(section, default_group=128)
    elif "awq" in packed and f.whole(section, "bits") == 4:
        scheme = m.awq(f.group_size(section, "group_size", default=128))
    else:
        return unknown("auto-round", f"it is packed as {packed}")
    return Published(
        method="auto-round",
        scheme=scheme,
        assigned=tuple(_extra(extra, section)),
    )


def _extra(extra: Section, section: Section) -> list[Assigned]:
    """Modules with bits of their own; 16 bits or more are kept."""
    usual = {"bits": section.get("bits"), "group_size": section.get("group_size")}
    found = []
    for name, changes in extra.items():
        settings = {**usual, **_object(name, changes)}
        kept = f.whole(settings, "bits") >= 16
        scheme = None if kept else _gptq(settings, 128)
        found.append(Assigned(patterns([name], "modelopt"), scheme))
    return found


def torchao(section: Section) -> Published:
    """The default configuration of `quant_type`, by its class or its older short name."""
    kind, settings = _torchao_type(section)
    build = _TORCHAO.get(kind.lower().removesuffix("config").replace("_", ""))
    if build is None:
        return unknown("torchao", f"its configuration is {kind or 'not named'}")
    kept = patterns(f.words(section, "modules_to_not_convert"), "transformers")
    return Published(method="torchao", scheme=build(settings), kept=kept, towers=True)


def _torchao_type(section: Section) -> tuple[str, Section]:
    said = section.get("quant_type")
    if isinstance(said, str):
        return said, f.mapping(section, "quant_type_kwargs")
    default = f.mapping(f.mapping(section, "quant_type"), "default")
    return f.text(default, "_type"), f.mapping(default, "_data")


def _torchao_int4(settings: Section) -> Scheme:
    packing = str(settings.get("int4_packing_format", "plain")).lower()
    tiles = "tile" in packing or settings.get("version") == 1
    size = f.whole(settings, "group_size", default=128)
    return m.torchao_int4(size, "tile_packed_to_4d" if tiles else "plain")


_TORCHAO: Final[dict[str, Callable[[Section], Scheme]]] = {
    "int4weightonly": _torchao_int4,
    "int8weightonly": lambda s: m.torchao("int8weightonly", "int8 weights", RowScaled(5)),
    "int8dynamicactivationint8weight": lambda s: m.torchao(
        "int8dynamicactivationint8weight", "int8 weights and activations", RowScaled(5)
    ),
    "float8weightonly": lambda s: m.torchao("float8weightonly", "FP8 weights", RowScaled(4)),
}


def unknown(method: str, why: str) -> Published:
    """A method, or a variant of one, whose bytes are not known."""
    return Published(method=method, unknown=why, kept=Patterns())
