"""A model with a part of it in host memory: as much on the cards as surely goes in.

A mixture keeps every layer's attention on the card and gives up routed experts first, of which a
token reads a few: so llama.cpp fills cards by itself (0c1e57098, common/fit.cpp: dense parts of all
layers first). What does not fit even so, and models without experts, give up whole layers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from fitcheck.architecture import Experts, Model
from fitcheck.engines.base import Memory, Offload, Range, Workload
from fitcheck.engines.llama_cpp.gguf import GgufFile
from fitcheck.engines.llama_cpp.placement import LOOKED_UP, Held, is_expert
from fitcheck.search import largest
from fitcheck.units import Bytes

LAYERS: Final = "n_gpu_layers"
EXPERTS: Final = "n_cpu_moe"

Settings = Mapping[str, int]


class Options(msgspec.Struct, frozen=True):
    """What a program calls them; `experts` and `split` are empty where it has no such thing."""

    layers: str
    experts: str = ""
    split: str = ""


class Divided(Protocol):
    """What is asked of a model in llama.cpp to find its places."""

    model: Model

    @property
    def file(self) -> GgufFile:
        """Its tensors."""
        ...

    def shares(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Memory, ...]:
        """Memory on each card."""
        ...

    def totals(self, workload: Workload, usable: Sequence[Bytes]) -> tuple[Range, ...]:
        """Totals on each card."""
        ...

    def held(self, workload: Workload, usable: Sequence[Bytes]) -> Iterable[Held]:
        """The weights at their places."""
        ...


def offloaded(
    loaded: Divided, workload: Workload, usable: Sequence[Bytes], options: Options
) -> Offload | None:
    """The arrangement; None where not even one layer goes in, or where one was asked for.

    Where there is a choice, the one of which a token reads least in host memory.
    """
    if LAYERS in workload.settings or EXPERTS in workload.settings:
        return None

    def lacks(settings: Settings) -> int:
        totals = loaded.totals(_asking(workload, settings), usable)
        return max(t.high - u for t, u in zip(totals, usable, strict=True))

    def read(settings: Settings) -> int:
        return _read_from_host(loaded.model, loaded.held(_asking(workload, settings), usable))

    blocks = loaded.file.block_count
    mixture = bool(options.experts and loaded.file.experts)
    tried = list(_arrangements(blocks, lacks, mixture=mixture, cards=len(usable)))
    if not tried:
        return None
    best = tried[0] if len(tried) == 1 else min(tried, key=read)
    return Offload(
        shares=loaded.shares(_asking(workload, best), usable),
        how=_how(best, options),
        words=_words(best, blocks, "card" if len(usable) == 1 else "cards"),
        layers_on_cards=best.get(LAYERS, blocks + 1),
        layers=blocks + 1,
        read=Bytes(read(best)),
        settings=best,
    )


def _asking(workload: Workload, settings: Settings) -> Workload:
    told = {name: str(number) for name, number in settings.items()}
    return msgspec.structs.replace(workload, settings={**workload.settings, **told})


def _arrangements(
    blocks: int, lacks: Callable[[Settings], int], *, mixture: bool, cards: int
) -> Iterator[dict[str, int]]:
    """A mixture's experts in host memory, of as few layers as need be; layers where need be.

    Cards take equal numbers of layers, with experts or without. So on several of them it may be
    better to give up whole layers, of which none is without experts.
    """
    always = {EXPERTS: blocks} if mixture else {}
    if mixture and lacks(always) <= 0:
        kept = largest(lambda n: lacks({EXPERTS: blocks - n}), blocks - 1) or 0
        yield {EXPERTS: blocks - kept}
        if cards == 1:
            return
        always = {}
    count = largest(lambda n: lacks({LAYERS: n, **always}), blocks)
    if count is not None:
        yield {LAYERS: count, **always}


def _read_from_host(model: Model, held: Iterable[Held]) -> int:
    """Bytes of weights in host memory that are read for one token."""
    feeds = (layer.feed_forward for layer, _ in model.kinds)
    mixture = next((f for f in feeds if isinstance(f, Experts)), None)
    total = 0
    for h in held:
        role = h.packed.tensor.role
        if h.card >= 0 or role in LOOKED_UP:
            continue
        if mixture is not None and is_expert(role):
            total += h.size * mixture.num_experts_per_tok // mixture.num_experts
        else:
            total += h.size
    return total


def _how(found: Settings, options: Options) -> str:
    formats = {LAYERS: options.layers, EXPERTS: options.experts}
    return " ".join(formats[key].format(number) for key, number in found.items())


def _words(found: Settings, blocks: int, cards: str) -> str:
    said = []
    if LAYERS in found:
        said.append(f"{found[LAYERS]} of {blocks + 1} layers on the {cards}")
    if EXPERTS in found:
        count = found[EXPERTS]
        whose = "all" if count >= blocks else f"the first {count} of {blocks}"
        said.append(f"experts of {whose} layers off it")
    return ", ".join(said)
