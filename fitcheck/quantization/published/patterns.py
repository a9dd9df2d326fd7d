"""Names of modules in a quantization_config: exact, with wildcards, or regular expressions.

Names are compared from `layers.` on, so that `model.layers.3.mlp`, `layers.3.mlp` and
`language_model.model.layers.3.mlp` are the same module.
"""

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import Final, Literal

import msgspec

from fitcheck.errors import BadInput

# transformers: a start up to a module's end, an ending, or a regular expression of a start.
#   Source: transformers 5.23.0, quantizers/quantizers_utils.py, should_convert_module.
# compressed-tensors: a whole name, or `re:` and a regular expression.
#   Source: compressed-tensors 0.20.0, utils/match.py.
# modelopt: a name, or one with `*`. Source: vLLM 0.33.0, quantization/modelopt.py.
Dialect = Literal["transformers", "compressed-tensors", "modelopt"]

_OUTER: Final = re.compile(r"(?:(?:model|language_model|text_model|transformer|backbone)\.)+")
_LAYER: Final = re.compile(r"layers\.(\d+)(?=\.|$)")

# An expression with one repetition inside another can take for ever; none of the published ones
# has any, nor more repetitions than this side by side.
_NESTED: Final = re.compile(r"\)[*+{]")
_REPEATS: Final = re.compile(r"(?<!\\)[*+{]")
_MOST_REPEATS: Final = 6
_LONGEST: Final = 500


def canonical(name: str) -> str:
    """The name from `layers.` on, if it is a module of the language model; else the name."""
    outer = _OUTER.match(name)
    return name[outer.end() :] if outer and outer.end() < len(name) else name


class Patterns(msgspec.Struct, frozen=True):
    """A set of modules. `globs` are kept by layer, "" for those that name none."""

    names: frozenset[str] = frozenset()
    endings: tuple[str, ...] = ()
    globs: dict[str, tuple[re.Pattern[str], ...]] = msgspec.field(default_factory=dict)
    expressions: tuple[re.Pattern[str], ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.names or self.endings or self.globs or self.expressions)

    def match(self, name: str) -> bool:
        """Whether a module, by its whole path, or one that it lies in, is among them."""
        name = canonical(name)
        if self.endings and name.endswith(self.endings):
            return True
        if self.names and any(part in self.names for part in _ancestors(name)):
            return True
        layer = _LAYER.match(name)
        near = self.globs.get(layer[1], ()) if layer else ()
        if any(g.match(name) for g in (*near, *self.globs.get("", ()))):
            return True
        return any(e.match(name) or e.match(f"model.{name}") for e in self.expressions)


def patterns(words: Iterable[str], dialect: Dialect) -> Patterns:
    """The modules that a list of words names. Raises BadInput on an expression that is none."""
    names: set[str] = set()
    endings: list[str] = []
    globs: dict[str, list[re.Pattern[str]]] = {}
    expressions: list[re.Pattern[str]] = []
    for word in words:
        if dialect == "compressed-tensors" and word.startswith("re:"):
            expressions.append(_expression(word[3:]))
        elif dialect == "transformers" and re.search(r"[*+?|()\[\\^$]", word):
            expressions.append(_expression(rf"(?:{word})(?:(?<=\.)|(?=\.|$))"))
        elif "*" in word or "?" in word:
            layer = _LAYER.match(canonical(word))
            globs.setdefault(layer[1] if layer else "", []).append(_glob(canonical(word)))
        else:
            names.add(canonical(word))
            if dialect == "transformers":
                endings.append(canonical(word))
    return Patterns(
        frozenset(names),
        tuple(endings),
        {layer: tuple(found) for layer, found in globs.items()},
        tuple(expressions),
    )


def _ancestors(name: str) -> Iterable[str]:
    yield name
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _glob(word: str) -> re.Pattern[str]:
    if len(word) > _LONGEST or word.count("*") > _MOST_REPEATS:
        raise BadInput(f"quantization_config names modules by '{word[:40]}…', which is too long")
    return re.compile(translate(word))


def _expression(text: str) -> re.Pattern[str]:
    """Compile what a stranger wrote, within bounds."""
    too_much = len(text) > _LONGEST or len(_REPEATS.findall(text)) > _MOST_REPEATS
    if too_much or _NESTED.search(text):
        raise BadInput(f"quantization_config: the expression '{text[:60]}' repeats too much")
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadInput(
            f"quantization_config: '{text[:60]}' is no regular expression: {error}"
        ) from None
