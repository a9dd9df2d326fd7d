"""config.json's values, read by name with the wrong ones refused."""

from collections.abc import Mapping
from typing import Final

from fitcheck.errors import BadInput

# No dimension of a real model comes near; a larger number is a broken or a hostile file.
LARGEST_DIMENSION: Final = 1 << 31
MOST_LAYERS: Final = 4096


class Config:
    """A config.json (or a part of it): typed getters that know the older spellings of a key.

    `name` is put in front of every complaint. `None` in the file counts as absent, as in
    transformers.
    """

    def __init__(
        self, values: Mapping[str, object], name: str = "config.json", path: str = ""
    ) -> None:
        self.values = values
        self.name = name
        self.path = path

    def over(self, **defaults: object) -> "Config":
        """The same over what a class takes for keys that the file does not have at all.

        A null in the file stays, since to transformers it is an answer: `num_key_value_heads: null`
        means as many as there are heads, its absence the class's default.
        """
        return Config({**defaults, **self.values}, self.name, self.path)

    def having(self, **values: object) -> "Config":
        """The same with these values, whatever the file says."""
        return Config({**self.values, **values}, self.name, self.path)

    def replaced(self, **values: object) -> "Config":
        """The same with these values in place of the file's."""
        return Config({**self.values, **values}, self.name, self.path)

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def fault(self, key: str, message: str) -> BadInput:
        """The complaint about one key, to be raised."""
        return BadInput(f"{self.name}: {self.path}{key} {message}")

    def _first(self, keys: tuple[str, ...]) -> tuple[str, object] | None:
        for key in keys:
            value = self.values.get(key)
            if value is not None:
                return key, value
        return None

    def missing(self, *keys: str) -> BadInput:
        """The complaint that none of these keys is there."""
        also = f" (nor {', '.join(keys[1:])})" if keys[1:] else ""
        return BadInput(f"{self.name}: {self.path}{keys[0]} is missing{also}")

    def optional_whole(self, *keys: str, least: int = 1) -> int | None:
        """The first of these keys that is there, as a whole number, or None."""
        found = self._first(keys)
        if found is None:
            return None
        key, value = found
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fault(key, f"is {short(value)}, not a whole number")
        if not least <= value <= LARGEST_DIMENSION:
            raise self.fault(key, f"is {value}, which no model has")
        return value

    def whole(self, *keys: str, default: int | None = None, least: int = 1) -> int:
        """The first of these keys that is there, else `default`, else a complaint."""
        value = self.optional_whole(*keys, least=least)
        if value is not None:
            return value
        if default is None:
            raise self.missing(*keys)
        return default

    def layer_count(self, *keys: str) -> int:
        """A number of layers, small enough to be listed."""
        value = self.whole(*keys)
        if value > MOST_LAYERS:
            raise self.fault(keys[0], f"is {value}, which no model has")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A finite number."""
        value = self.values.get(key)
        if value is None:
            if default is None:
                raise self.missing(key)
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e30:
            raise self.fault(key, f"is {short(value)}, not a number")
        return float(value)

    def flag(self, *keys: str, default: bool = False) -> bool:
        """True or false."""
        found = self._first(keys)
        if found is None:
            return default
        if not isinstance(found[1], bool | int):
            raise self.fault(found[0], f"is {short(found[1])}, not true or false")
        return bool(found[1])

    def text(self, *keys: str, default: str = "") -> str:
        """A string."""
        found = self._first(keys)
        if found is None:
            return default
        if not isinstance(found[1], str):
            raise self.fault(found[0], f"is {short(found[1])}, not a string")
        return found[1]

    def items(self, *keys: str) -> list[object] | None:
        """A list of at most as many items as a model has layers, or None."""
        found = self._first(keys)
        if found is None:
            return None
        if not isinstance(found[1], list | tuple) or len(found[1]) > MOST_LAYERS:
            raise self.fault(found[0], f"is {short(found[1])}, not a list")
        return list(found[1])

    def pair(self, key: str, default: tuple[int, int]) -> tuple[int, int]:
        """A list of two whole numbers, else `default`."""
        found = self.items(key)
        if found is None:
            return default
        if len(found) != 2:
            raise self.fault(key, f"has {len(found)} items, not two")
        first, second = (self.having(**{key: one}).whole(key) for one in found)
        return first, second

    def section(self, *keys: str) -> "Config | None":
        """A nested configuration (`text_config`), or None."""
        found = self._first(keys)
        if found is None:
            return None
        if not isinstance(found[1], Mapping):
            raise self.fault(found[0], f"is {short(found[1])}, not a mapping")
        return Config(found[1], self.name, f"{self.path}{found[0]}.")

    def required_section(self, *keys: str) -> "Config":
        """A nested configuration that must be there."""
        found = self.section(*keys)
        if found is None:
            raise self.missing(*keys)
        return found

    @property
    def model_type(self) -> str:
        """`model_type`, lower case, empty where it is not given."""
        return self.text("model_type").lower()

    @property
    def dtype(self) -> str:
        """The type of the published weights, by torch's name; bfloat16 where nothing is said."""
        return self.text("dtype", "torch_dtype", default="bfloat16").removeprefix("torch.")


def short(value: object) -> str:
    """A value as a complaint shows it: at most forty characters."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
