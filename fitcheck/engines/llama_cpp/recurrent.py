"""llama.cpp's recurrent state: so many 32 bit numbers for each slot and layer, at any context.

Source: llama.cpp 0c1e57098, src/llama-memory-recurrent.cpp, src/llama-hparams.cpp (n_embd_r,
n_embd_s).
"""

from typing import Final

from fitcheck.architecture import CompressedAttention, Mixer
from fitcheck.engines.base import Component, Term
from fitcheck.engines.llama_cpp.graph.plan import Subject
from fitcheck.engines.llama_cpp.graph.tensors import HOST
from fitcheck.engines.llama_cpp.placement import Split
from fitcheck.engines.llama_cpp.settings import Settings
from fitcheck.units import Bytes

_SOURCE: Final = "llama.cpp 0c1e57098, src/llama-memory-recurrent.cpp"
_ITEM: Final = 4


def terms(subject: Subject, settings: Settings, split: Split, device: int) -> tuple[Term, ...]:
    """What the states take on a card, or with HOST in the computer's memory."""
    found: dict[int, int] = {}
    for i, layer in enumerate(subject.model.layers):
        width = sum(map(_width, layer.mixers))
        if width and (split.place(i) if settings.kv_offload else HOST) == device:
            found[width] = found.get(width, 0) + 1
    return tuple(_term(width, layers, settings, device) for width, layers in found.items())


def _width(mixer: Mixer) -> int:
    """Numbers kept for each slot; of windows that overlap llama.cpp keeps two, not one and a half.

    Source: llama.cpp 0c1e57098, src/llama-kv-cache-dsv4.cpp (csa_state, lid_state).
    """
    overlaps = isinstance(mixer, CompressedAttention) and mixer.index_head_dim is not None
    return mixer.state_values() * (2 if overlaps else 1)


def _term(width: int, layers: int, settings: Settings, device: int) -> Term:
    component: Component = "host" if device == HOST else "recurrent_state"
    return Term(
        component=component,
        name="recurrent and convolution state",
        size=Bytes(layers * settings.parallel * width * _ITEM),
        formula="layers * slots * state_values * itemsize",
        values={
            "layers": layers,
            "slots": settings.parallel,
            "state_values": width,
            "itemsize": _ITEM,
        },
        source=_SOURCE,
    )
