"""Weight tensors of a model, alike ones together, as engines and explanations count them."""

from collections.abc import Iterator

import msgspec

from fitcheck.architecture import Kind, Model, Tensor


class Group(msgspec.Struct, frozen=True):
    """`count` tensors of one shape and purpose; `part` is `layers`, `outside` or a tower's name."""

    tensor: Tensor
    count: int
    part: str


def groups(model: Model) -> Iterator[Group]:
    """Every weight tensor of the model, tied ones once; no MTP layers and nothing left unloaded."""
    for tensor in model.tensors:
        yield Group(tensor, 1, "outside")
    first: dict[tuple[str, tuple[int, ...], Kind, str], Tensor] = {}
    counts: dict[tuple[str, tuple[int, ...], Kind, str], int] = {}
    for layer, count in model.kinds:
        for tensor in (t for t in layer.tensors if not t.unloaded):
            key = (tensor.role, tensor.shape, tensor.kind, tensor.dtype)
            first.setdefault(key, tensor)
            counts[key] = counts.get(key, 0) + count
    for key, tensor in first.items():
        yield Group(tensor, counts[key], "layers")
    for tower in model.towers:
        for tensor in tower.tensors:
            yield Group(tensor, 1, tower.name)
