"""Contract objects as JSON."""

import json


def draw(value: object) -> str:
    """Two spaces of indent, characters as they are, a newline at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
