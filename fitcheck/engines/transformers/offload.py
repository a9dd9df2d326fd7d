"""A model with whole layers in the computer's memory, as device_map="auto" offloads them.

Every matrix of such a layer is copied to the first card when its module runs, and dropped after it.
Their keys and values, and all that is computed of them, are on that card. bitsandbytes leaves
modules on the CPU in 16 bits, and refuses them unless that is asked for; other methods are not
offered: most refuse the CPU, and of the rest it is not known what stays packed.

Source: accelerate 1.15.0 (2026), big_modeling.py (dispatch_model) and hooks.py (AlignDevicesHook,
one for each module that holds tensors itself); transformers 5.23.0, integrations/accelerate.py,
quantizers/quantizer_bnb_8bit.py and quantizer_bnb_4bit.py (llm_int8_enable_fp32_cpu_offload).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from fitcheck.architecture import Layer, Model
from fitcheck.engines.base import Memory, Offload, Term
from fitcheck.engines.published import publisher
from fitcheck.engines.transformers.cards import Block, blocks, dealt
from fitcheck.quantization import SCHEMES, Scheme
from fitcheck.search import largest
from fitcheck.units import MIB, Bytes

# What the memory of each card is, given its blocks and those of the host.
Shares = Callable[[Sequence[Sequence[Block]]], tuple[Memory, ...]]

_UNITS: Final = 1000


def on_host(model: Model, scheme: Scheme) -> Scheme | None:
    """What a layer in the computer's memory is kept in; None where it cannot be there."""
    if scheme.touches == "all":
        return scheme
    if scheme.name.startswith("bnb-") and publisher(model, scheme) is None:
        return SCHEMES["fp16"]
    return None


def offloaded(
    model: Model, scheme: Scheme, usable: Sequence[Bytes], shares: Shares
) -> Offload | None:
    """As many layers on the cards as surely go in; None where not one does."""
    found = blocks(model, scheme)

    def lacks(limits: Sequence[int]) -> int:
        took = shares(dealt(found, limits))
        return max(s.total.high - u for s, u in zip(took, usable, strict=True))

    limits = _limits(usable, lacks)
    if limits is None:
        return None
    parts = dealt(found, limits)
    count = sum(b.layer is not None for part in parts[:-1] for b in part)
    if not count or not parts[-1]:
        return None
    cards = "card" if len(usable) == 1 else "cards"
    return Offload(
        shares=shares(parts),
        how=_how(scheme, limits),
        words=f"{count} of {len(model.layers)} layers on the {cards}",
        layers_on_cards=count,
        layers=len(model.layers),
        read=Bytes(shares(parts)[0].component("host")),
        copied=True,
    )


def _limits(usable: Sequence[Bytes], lacks: Callable[[Sequence[int]], int]) -> Sequence[int] | None:
    """max_memory of each card, in whole MiB so that it can be typed; None if nothing goes in.

    First the same share of all, then more of the first, and of the others of each size in turn: a
    small card is full at a smaller share, and what a process costs is most of it.
    """
    kinds = [0, *usable[1:]]

    def limits(given: Mapping[int, int]) -> list[int]:
        return [u * given[k] // _UNITS // MIB * MIB for u, k in zip(usable, kinds, strict=True)]

    same = largest(lambda n: lacks(limits(dict.fromkeys(kinds, n))), _UNITS)
    if same is None:
        return None
    shares = dict.fromkeys(kinds, same)
    for kind in shares if len(shares) > 1 else ():

        def more(share: int, kind: int = kind) -> int:
            return lacks(limits({**shares, kind: share}))

        shares[kind] = largest(more, _UNITS, same, more(same)) or same
    return limits(shares)


def _how(scheme: Scheme, limits: Sequence[int]) -> str:
    if scheme.touches != "all":
        return "device_map by hand, llm_int8_enable_fp32_cpu_offload=True"
    most = ", ".join(f'{i}: "{limit // MIB}MiB"' for i, limit in enumerate(limits))
    return f'device_map="auto", max_memory={{{most}, "cpu": ...}}'


def host_terms(model: Model, scheme: Scheme, part: Sequence[Block]) -> tuple[Term, ...]:
    """The layers in the computer's memory, and the largest module's copy on the first card."""
    kept = on_host(model, scheme) or scheme
    layers = tuple(b.layer for b in part if b.layer is not None)
    sizes = {id(b.layer): b.size for b in blocks(model, kept) if b.layer is not None}
    inside = sum(sizes[id(layer)] for layer in layers)
    # Embeddings and head are in 16 bits under bitsandbytes too.
    others = [b.size for b in part if b.layer is None]
    itemsize = 4 if kept.name == "fp32" else 2
    copied = max((*(_largest(layer, itemsize) for layer in layers), *others), default=0)
    return (
        Term(
            component="host",
            name=f"{len(layers)} layers" + (" and what is beside them" if others else ""),
            size=Bytes(inside + sum(others)),
            formula="layers_bytes + other_bytes",
            values={"layers_bytes": inside, "other_bytes": sum(others)},
            source="transformers 5.23.0, integrations/accelerate.py, infer_auto_device_map",
        ),
        Term(
            component="activations",
            name="the largest module off the card, copied to it while it runs",
            size=Bytes(copied),
            formula="module_bytes",
            values={"module_bytes": copied},
            source="accelerate 1.15.0, hooks.py, AlignDevicesHook.pre_forward",
        ),
    )


def _largest(layer: Layer, itemsize: int) -> int:
    """Bytes of the module that holds most itself; all routed experts of a layer are one."""
    modules: dict[str, int] = {}
    for tensor in (t for t in layer.tensors if not t.unloaded):
        name = "experts" if tensor.kind == "experts" else tensor.module
        modules[name] = modules.get(name, 0) + tensor.numel * itemsize
    return max(modules.values())
