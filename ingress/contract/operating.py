"""Operating: health, metrics and this documentation, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Final

from ingress.contract import Json
from ingress.contract.codes import refusals

_PARTS: Final = {
    "type": "object",
    "required": ["status", "parts"],
    "properties": {
        "status": {"enum": ["ok", "degraded", "unavailable", "draining"]},
        "parts": {
            "type": "object",
            "additionalProperties": {"$ref": "#/components/schemas/HealthPart"},
        },
        "verifier": {"enum": ["native", "python"]},
        "version": {"type": "string"},
    },
}
_OK_PARTS: Final = {
    "database": {"status": "ok", "required": True, "duration_ms": 0.8, "cause": None},
    "redis": {"status": "ok", "required": False, "duration_ms": 0.3, "cause": None},
}


_HEALTHY: Final = {"status": "ok", "parts": _OK_PARTS}
_METRICS: Final = """\
# HELP paylink_payments_accepted_total Payments written down.
# TYPE paylink_payments_accepted_total counter
paylink_payments_accepted_total{mode="test"} 42.0
"""
#: Both are longer than anybody wants to read here.
_DOCUMENT: Final = {"openapi": "3.1.0", "info": {"title": "PayLink", "version": "1"}, "paths": {}}
_DOCS: Final = '<!doctype html><html lang="en"><head><title>PayLink API</title></head></html>'


def _public(
    operation_id: str, summary: str, media: str, schema: Json, example: object, **more: Json
) -> Json:
    """Return a GET that needs no API key; `more` are answers besides 200 and 500."""
    content = {media: {"schema": schema, "example": example}}
    return {
        "get": {
            "operationId": operation_id,
            "tags": ["Service"],
            "summary": summary,
            "security": [],
            "responses": {
                "200": {"description": "So it is.", "content": content},
                **{status.removeprefix("status_"): answer for status, answer in more.items()},
                **refusals("internal_error"),
            },
        },
        # These are not under the older prefix.
        "servers": [{"url": "/"}],
    }


def _unwell(status: str, parts: Json) -> Json:
    return {
        "description": "Required parts are away, or the program is stopping: send nothing here.",
        "content": {
            "application/json": {"schema": _PARTS, "example": {"status": status, "parts": parts}}
        },
    }


_AWAY: Final = _unwell(
    "unavailable",
    _OK_PARTS
    | {
        "database": {
            "status": "unavailable",
            "required": True,
            "duration_ms": 1000.4,
            "cause": "TimeoutError",
        }
    },
)

PATHS: Final[Json] = {
    "/health": _public(
        "getHealth",
        "Look at every part",
        "application/json",
        _PARTS,
        _HEALTHY | {"verifier": "native", "version": "1.0.0"},
        status_503=_AWAY,
    ),
    "/health/live": _public(
        "getLiveness",
        "Ask whether the program runs",
        "application/json",
        {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}},
        {"status": "ok"},
    ),
    "/health/ready": _public(
        "getReadiness",
        "Ask whether requests can be accepted; they can without Redis",
        "application/json",
        _PARTS,
        _HEALTHY,
        status_503=_AWAY,
    ),
    "/metrics": _public(
        "getMetrics", "Read the metrics, for Prometheus", "text/plain", {"type": "string"}, _METRICS
    ),
    "/openapi.json": _public(
        "getContract", "Read this document", "application/json", {"type": "object"}, _DOCUMENT
    ),
    "/docs": _public(
        "getDocs", "Read this document as a page", "text/html", {"type": "string"}, _DOCS
    ),
}
