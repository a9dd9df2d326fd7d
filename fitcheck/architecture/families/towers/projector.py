"""What turns a tower's output into the language model's tokens."""

from collections.abc import Iterable

from fitcheck.architecture.config import Config
from fitcheck.architecture.families import parts
from fitcheck.architecture.model import Tower
from fitcheck.architecture.tensor import Tensor


def projector(tensors: Iterable[Tensor], tokens: int | None = None) -> Tower:
    """The tower called projector."""
    return Tower(name="projector", tensors=tuple(tensors), output_tokens=tokens)


def two_matrices(
    in_: int,
    between: int,
    out: int,
    at: str,
    *,
    bias: bool = True,
    names: tuple[str, str] = ("linear_1", "linear_2"),
    halved: bool = False,
) -> Iterable[Tensor]:
    """Two matrices with an activation between; `halved` if the first makes gates for the second."""
    yield from parts.linear("mm.0", between, in_, f"{at}{names[0]}", bias)
    inner = between // 2 if halved else between
    yield from parts.linear("mm.2", out, inner, f"{at}{names[1]}", bias)


def feature_layers(c: Config) -> int:
    """How many of the tower's layers are read: `vision_feature_layer` is one or a list."""
    listed = c.values.get("vision_feature_layer")
    return max(len(listed), 1) if isinstance(listed, list | tuple) else 1
