"""Webhooks: where providers send, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Final

from ingress.contract import Json
from ingress.contract.codes import ANYWHERE, WITH_A_BODY, refusals

_PROVIDER: Final = {
    "name": "provider",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "examples": ["stripe"]},
}
_GATEWAY: Final = {
    "name": "gateway",
    "in": "path",
    "required": True,
    "description": "The gateway whose secret signed it.",
    "schema": {"type": "string", "examples": ["stripe-eu"]},
}


def _take(operation_id: str, summary: str, parameters: list[Json]) -> Json:
    return {
        "operationId": operation_id,
        "tags": ["Webhooks"],
        "summary": summary,
        "description": (
            "The signature over the raw body is the only proof that counts; no API key is needed. "
            "The event is stored once, and the object it speaks of is read again at the provider "
            "before anything changes."
        ),
        "security": [],
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        "responses": {
            "200": {
                "description": "Stored, now or before.",
                "headers": {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}},
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/Received"},
                        "example": {"received": True, "duplicate": False},
                    }
                },
            },
            **refusals(
                "unauthorized",
                "forbidden",
                "not_found",
                "rate_limited",
                *WITH_A_BODY,
                *ANYWHERE,
            ),
        },
    }


PATHS: Final[Json] = {
    "/v1/webhooks/{provider}": {
        "post": _take(
            "receiveProviderWebhook",
            "Take a provider's webhook, whichever of its gateways it is for",
            [_PROVIDER],
        )
    },
    "/v1/webhooks/{provider}/{gateway}": {
        "post": _take(
            "receiveGatewayWebhook", "Take a webhook of one gateway", [_PROVIDER, _GATEWAY]
        )
    },
}
