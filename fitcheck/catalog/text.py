"""YAML text → plain values, without YAML's surprises, and the line that a path stands on.

A scalar stays the text that was written: the schema of what is read gives it its type, so that
`no` is Norwegian, `1.10` a version and `2023-02` a month. Below a key named `config` the values are
config.json's, which has no schema of ours: there plain scalars are read as JSON would read them.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from fitcheck.errors import BadFile, Problem

DEEPEST: Final = 40
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?")
_WORDS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}


def read(text: str, file: str) -> Any:  # noqa: ANN401  (a YAML document may be anything)
    """The document's value: mappings, lists and strings. An empty document is None.

    Raises BadFile, with the line, for what is no YAML and for what we refuse: a key given twice,
    merge keys, aliases, keys that are not plain words, more than one document.
    """
    value, problems = looked_at(text, file)
    if problems:
        raise BadFile(problems)
    return value


def looked_at(text: str, file: str) -> tuple[Any, list[Problem]]:
    """As `read`, with the faults that do not end the reading: a key given twice, a merge key.

    The first of two is kept. Raises BadFile for the others.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        reader = _Reader(yaml.parse(text, Loader=loader), file)
        return reader.document(), reader.problems
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "no YAML"
        if mark and text[mark.index : mark.index + 1] == "\t":
            what = "begins with a tab, and YAML is indented by spaces"
        raise BadFile([Problem(file, mark.line + 1 if mark else 0, "", what)]) from None
    except yaml.YAMLError as error:
        raise BadFile([Problem(file, 0, "", " ".join(str(error).split()))]) from None


class _Reader:
    """Walks the parser's events once."""

    def __init__(self, events: Iterator[Any], file: str) -> None:
        self.events = events
        self.file = file
        self.problems: list[Problem] = []

    def document(self) -> Any:  # noqa: ANN401
        import yaml

        value = None
        for event in self.events:
            kind = type(event)
            if kind is yaml.DocumentStartEvent:
                value = self.value(next(self.events), "", False, 0)
                next(self.events)  # the document's end
                extra = next(self.events)
                if type(extra) is not yaml.StreamEndEvent:
                    raise self.fault(extra, "", "a second document: one file is one catalog")
                return value
        return value

    def value(self, event: Any, path: str, as_json: bool, depth: int) -> Any:  # noqa: ANN401
        import yaml

        kind = type(event)
        if kind is yaml.ScalarEvent:
            return _resolved(event.value) if as_json and event.implicit[0] else event.value
        if depth > DEEPEST:
            raise self.fault(event, path, "is nested too deeply")
        if kind is yaml.SequenceStartEvent:
            return self.sequence(path, as_json, depth)
        if kind is yaml.MappingStartEvent:
            return self.mapping(path, as_json, depth)
        raise self.fault(event, path, "is an alias: write the value out")

    def sequence(self, path: str, as_json: bool, depth: int) -> list[Any]:
        import yaml

        items: list[Any] = []
        while type(event := next(self.events)) is not yaml.SequenceEndEvent:
            items.append(self.value(event, f"{path}[{len(items)}]", as_json, depth + 1))
        return items

    def mapping(self, path: str, as_json: bool, depth: int) -> dict[str, Any]:
        import yaml

        found: dict[str, Any] = {}
        while type(event := next(self.events)) is not yaml.MappingEndEvent:
            if type(event) is not yaml.ScalarEvent:
                raise self.fault(event, path, "has a key that is not a plain word")
            key = event.value
            below = f"{path}.{key}" if path else key
            begun = next(self.events)
            if key == "<<":
                self.problems.append(
                    self.problem(event, path, "has a merge key: use `like` instead")
                )
                if type(begun) is not yaml.AliasEvent:
                    self.value(begun, below, False, depth + 1)
                continue
            if key in found:
                self.problems.append(self.problem(event, below, "is given twice"))
            value = self.value(begun, below, as_json or key == "config", depth + 1)
            found.setdefault(key, value)
        return found

    def problem(self, event: Any, path: str, message: str) -> Problem:  # noqa: ANN401
        return Problem(self.file, event.start_mark.line + 1, path, message)

    def fault(self, event: Any, path: str, message: str) -> BadFile:  # noqa: ANN401
        return BadFile([*self.problems, self.problem(event, path, message)])


def _resolved(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text) and len(text) < 40:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def line_of(text: str, path: str) -> int:
    """The line where the value at `path` (`models[3].config.head_dim`) begins, or its parent."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    node = yaml.compose(text, Loader=loader)
    line = 1
    for step in re.findall(r"[^.\[\]]+", path):
        child = _child(node, step)
        if child is None:
            return line
        node, line = child
    return line


def _child(node: Any, step: str) -> tuple[Any, int] | None:  # noqa: ANN401
    if isinstance(node.value, list) and node.id == "sequence" and step.isdigit():
        items = node.value
        return (
            (items[int(step)], items[int(step)].start_mark.line + 1)
            if int(step) < len(items)
            else None
        )
    if node.id == "mapping":
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line + 1
    return None
