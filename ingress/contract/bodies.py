"""Bodies: what the schemas of requests share: closed, text on one line, and null is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ingress.contract import Json
from ingress.orders import MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_VALUE

#: What `ingress.strict_json` refuses in any text.
_ONE_LINE: Final = "^[^\\x00-\\x1f\\x7f-\\x9f]*$"

CURRENCY: Final[Json] = {"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217."}
COUNTRY: Final[Json] = {
    "type": "string",
    "pattern": "^[A-Z]{2}$",
    "description": "ISO 3166-1 alpha-2.",
}
#: The metadata that a request may bring.
METADATA: Final[Json] = {
    "type": "object",
    "maxProperties": MAX_METADATA,
    "propertyNames": {"minLength": 1, "maxLength": MAX_METADATA_NAME, "pattern": _ONE_LINE},
    "additionalProperties": {
        "type": "string",
        "maxLength": MAX_METADATA_VALUE,
        "pattern": _ONE_LINE,
    },
    "description": "Yours; returned as it came. Not for card data.",
}


def line(most: int) -> Json:
    """Return a text of 1 to `most` characters on one line."""
    return {"type": "string", "minLength": 1, "maxLength": most, "pattern": _ONE_LINE}


def closed(description: str, required: Sequence[str], properties: Json) -> Json:
    """Return an object that has no other fields; what may be left out may as well be null."""
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "required": list(required),
        "properties": {
            name: schema if name in required else _or_null(schema)
            for name, schema in properties.items()
        },
    }


def _or_null(schema: Json) -> Json:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    wider = dict(schema)
    if "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        wider["type"] = [*types, "null"]
    if "enum" in schema:
        wider["enum"] = [*schema["enum"], None]
    return wider
