"""Codes: every error that the door may answer with, and what its reader should do."""

from __future__ import annotations

from typing import Final

from ingress.contract import Json

#: Code: (status, what it means and what to do). A test compares it with `ingress.problems`.
CODES: Final[dict[str, tuple[int, str]]] = {
    "bad_request": (400, "The request is not well-formed HTTP."),
    "malformed_body": (400, "The body is not UTF-8, or not the JSON or XML that it says it is."),
    "soap_version_unsupported": (400, "The envelope is not one of SOAP 1.1. Send SOAP 1.1."),
    "soap_header_not_understood": (
        400,
        "A SOAP header says mustUnderstand, and none is understood here. Send it without.",
    ),
    "idempotency_key_required": (
        400,
        "A live payment came without an Idempotency-Key. Send one, new for each payment.",
    ),
    "unauthorized": (
        401,
        "The API key is missing, unknown, wrong, expired or revoked; which of these is not told. "
        "For a webhook: the signature is missing or wrong.",
    ),
    "forbidden": (
        403,
        "The key is right, but its merchant is not active, it lacks the scope, or it may not be "
        "used from this address.",
    ),
    "not_found": (
        404,
        "There is nothing of yours, in this mode, under this path. Test keys see test payments, "
        "live keys live ones.",
    ),
    "method_not_allowed": (405, "The path does not know the method; see the Allow header."),
    "request_in_progress": (
        409,
        "The first request with this Idempotency-Key is still being written. Send the same "
        "request again after Retry-After.",
    ),
    "order_already_active": (
        409,
        "Another payment with this order_id has not ended. Wait for it, cancel it, or use another.",
    ),
    "operation_in_flight": (
        409,
        "Another operation on this payment is open. Try again after Retry-After.",
    ),
    "illegal_state": (
        409,
        "The payment's status, or that the customer was anonymized, does not allow this. Read it, "
        "then decide. About a payment, `allowed_operations` names what is possible now.",
    ),
    "refund_window_closed": (
        409,
        "The money was captured too long ago for a refund. Pay it out instead.",
    ),
    "operation_not_supported": (409, "The payment's provider cannot do this."),
    "lease_lost": (409, "Somebody else works on this object. Try again."),
    "customer_exists": (409, "Another customer has this external_id. Update that one."),
    "limit_reached": (409, "There are as many of these as there may be. Remove one first."),
    "withdrawal_refused": (
        409,
        "The merchant's balance or a limit does not allow this withdrawal now. Nothing was sent.",
    ),
    "body_too_large": (413, "The body is larger than 64 KiB, or 1 MiB for a webhook."),
    "path_too_long": (414, "Path and query are longer than 8 KiB."),
    "unsupported_media_type": (
        415,
        "The body is neither JSON nor XML, or not in UTF-8. Send application/json, "
        "application/xml or text/xml.",
    ),
    "validation_failed": (422, "Fields are wrong: `errors` names all of them, each with its fix."),
    "raw_card_data_refused": (
        422,
        "Something in the request looks like a card number or a security code. Send a provider's "
        "token. Nothing was stored, nothing was logged.",
    ),
    "idempotency_key_reused": (
        422,
        "This Idempotency-Key was used with a different request. Use a new key, or send the "
        "original request again.",
    ),
    "amount_out_of_range": (422, "The amount is outside what this currency allows."),
    "amount_exceeds_refundable": (
        422,
        "More was asked back than is left; `fix` says how much is. What is on its way back counts.",
    ),
    "amount_exceeds_authorized": (
        422,
        "More was to be captured than is held; `fix` says how much is.",
    ),
    "currency_mismatch": (422, "The amount is not in the payment's currency."),
    "rate_limited": (429, "Too many requests in this minute. Try again after Retry-After."),
    "headers_too_large": (431, "The headers are larger than 16 KiB."),
    "client_closed_request": (499, "The client left early. Nobody reads this: it is for our log."),
    "internal_error": (500, "A fault of ours, recorded under the request id. Retrying is safe."),
    "overloaded": (
        503,
        "As much waits already as may. Send the same request again after Retry-After, with the "
        "same Idempotency-Key.",
    ),
    "unavailable": (
        503,
        "A part of the service is away. Send the same request again after Retry-After, with the "
        "same Idempotency-Key.",
    ),
}

#: What any operation may answer.
ANYWHERE: Final = (
    *("headers_too_large", "path_too_long", "internal_error", "overloaded", "unavailable"),
)
#: What any operation behind an API key may answer.
BEHIND_A_KEY: Final = ("unauthorized", "forbidden", "rate_limited", *ANYWHERE)
#: What any operation that takes a body may answer.
WITH_A_BODY: Final = ("body_too_large", "malformed_body")

_RETRY: Final = frozenset({"request_in_progress", "operation_in_flight", "lease_lost"})


def refusals(*codes: str) -> Json:
    """Return the error answers of an operation, by status, with each code as an example."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(CODES[code][0], []).append(code)
    return {str(status): _answer(status, by_status[status]) for status in sorted(by_status)}


def _answer(status: int, codes: list[str]) -> Json:
    headers: Json = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
    if status in {429, 503} or not _RETRY.isdisjoint(codes):
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    if status == 401:
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}}
    return {
        "description": "\n".join(f"- `{code}`: {CODES[code][1]}" for code in codes),
        "headers": headers,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {code: {"value": _example(status, code)} for code in codes},
            }
        },
    }


def _example(status: int, code: str) -> Json:
    wrong = {
        "validation_failed": [
            {
                "field": "amount",
                "reason": "100.00 is refused: send 10000 (minor units)",
                "fix": "send the integer 10000",
            }
        ],
        "raw_card_data_refused": [
            {
                "field": "metadata.note",
                "reason": "looks like a card number",
                "fix": "send a provider token in payment_method.token, never a card number",
            }
        ],
    }
    return {
        "type": f"urn:paylink:problem:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": CODES[code][1],
        "code": code,
        "operation": "POST /v1/checkout",
        "request_id": "0198c0de7f3a7c519a3d5f0e4b2a6d18",
        "errors": wrong.get(code, []),
    }
