"""Webhooks and callbacks: where providers send, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Final

from ingress import callbacks
from ingress.contract import Json
from ingress.contract import transfers_examples as examples
from ingress.contract.answers import ATTEMPT_ID
from ingress.contract.codes import ANYWHERE, WITH_A_BODY
from ingress.contract.transfers import READS_XML, problems
from ingress.soap import wrapped

_REFUSED: Final = (
    *("unauthorized", "forbidden", "not_found", "rate_limited"),
    *WITH_A_BODY,
    *ANYWHERE,
)
_PROOF: Final = (
    "The provider's own proof, by signature, digest or token, is the only one that counts; no API "
    "key is needed. The event is stored once, and the object it speaks of is read again at the "
    "provider before anything changes. A bank that speaks SOAP is answered in its envelope."
)
_ACK: Final = wrapped('<Ack xmlns="urn:soapbank:v1"/>')
#: An event is the provider's own, and read as it comes: these are one of Stripe and one of a bank.
EVENT: Final[Json] = {
    "id": "evt_1001",
    "object": "event",
    "type": "payment_intent.succeeded",
    "created": 1774958401,
    "livemode": False,
    "data": {"object": {"id": "pi_1001", "object": "payment_intent", "status": "succeeded"}},
}
EVENT_XML: Final = wrapped(
    '<Notify xmlns="urn:soapbank:v1"><EventId>evt-1001</EventId><BankId>BANK-1234567890</BankId>'
    f"<Reference>{ATTEMPT_ID.rpartition('_')[2]}</Reference><Status>SETTLED</Status>"
    "<Amount>100.00</Amount><Currency>EUR</Currency></Notify>"
)
_TOLD: Final = (
    "What a gateway says in our own shape. The gateway proves itself as with its webhooks, or by a "
    "token in the header that its setting `callback_header` names. It is a hint like any webhook: "
    "the object it names is read again at the gateway before anything changes."
)


def _path(name: str, description: str, example: str) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "examples": [example]},
    }


_PROVIDER: Final = _path("provider", "A provider, or one gateway.", "stripe")
_GATEWAY: Final = _path("gateway", "The gateway whose secret signed it.", "stripe-eu")
_CALLER: Final = _path("gateway", "The gateway that calls.", "bank-xml")


def _take(operation_id: str, summary: str, parameters: list[Json]) -> Json:
    answer = {"schema": {"$ref": "#/components/schemas/Received"}, "example": examples.RECEIVED}
    said = {"application/json": answer, "text/xml": {"schema": {}, "example": _ACK}}
    asked: Json = {
        "application/json": {"schema": {}, "example": EVENT},
        "text/xml": {"schema": {"type": "string"}, "example": EVENT_XML},
    }
    return {
        "operationId": operation_id,
        "tags": ["Webhooks"],
        "summary": summary,
        "description": _PROOF,
        "security": [],
        "parameters": parameters,
        "requestBody": {"required": True, "content": asked},
        "responses": {"200": _stored(said), **problems(*_REFUSED)},
    }


def _call(operation_id: str, summary: str) -> Json:
    asked = examples.asked("Callback", examples.CALLBACK, examples.CALLBACK_XML)
    said = examples.said("Received", examples.RECEIVED, callbacks.ROOT)
    return {
        "operationId": operation_id,
        "tags": ["Webhooks"],
        "summary": summary,
        "description": _TOLD,
        "security": [],
        "parameters": [_CALLER],
        "requestBody": {"required": True, "content": asked},
        "responses": {
            "200": _stored(said),
            **problems("validation_failed", *READS_XML, *_REFUSED),
        },
    }


def _stored(content: Json) -> Json:
    return {
        "description": "Stored, now or before.",
        "headers": {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}},
        "content": content,
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
    "/v1/webhook/{provider}": {
        "post": _take("receiveWebhookOlder", "The same, under its older name", [_PROVIDER])
    },
    "/api/webhooks/{provider}": {
        "post": _take("receiveWebhookUnversioned", "The same, without a version", [_PROVIDER]),
        "servers": [{"url": "/"}],
    },
    "/api/providers/{provider}/webhook": {
        "post": _take(
            "receiveProvidersWebhook", "The same, without a version, another way", [_PROVIDER]
        ),
        "servers": [{"url": "/"}],
    },
    "/v1/callback/{gateway}": {"post": _call("receiveCallback", "Take a gateway's callback")},
    "/callback/{gateway}": {
        "post": _call("receiveCallbackOlder", "The same, without a version"),
        "servers": [{"url": "/"}],
    },
}
