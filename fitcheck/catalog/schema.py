"""models.yaml's JSON Schema, so that an editor completes and checks it."""

from inspect import cleandoc
from typing import Any

import msgspec

from fitcheck.catalog.models import CatalogFile


def json_schema() -> dict[str, Any]:
    """Made from the records that read the file, so the two cannot drift apart."""
    made: dict[str, Any] = msgspec.json.schema(CatalogFile)
    for record in made["$defs"].values():
        if "description" in record:  # indented as in our code, up to Python 3.12
            record["description"] = cleandoc(record["description"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "fitcheck", **made}
