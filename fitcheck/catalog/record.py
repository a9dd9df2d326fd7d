"""Plain values → records, with every fault told at once."""

import re
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from fitcheck.errors import nearest

Fault = tuple[str, str]  # path, message
T = TypeVar("T")


def convert(value: object, kind: type[T]) -> T:
    """The record, from text scalars. Raises msgspec.ValidationError at the first fault."""
    return msgspec.convert(value, kind, strict=False)


def faults(value: object, kind: Any, path: str) -> list[Fault]:  # noqa: ANN401  (a type expression)
    """Every fault of a value that should be a `kind`: unknown and missing keys, wrong values."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct_faults(value, kind, path)
    if get_origin(kind) is tuple and isinstance(value, list):
        inner = get_args(kind)[0]
        return [f for i, item in enumerate(value) for f in faults(item, inner, f"{path}[{i}]")]
    try:
        convert(value, kind)
    except msgspec.ValidationError as error:
        meant = _described(kind)
        return [(path, f"is not {meant}") if meant else _told(error, path)]
    return []


def _described(kind: Any) -> str:  # noqa: ANN401  (a type expression)
    """What a value of that type is, in words, where the type or one of its parts says so."""
    metas = (meta for part in (kind, *get_args(kind)) for meta in getattr(part, "__metadata__", ()))
    return next((meta.description for meta in metas if meta.description), "")


def _struct_faults(value: object, kind: type[msgspec.Struct], path: str) -> list[Fault]:
    if not isinstance(value, dict):
        return [(path, "is not a mapping")]
    fields = {f.encode_name: f for f in msgspec.structs.fields(kind)}
    found: list[Fault] = []
    for key, item in value.items():
        below = f"{path}.{key}" if path else key
        if key in fields:
            found += faults(item, fields[key].type, below)
        else:
            near = nearest(key, fields, most=1)
            found.append(
                (below, "is not a key here" + (f"; did you mean {near[0]}?" if near else ""))
            )
    found += [
        (path, f"has no {name}") for name, f in fields.items() if f.required and name not in value
    ]
    return found


def _told(error: msgspec.ValidationError, path: str) -> Fault:
    """msgspec's own words, with the place inside the value put behind the path."""
    message, _, place = str(error).partition(" - at ")
    inner = re.sub(r"^`\$|`$", "", place)
    return path + inner, f"is wrong: {message[0].lower()}{message[1:]}"
