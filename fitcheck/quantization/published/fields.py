"""Values out of a quantization_config, which anyone may have written."""

from collections.abc import Mapping, Sequence
from typing import Final

from fitcheck.errors import BadInput

WHERE: Final = "quantization_config"

# The longest rows and tiles of any model are far below; larger figures are errors or jokes.
LARGEST: Final = 1 << 20


def fault(key: str, value: object, wanted: str) -> BadInput:
    """The error that says which key holds what, and what it should hold."""
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return BadInput(f"{WHERE}.{key} is {shown}, not {wanted}")


def whole(section: Mapping[str, object], *keys: str, default: int | None = None) -> int:
    """A number of at least one under the first key that is there. Raises BadInput."""
    key, value = _first(section, keys)
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LARGEST:
        raise fault(key, value, f"a whole number from 1 to {LARGEST}")
    return value


def group_size(section: Mapping[str, object], *keys: str, default: int | None = None) -> int | None:
    """Weights in a group; None for -1, which is the whole row. Raises BadInput."""
    key, value = _first(section, keys)
    if value is None:
        return default
    if value == -1 and isinstance(value, int):
        return None
    return whole({key: value}, key)


def flag(section: Mapping[str, object], key: str, default: bool = False) -> bool:
    """True or false. Raises BadInput on anything else."""
    value = section.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise fault(key, value, "true or false")
    return value


def text(section: Mapping[str, object], *keys: str, default: str = "") -> str:
    """A word. Raises BadInput on anything else."""
    key, value = _first(section, keys)
    if value is None:
        return default
    if not isinstance(value, str):
        raise fault(key, value, "a word")
    return value


def mapping(section: Mapping[str, object], key: str) -> Mapping[str, object]:
    """An object, empty if absent. Raises BadInput on anything else."""
    value = section.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
        raise fault(key, value, "an object")
    return value


def words(section: Mapping[str, object], *keys: str) -> tuple[str, ...]:
    """A list of words, empty if absent. Raises BadInput on anything else."""
    key, value = _first(section, keys)
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise fault(key, value, "a list of names")
    if not all(isinstance(v, str) for v in value):
        raise fault(key, value, "a list of names")
    return tuple(value)


def pair(section: Mapping[str, object], *keys: str) -> tuple[int, int] | None:
    """Rows and columns of a tile, None if absent. Raises BadInput on anything else."""
    key, value = _first(section, keys)
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise fault(key, value, "two numbers")
    return whole({key: value[0]}, key), whole({key: value[1]}, key)


def _first(section: Mapping[str, object], keys: tuple[str, ...]) -> tuple[str, object]:
    return next(((k, section[k]) for k in keys if section.get(k) is not None), (keys[0], None))
