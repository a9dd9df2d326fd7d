"""How vLLM divides a model: over ranks of a tensor, stages of layers, replicas, and by experts.

Source: vLLM 0.33.0, config/parallel.py, distributed/utils.py (get_pp_indices),
layers/fused_moe/config.py (FusedMoEParallelConfig.make), fused_moe/expert_map_manager.py
(determine_expert_map).
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from fitcheck.architecture import Experts, Model, Tensor
from fitcheck.engines.base import Workload, fewest_first
from fitcheck.engines.vllm.settings import Settings, read
from fitcheck.errors import BadInput
from fitcheck.machine import Card, Machine
from fitcheck.units import ceil_div

# Cards of a server as they are sold: HGX and its like. docs.vllm.ai, parallelism_scaling (0.33):
# tensors are divided within a node, stages are between nodes.
NODE: Final = 8
# What stands behind the last layer, and so on the last stage.
_LAST: Final = "output"


class Parallel(msgspec.Struct, frozen=True, kw_only=True):
    """Ranks that a tensor is divided over, stages that layers are, and replicas of all of it.

    Replicas share out their experts. `whole_experts`: each of those ranks has some experts whole,
    rather than a slice of all.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    whole_experts: bool = False

    @property
    def cards(self) -> int:
        """All ranks."""
        return self.tensor * self.pipeline * self.data

    @property
    def stage(self) -> int:
        """Ranks of one stage, over which its experts are divided."""
        return self.tensor * self.data

    def of_expert(self, width: int) -> int:
        """A rank's part of an expert's width."""
        return width if self.whole_experts else ceil_div(width, self.stage)


def parallel(given: Settings, cards: int) -> Parallel:
    """How so many cards are used: as set; tensors over all that is not stages or replicas.

    On several nodes each is a stage; where nothing is said of them they are of eight cards. Raises
    BadInput where the cards are not of that number.
    """
    tensor, pipeline = given.tensor_parallel_size, given.pipeline_parallel_size
    if pipeline is None:
        apart = tensor is None and given.data_parallel_size == 1 and cards > _node(given)
        pipeline = ceil_div(cards, _node(given)) if apart else 1
    others = pipeline * given.data_parallel_size
    if tensor is None and cards % others:
        raise BadInput(f"vLLM cannot make {others} equal parts of {cards} cards")
    found = Parallel(
        tensor=tensor or cards // others,
        pipeline=pipeline,
        data=given.data_parallel_size,
        whole_experts=given.enable_expert_parallel and cards > pipeline,
    )
    if found.cards != cards:
        raise BadInput(f"vLLM is told to take {_sizes(found)}: {found.cards} cards, not {cards}")
    return found


def _node(given: Settings) -> int:
    return given.cards_per_node or NODE


def _sizes(p: Parallel) -> str:
    named = {"tensor": p.tensor, "pipeline": p.pipeline, "data": p.data}
    return " x ".join(f"{name} {n}" for name, n in named.items() if n > 1) or "one card"


def choices(machine: Machine, workload: Workload) -> Sequence[tuple[Card, ...]]:
    """The sets of cards that the settings allow: those of whole nodes, or within one.

    Raises BadInput where there are too few.
    """
    given = read(workload.settings)
    found = [cards for cards in fewest_first(machine.cards) if _allowed(given, len(cards))]
    if not found:
        count = len(machine.cards)
        raise BadInput(f"vLLM is told to take {given.ranks} cards, there are {count}")
    return found


def _allowed(given: Settings, cards: int) -> bool:
    if given.cards_per_node is not None and cards > _node(given) and cards % _node(given):
        return False
    try:
        parallel(given, cards)
    except BadInput:
        return False
    return True


def check(model: Model, p: Parallel) -> None:
    """Raises BadInput for what vLLM refuses of this model.

    Source: config/model.py, _verify_with_expert_parallelism; distributed/utils.py.
    """
    if p.pipeline > len(model.layers):
        raise BadInput(f"{len(model.layers)} layers are fewer than {p.pipeline} pipeline stages")


def has_experts(model: Model) -> bool:
    """Whether some layer has routed experts."""
    return any(isinstance(layer.feed_forward, Experts) for layer, _ in model.kinds)


def stages(model: Model, count: int) -> Iterator[tuple[int, Model]]:
    """Each stage's first layer, and what it holds as a model of its own.

    Layers that do not divide go one each to stages before the last, from the back. Embeddings are
    on the first stage, the last norm and the head on the last, with a second copy of embeddings
    that the head is tied to. A stage without a head has no vocabulary to sample from.
    """
    layers, rest = divmod(len(model.layers), count)
    sizes = [layers] * count
    for i in range(2, rest + 2):
        sizes[-i] += 1
    first = 0
    for number, size in enumerate(sizes):
        yield first, _stage(model, first, first + size, number == 0, number == count - 1)
        first += size


def _stage(model: Model, start: int, end: int, first: bool, last: bool) -> Model:
    behind = [t for t in model.tensors if t.role.startswith(_LAST)]
    before = [t for t in model.tensors if not t.role.startswith(_LAST)]
    tied = not any(t.role == _LAST for t in behind)
    held: list[Tensor] = list(before) if first else []
    if last:
        held += behind
        if tied and not first:
            held += [t for t in before if t.role == "token_embd"]
    return msgspec.structs.replace(
        model,
        layers=model.layers[start:end],
        tensors=tuple(held),
        vocab_size=model.vocab_size if last else 0,
    )
