"""The contract: what the door promises, written out as the data of an OpenAPI document."""

from __future__ import annotations

from typing import Any, TypeAlias

#: A part of the document.
Json: TypeAlias = dict[str, Any]
