"""JSON from strangers: a mapping, or one line that says why not."""

import json
from collections import Counter
from pathlib import Path
from typing import Final

from fitcheck.errors import BadInput
from fitcheck.sources.files import Reader, read_whole, shown, whole
from fitcheck.units import MIB

# A config.json with two thousand class labels is 100 KB.
MOST_CONFIG: Final = 4 * MIB


def read_mapping(path: Path, most: int = MOST_CONFIG) -> dict[str, object]:
    """The object in a JSON file. Raises BadInput where it is none."""
    return mapping(read_whole(path, most), str(path))


def mapping_of(file: Reader, most: int = MOST_CONFIG) -> dict[str, object]:
    """The object in an open JSON file. Raises BadInput where it is none."""
    return mapping(whole(file, most), file.name)


def mapping(text: bytes, name: str) -> dict[str, object]:
    """The object that JSON text holds. Raises BadInput where it is none, or a key stands twice."""
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except _Twice as twice:
        raise BadInput(f"{name}: the key {shown(str(twice))} stands in it twice") from None
    except UnicodeDecodeError:
        raise BadInput(f"{name}: is not text, so it is no JSON") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"{name}:{error.lineno}: is no JSON: {error.msg.lower()}") from None
    except RecursionError:
        raise BadInput(f"{name}: is nested too deep") from None
    except ValueError:
        raise BadInput(f"{name}: holds a number that is too long") from None
    if not isinstance(found, dict):
        raise BadInput(f"{name}: holds no object, but {type(found).__name__}")
    return found


class _Twice(Exception):
    """The key that stands twice."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    raise _Twice(Counter(key for key, _ in pairs).most_common(1)[0][0])
