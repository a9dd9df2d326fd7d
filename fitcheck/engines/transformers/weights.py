"""Weights as `from_pretrained` leaves them on the card."""

from collections.abc import Iterable, Iterator
from math import prod
from typing import Final

from fitcheck.architecture import Model, Tensor
from fitcheck.architecture.checkpoint import Checkpoint
from fitcheck.engines.base import Term
from fitcheck.engines.published import packed_groups, publisher, stored_terms
from fitcheck.engines.transformers import buffers
from fitcheck.engines.transformers.converted import itemsize, packs, spared
from fitcheck.engines.weights import NAMES, Group, groups, packed_term, plain_term, small_term
from fitcheck.quantization import Scheme
from fitcheck.quantization.published import Published

SOURCE: Final = "config.json; transformers 5.23.0, modeling_utils.py"


def terms(model: Model, scheme: Scheme, stored: Checkpoint | None = None) -> tuple[Term, ...]:
    """One term for each kind of matrix, one for all vectors of a type, one for each tower.

    `stored` are the files, which say it exactly where they are published in this scheme.
    """
    known = publisher(model, scheme)
    if known is not None and stored is not None:
        return stored_terms(stored, len(model.layers))
    spare = spared(model, scheme)
    found: list[Term] = []
    small: dict[int, int] = {}
    for group, packing in _groups(model, scheme, known):
        if packing is not None:
            found += _packed(group, packing, spare)
        elif group.tensor.kind in ("linear", "experts", "embedding"):
            found.append(_plain(group, itemsize(scheme, model, group.tensor)))
        else:
            size = itemsize(scheme, model, group.tensor)
            small[size] = small.get(size, 0) + group.count * group.tensor.numel
    own = 4 if scheme.name == "fp32" else 2
    return (
        *found,
        *(small_term(numbers, size, SOURCE) for size, numbers in small.items()),
        *buffers.terms(model, own),
    )


def _groups(
    model: Model, scheme: Scheme, known: Published | None
) -> Iterator[tuple[Group, Scheme | None]]:
    """Alike tensors, and the scheme that packs them: by the publisher's word, or by the rule."""
    if known is not None:
        yield from packed_groups(model, known)
        return
    for group in _alike(groups(model)):
        packed = packs(scheme, model, group.tensor, group.part)
        yield group, scheme if packed else None


def _alike(found: Iterable[Group]) -> Iterator[Group]:
    """Tensors of towers with one shape and purpose, together; those of the layers come so."""
    towers: dict[tuple[str, str, tuple[int, ...], str], Group] = {}
    for group in found:
        if group.part in ("layers", "outside"):
            yield group
            continue
        key = (group.part, group.tensor.kind, group.tensor.shape, group.tensor.dtype)
        known = towers.get(key)
        towers[key] = (
            group if known is None else Group(known.tensor, known.count + group.count, known.part)
        )
    yield from towers.values()


def _packed(group: Group, scheme: Scheme, spare: Tensor | None) -> Iterator[Term]:
    tensor, layout = group.tensor, scheme.layout
    *stack, rows, columns = tensor.shape
    if layout is None or layout.refuses(columns, rows):
        yield _plain(group, 2)
        return
    count = group.count
    if tensor is spare:
        count -= 1
        yield _plain(Group(tensor, 1, group.part), 2)
    yield packed_term(_name(group), count * prod(stack), (rows, columns), layout, scheme.source)


def _plain(group: Group, size: int) -> Term:
    return plain_term(_name(group), group.count, group.tensor.shape, size, SOURCE)


def _name(group: Group) -> str:
    name = NAMES.get(group.tensor.role, group.tensor.role)
    return name if group.part in ("layers", "outside") else f"{group.part}: {name}"
