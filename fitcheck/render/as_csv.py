"""Contract objects as comma-separated rows, nested keys joined by dots."""

from collections.abc import Iterable, Iterator

from fitcheck.render.grid import Object


def draw(objects: Iterable[Object]) -> str:
    """A header and a row for each object; words of a list joined by `; `, objects in a list as
    JSON, unknown left empty. Without an object there is no header either.
    """
    import csv
    from io import StringIO

    rows = [dict(flat(o)) for o in objects]
    if not rows:
        return ""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    out = StringIO()
    writer = csv.DictWriter(out, keys, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def flat(value: Object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every leaf under its dotted key."""
    for key, item in value.items():
        if isinstance(item, dict):
            yield from flat(item, f"{prefix}{key}.")
        elif isinstance(item, list):
            whole = any(isinstance(part, (dict, list)) for part in item)
            yield f"{prefix}{key}", _json(item) if whole else "; ".join(map(str, item))
        else:
            yield f"{prefix}{key}", "" if item is None else item


def _json(item: object) -> str:
    import json

    return json.dumps(item, ensure_ascii=False)
