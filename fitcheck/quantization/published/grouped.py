"""Methods that give modules schemes by group: compressed-tensors, modelopt, Quark."""

from collections.abc import Mapping
from typing import Final

import msgspec

from fitcheck.quantization import methods as m
from fitcheck.quantization.layout import BlockScaled, Layout, RowScaled
from fitcheck.quantization.packed import MicroScaled, PackQuantized
from fitcheck.quantization.published import fields as f
from fitcheck.quantization.published.patterns import Dialect, patterns
from fitcheck.quantization.published.record import Assigned, Published
from fitcheck.quantization.published.simple import Section, unknown
from fitcheck.quantization.scheme import Scheme


def _scheme(method: str, title: str, bits: int, layout: Layout) -> Scheme:
    """A scheme as a checkpoint has it; the names of usual ones do not fit every variant."""
    return Scheme(
        name=f"{method}-{title.lower().replace(' ', '-')}",
        title=f"{method}, {title}",
        precision=m.PRECISIONS[bits],
        bits=bits,
        layout=layout,
        engines=("transformers", "vllm"),
        touches="blocks",
        source="compressed-tensors 0.20.0, compressors/; vLLM 0.33.0, quantization/modelopt.py",
    )


def compressed_tensors(section: Section) -> Published:
    """`config_groups` by what they target, less what is in `ignore`."""
    sparse = f.text(f.mapping(section, "sparsity_config"), "format", default="dense")
    if sparse != "dense":
        return unknown("compressed-tensors", f"it is sparse ({sparse})")
    form = f.text(section, "format")
    main: Scheme | None = None
    assigned = []
    for name, group in f.mapping(section, "config_groups").items():
        settings = f.mapping({name: group}, name)
        scheme = _compressed(settings, f.text(settings, "format", default=form))
        if scheme is None:
            return unknown("compressed-tensors", f"the layout of its {name} is not known")
        targets = f.words(settings, "targets")
        if "Linear" in targets or not targets:
            main = scheme
        else:
            assigned.append(Assigned(patterns(targets, "compressed-tensors"), scheme))
    return _grouped("compressed-tensors", section, main, assigned, "compressed-tensors")


def _grouped(
    method: str, section: Section, main: Scheme | None, assigned: list[Assigned], dialect: Dialect
) -> Published:
    kept = patterns(f.words(section, "ignore", "exclude_modules", "exclude"), dialect)
    if main is None and not assigned:
        return unknown(method, "it names no scheme")
    first = [Assigned(kept, None)] if kept and assigned else []
    return Published(
        method=method,
        scheme=main,
        kept=kept,
        assigned=(*first, *assigned),
        head=True,
        towers=True,
        kv_cache=_kv_cache(section),
    )


def _compressed(group: Section, form: str) -> Scheme | None:
    """What a group's `weights` are packed as, None where that is not known."""
    weights = f.mapping(group, "weights")
    if not weights:
        return None
    bits = f.whole(weights, "num_bits")
    layout = (
        _float_layout(weights, bits, static=_static(group))
        if f.text(weights, "type") == "float"
        else _int_layout(weights, bits, form, static=_static(group))
    )
    if layout is None:
        return None
    size = f.group_size(weights, "group_size")
    activations = f.mapping(group, "input_activations")
    if f.text(weights, "type") == "float":
        title = _MICRO.get((bits, size or 0), f"FP{bits}")
    else:
        title = f"W{bits}A{f.whole(activations, 'num_bits') if activations else 16}"
    return _scheme("compressed-tensors", title, bits, layout)


_MICRO: Final = {(4, 16): "NVFP4", (4, 32): "MXFP4", (8, 32): "MXFP8"}


def _static(group: Section) -> bool:
    """Whether a scale for activations is stored: they are quantized, and not as they come."""
    activations = f.mapping(group, "input_activations")
    return bool(activations) and activations.get("dynamic") is not True


def _float_layout(weights: Section, bits: int, *, static: bool) -> Layout | None:
    strategy = f.text(weights, "strategy")
    size = f.group_size(weights, "group_size")
    scale = 4 if static else 0
    if bits == 4 and size == 16:
        return MicroScaled(16, 4 + scale)
    if bits in (4, 6) and size == 32:
        return MicroScaled(32, 0, bits)
    if bits != 8:
        return None
    if size == 32:
        return BlockScaled(1, 32, 1)
    if strategy == "block":
        tile = f.pair(weights, "block_structure")
        return BlockScaled(*tile, 2, scale) if tile else None
    return RowScaled(2, scale) if strategy == "channel" else RowScaled(0, 4 + scale)


def _int_layout(weights: Section, bits: int, form: str, *, static: bool) -> Layout | None:
    strategy = f.text(weights, "strategy")
    size = f.group_size(weights, "group_size")
    if form in ("pack-quantized", "marlin-24") and 2 <= bits <= 8:
        if form == "marlin-24" or strategy == "tensor":
            return None
        symmetric = f.flag(weights, "symmetric", default=True)
        order = str(weights.get("actorder") or "").lower() == "group"
        return PackQuantized(bits, size if strategy == "group" else None, symmetric, order)
    if bits != 8:
        return None
    if strategy == "group" and size:
        return BlockScaled(1, size, 2)
    scale = 3 if static else 0
    return RowScaled(2, scale) if strategy == "channel" else RowScaled(0, 2 + scale)


# modelopt's algorithms: bits and layout. Scales of the whole are fp32.
# Source: vLLM 0.33.0, quantization/modelopt.py, LINEAR_ALGOS and their weights.
_ALGORITHMS: Final[dict[str, tuple[int, Layout]]] = {
    "FP8": (8, RowScaled(0, 8)),
    "FP8_PER_CHANNEL_PER_TOKEN": (8, RowScaled(4)),
    "FP8_PB_WO": (8, BlockScaled(128, 128)),
    "NVFP4": (4, MicroScaled(16, 8)),
    "W4A16_NVFP4": (4, MicroScaled(16, 4)),
    "MXFP8": (8, BlockScaled(1, 32, 1)),
    "MXFP4": (4, MicroScaled(32)),
    "W4A16_MXFP4": (4, MicroScaled(32)),
}


def algorithm(name: str) -> Scheme | None:
    """modelopt's scheme of that name, None if its layout is not known."""
    found = _ALGORITHMS.get(name.upper())
    return None if found is None else _scheme("modelopt", name.upper(), *found)


def modelopt(section: Section) -> Published:
    """`quant_algo` for all, or `quantized_layers` one by one; also from hf_quant_config.json."""
    section = f.mapping(section, "quantization") or section
    name = f.text(section, "quant_algo")
    layers = f.mapping(section, "quantized_layers")
    if name.upper() == "MIXED_PRECISION" or (layers and not name):
        return by_layer(
            "modelopt", layers, Published(method="modelopt", kv_cache=_kv_cache(section))
        )
    scheme = algorithm(name)
    if scheme is None:
        return unknown("modelopt", f"its algorithm is {name or 'not named'}")
    return _grouped("modelopt", section, scheme, [], "modelopt")


def by_layer(method: str, layers: Section, rest: Published) -> Published:
    """`quantized_layers`: an algorithm for each module, and `rest` for the others."""
    by_algorithm: dict[str, list[str]] = {}
    for module, settings in layers.items():
        name = f.text(f.mapping({module: settings}, module), "quant_algo")
        by_algorithm.setdefault(name.upper(), []).append(module)
    assigned = []
    for name, modules in by_algorithm.items():
        scheme = algorithm(name)
        if scheme is None:
            return unknown(method, f"one of its algorithms is {name or 'not named'}")
        assigned.append(Assigned(patterns(modules, "modelopt"), scheme))
    if not assigned:
        return unknown(method, "it lists no layers")
    return msgspec.structs.replace(rest, assigned=(*assigned, *rest.assigned))


# Quark's weights by type and how scales are shared.
# Source: vLLM 0.33.0, quantization/quark/quark.py and its schemes.
_QUARK: Final[dict[tuple[str, str], tuple[str, int, Layout]]] = {
    ("fp8_e4m3", "per_tensor"): ("FP8", 8, RowScaled(0, 8)),
    ("fp8_e4m3", "per_channel"): ("FP8 by output", 8, RowScaled(4)),
    ("int8", "per_tensor"): ("INT8", 8, RowScaled(0, 8)),
    ("int8", "per_channel"): ("INT8 by output", 8, RowScaled(4)),
    ("fp4", "per_group"): ("MXFP4", 4, MicroScaled(32)),
}


def quark(section: Section) -> Published:
    """`global_quant_config`, `layer_quant_config` by name, less what is in `exclude`."""
    main = _quark(f.mapping(section, "global_quant_config"))
    if main is None:
        return unknown("quark", "the layout of its weights is not known")
    assigned = []
    for name, settings in f.mapping(section, "layer_quant_config").items():
        scheme = _quark(f.mapping({name: settings}, name))
        if scheme is None:
            return unknown("quark", f"the layout of {name[:40]} is not known")
        assigned.append(Assigned(patterns([name], "compressed-tensors"), scheme))
    return _grouped("quark", section, main, assigned, "compressed-tensors")


def _quark(settings: Section) -> Scheme | None:
    weight = f.mapping(settings, "weight")
    kind, shared = f.text(weight, "dtype").lower(), f.text(weight, "qscheme").lower()
    found = _QUARK.get((kind, shared))
    grouped = shared == "per_group" and f.group_size(weight, "group_size") != 32
    return None if found is None or grouped else _scheme("quark", *found)


def _kv_cache(section: Section) -> str | None:
    """`fp8`, `nvfp4` or `int8` where the checkpoint asks for such a cache."""
    said = section.get("kv_cache_scheme") or section.get("kv_cache_quant_algo")
    if isinstance(said, str):
        return said.lower()
    if not isinstance(said, Mapping):
        return None
    bits = f.whole(said, "num_bits")
    return {("float", 8): "fp8", ("float", 4): "nvfp4", ("int", 8): "int8"}.get(
        (f.text(said, "type"), bits)
    )
