"""Payments: the operations on them, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Final

from ingress.contract import Json
from ingress.contract.answers import ATTEMPT_ID, PAYMENT_ID, RATED
from ingress.contract.codes import BEHIND_A_KEY, WITH_A_BODY, refusals
from ingress.contract.list_parameters import OF_PAYMENTS
from ingress.contract.payment_answers import ACCEPTED_EXAMPLE, CAPTURED_EXAMPLE
from ingress.contract.requests import EXAMPLES
from ingress.schemas import MAX_WAIT_S

_STATUS: Final = {
    "id": PAYMENT_ID,
    "status": "captured",
    "amount": 10000,
    "amount_captured": 10000,
    "currency": "USD",
    "failure_code": None,
}
_ATTEMPT: Final = {
    "id": ATTEMPT_ID,
    "gateway": "stripe-eu",
    "number": 1,
    "operation": "charge",
    "refund_id": None,
    "state": "captured",
    "proof": None,
    "code": None,
    "cause": None,
    "amount": 10000,
    "amount_captured": 10000,
    "currency": "USD",
    "provider_reference": "pi_3PqR",
    "created_at": "2026-03-31T12:00:00.400Z",
    "finished_at": "2026-03-31T12:00:01.250Z",
    "parked": None,
}

_ID: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "A payment's `id`, which is also its `transaction_id`.",
    "schema": {"type": "string", "examples": [PAYMENT_ID]},
}
_WAIT: Final = {
    "name": "wait",
    "in": "query",
    "description": "Seconds to wait for the payment to settle; the answer comes when it does.",
    "schema": {"type": "number", "minimum": 0, "maximum": MAX_WAIT_S, "default": 0},
}
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "Names this payment: the same key with the same body gives the same answer and never a "
        "second charge, for 30 days. Required in live mode; in test mode one is made up."
    ),
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
}
_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=5`: answer 200 with the outcome if it is there within 5 seconds (at most 10).",
    "schema": {"type": "string", "examples": ["wait=5"]},
}


def _answer(description: str, schema: str, example: Json, headers: Json | None = None) -> Json:
    return {
        "description": description,
        "headers": RATED | (headers or {}),
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{schema}"},
                "example": example,
            }
        },
    }


def _header(description: str) -> Json:
    return {"description": description, "schema": {"type": "string"}}


def _accept(operation_id: str, summary: str) -> Json:
    made = {
        "Location": _header("The payment."),
        "Idempotency-Key": _header("The key that counts, made up or not."),
        "Idempotent-Replayed": _header("`true`: this answer was given before."),
    }
    waited = made | {"Preference-Applied": _header("How long was waited at most.")}
    return {
        "operationId": operation_id,
        "tags": ["Payments"],
        "summary": summary,
        "description": (
            "Writes the payment down and answers at once; workers do the rest. Ask for the "
            "outcome by `links.status`, or wait for it with `Prefer`."
        ),
        "parameters": [_IDEMPOTENCY_KEY, _PREFER],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Checkout"},
                    "examples": EXAMPLES,
                }
            },
        },
        "responses": {
            "200": _answer(
                "The outcome, which was waited for.", "Payment", CAPTURED_EXAMPLE, waited
            ),
            "202": _answer(
                "The payment is written down.", "AcceptedPayment", ACCEPTED_EXAMPLE, made
            ),
            **refusals(
                "idempotency_key_required",
                "request_in_progress",
                "order_already_active",
                "validation_failed",
                "raw_card_data_refused",
                "idempotency_key_reused",
                "amount_out_of_range",
                *WITH_A_BODY,
                *BEHIND_A_KEY,
            ),
        },
    }


def _read(operation_id: str, summary: str) -> Json:
    etag = {"ETag": _header("Changes whenever the payment does.")}
    return {
        "operationId": operation_id,
        "tags": ["Payments"],
        "summary": summary,
        "parameters": [
            _ID,
            _WAIT,
            {
                "name": "If-None-Match",
                "in": "header",
                "description": "The ETag you have. With `wait`, waits for the next change.",
                "schema": {"type": "string"},
            },
        ],
        "responses": {
            "200": _answer("The payment.", "Payment", CAPTURED_EXAMPLE, etag),
            "304": {"description": "You have it already.", "headers": RATED | etag},
            **refusals("not_found", "validation_failed", *BEHIND_A_KEY),
        },
    }


_LIST: Final = {
    "operationId": "listPayments",
    "tags": ["Payments"],
    "summary": "List payments",
    "description": "Newest first; only your own, in the mode of the key.",
    "parameters": OF_PAYMENTS,
    "responses": {
        "200": _answer(
            "One page.",
            "PaymentPage",
            {"data": [CAPTURED_EXAMPLE], "has_more": False, "next_cursor": None},
        ),
        **refusals("validation_failed", *BEHIND_A_KEY),
    },
}

_STATUS_READ: Final = {
    "operationId": "getPaymentStatus",
    "tags": ["Payments"],
    "summary": "Read a payment's status",
    "parameters": [_ID, _WAIT],
    "responses": {
        "200": _answer("Its status.", "PaymentStatus", _STATUS),
        **refusals("not_found", "validation_failed", *BEHIND_A_KEY),
    },
}

_ATTEMPTS: Final = {
    "operationId": "listAttempts",
    "tags": ["Payments"],
    "summary": "Read what was tried, where, and what came of it",
    "parameters": [_ID],
    "responses": {
        "200": _answer("Its attempts.", "AttemptList", {"data": [_ATTEMPT]}),
        **refusals("not_found", *BEHIND_A_KEY),
    },
}

PATHS: Final[Json] = {
    "/v1/checkout": {"post": _accept("createCheckout", "Accept a checkout")},
    "/v1/payments": {
        "post": _accept("createPayment", "Accept a payment: the same as a checkout"),
        "get": _LIST,
    },
    "/v1/payments/{id}": {"get": _read("getPayment", "Read a payment")},
    "/v1/payments/{id}/status": {"get": _STATUS_READ},
    "/v1/payments/{id}/attempts": {"get": _ATTEMPTS},
    "/v1/tx/{id}": {"get": _read("getTransaction", "Read a payment, under its older name")},
}
