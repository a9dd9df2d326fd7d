"""Weights as their publisher packed them: by config.json's word, or as the files list them."""

from collections.abc import Iterator

from fitcheck.architecture import Kind, Model, Tensor
from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.engines.base import Term
from fitcheck.engines.weights import Group
from fitcheck.quantization import Scheme
from fitcheck.quantization.published import Published, layer_module, published
from fitcheck.units import Bytes


def publisher(model: Model, scheme: Scheme) -> Published | None:
    """What the checkpoint says of itself, if it is one that is published in this scheme."""
    if model.quantization_config is None:
        return None
    found = published(model.quantization_config)
    words = {scheme.name, *scheme.aliases}
    if found.unknown or not any(words & {s.name, *s.aliases} for s in found.schemes):
        return None
    return found


def packed_groups(model: Model, known: Published) -> Iterator[tuple[Group, Scheme | None]]:
    """Every tensor with the scheme that packs it, None for what is kept; alike ones together.

    A publisher may pack each layer otherwise, so every layer is asked about by its number.
    """
    for tensor in model.tensors:
        yield Group(tensor, 1, "outside"), known.packs(tensor.module, tensor)
    first: dict[tuple[str, tuple[int, ...], Kind, str, str], tuple[Tensor, Scheme | None]] = {}
    counts: dict[tuple[str, tuple[int, ...], Kind, str, str], int] = {}
    for number, layer in enumerate(model.layers):
        for tensor in (t for t in layer.tensors if not t.unloaded):
            scheme = known.packs(layer_module(number, tensor.module), tensor)
            name = "" if scheme is None else scheme.name
            key = (tensor.role, tensor.shape, tensor.kind, tensor.dtype, name)
            first.setdefault(key, (tensor, scheme))
            counts[key] = counts.get(key, 0) + 1
    for key, (tensor, scheme) in first.items():
        yield Group(tensor, counts[key], "layers"), scheme
    for tower in model.towers:
        for tensor in tower.tensors:
            yield Group(tensor, 1, tower.name), known.packs(tensor.module, tensor)


def stored_terms(checkpoint: Checkpoint, num_hidden_layers: int | None) -> tuple[Term, ...]:
    """What the files hold of the model, by type; MTP layers and buffers stay on disk."""
    parts = checkpoint.parts(num_hidden_layers)
    sizes: dict[str, int] = {}
    for tensor in (*parts["language"], *parts["tower"]):
        sizes[tensor.dtype] = sizes.get(tensor.dtype, 0) + tensor.size
    if checkpoint.stated_size is not None:
        sizes = {"all": checkpoint.stated_size}
    count = len(checkpoint.files) or 1
    stated = checkpoint.stated_size is not None
    said = "stated sizes" if stated else f"{checkpoint.format} headers"
    return tuple(
        Term(
            component="weights",
            name=f"tensors stored as {dtype}",
            size=Bytes(size),
            formula="stored_bytes",
            values={"stored_bytes": size},
            source=f"{said} of {count} file(s)",
        )
        for dtype, size in sizes.items()
    )
