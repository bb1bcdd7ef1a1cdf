"""PayPal's refusals in its error shapes: Orders and Payments, Payouts, OAuth."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Refusal, Refused

INFORMATION = "https://developer.paypal.com/api/rest/reference/orders/v2/errors/"

#: Status and message of each family.
FAMILIES: Mapping[str, tuple[int, str]] = {
    "INVALID_REQUEST": (
        400,
        "Request is not well-formed, syntactically incorrect, or violates schema.",
    ),
    "AUTHENTICATION_FAILURE": (
        401,
        "Authentication failed due to missing authorization header, or invalid authentication "
        "credentials.",
    ),
    "NOT_AUTHORIZED": (403, "Authorization failed due to insufficient permissions."),
    "RESOURCE_NOT_FOUND": (404, "The specified resource does not exist."),
    "METHOD_NOT_SUPPORTED": (405, "The server does not implement the requested HTTP method."),
    "RESOURCE_CONFLICT": (409, "The server has detected a conflict while processing this request."),
    "REQUEST_TOO_LARGE": (413, "The request is larger than the server accepts."),
    "UNSUPPORTED_MEDIA_TYPE": (
        415,
        "The server does not support the request payload's media type.",
    ),
    "UNPROCESSABLE_ENTITY": (
        422,
        "The requested action could not be performed, semantically incorrect, or failed business "
        "validation.",
    ),
    "RATE_LIMIT_REACHED": (429, "Too many requests. Blocked due to rate limiting."),
    "INTERNAL_SERVER_ERROR": (500, "An internal server error occurred."),
    "SERVICE_UNAVAILABLE": (503, "Service Unavailable."),
}
STAGE: Mapping[Refusal, str] = {
    Refusal.NOT_FOUND: "RESOURCE_NOT_FOUND",
    Refusal.METHOD: "METHOD_NOT_SUPPORTED",
    Refusal.TOO_LARGE: "REQUEST_TOO_LARGE",
    Refusal.RATE_LIMITED: "RATE_LIMIT_REACHED",
    Refusal.UNAVAILABLE: "SERVICE_UNAVAILABLE",
    Refusal.SERVER_ERROR: "INTERNAL_SERVER_ERROR",
}


def problem(name: str, *issues: Mapping[str, str]) -> Answer:
    """Return an error of Orders or Payments."""
    status, message = FAMILIES[name]
    body: dict[str, Any] = {"name": name, "message": message, "debug_id": debug_id()}
    if issues:
        body["details"] = list(issues)
    body["links"] = [{"href": INFORMATION, "rel": "information_link"}]
    return json_answer(status, body)


def syntax(issue: str, field: str = "", value: str = "") -> Refused:
    """Return the 400 for a field; `field` is a JSON pointer."""
    found = {"issue": issue, "description": SAID.get(issue, issue), "location": "body"}
    if field:
        found["field"] = field
    if value:
        found["value"] = value
    return Refused(problem("INVALID_REQUEST", found))


def business(issue: str, field: str = "") -> Refused:
    """Return the 422 for what cannot be done."""
    found = {"issue": issue, "description": SAID.get(issue, issue)}
    if field:
        found["field"] = field
    return Refused(problem("UNPROCESSABLE_ENTITY", found))


def absent() -> Refused:
    """Return the 404 for an id."""
    issue = "INVALID_RESOURCE_ID"
    found = {"issue": issue, "description": SAID[issue]}
    return Refused(problem("RESOURCE_NOT_FOUND", found))


def in_progress() -> Refused:
    """Return the 409 for a key whose first request is not answered yet."""
    issue = "PREVIOUS_REQUEST_IN_PROGRESS"
    found = {"issue": issue, "description": SAID[issue]}
    return Refused(problem("RESOURCE_CONFLICT", found))


def oauth(status: int, error: str, description: str) -> Answer:
    """Return an error of the token endpoint, or about a token."""
    return json_answer(status, {"error": error, "error_description": description})


def payout(status: int, name: str, message: str, *details: Mapping[str, Any]) -> Refused:
    """Return an error of Payouts."""
    body = {
        "name": name,
        "message": message,
        "debug_id": debug_id(),
        "information_link": "https://developer.paypal.com/docs/api/payments.payouts-batch/#errors",
        "details": list(details),
        "links": [],
    }
    return Refused(json_answer(status, body))


def debug_id() -> str:
    """Return what PayPal's people would ask for."""
    return secrets.token_hex(7)[:13]


#: What PayPal's documents say of an issue, in as few words as will do.
SAID: Mapping[str, str] = {
    "ACTION_DOES_NOT_MATCH_INTENT": "The order was made for the other action.",
    "AUTHORIZATION_ALREADY_CAPTURED": "The authorization has been captured.",
    "AUTHORIZATION_DENIED": "A denied authorization cannot be captured.",
    "AUTHORIZATION_VOIDED": "A voided authorization cannot be captured.",
    "AUTH_CAPTURE_CURRENCY_MISMATCH": "The capture is in another currency.",
    "CANNOT_BE_ZERO_OR_NEGATIVE": "It must be greater than zero.",
    "CAPTURE_FULLY_REFUNDED": "The capture has been refunded in full.",
    "DECIMALS_NOT_SUPPORTED": "The currency has no decimals.",
    "DECIMAL_PRECISION": "At most two decimals, where the currency has any.",
    "DUPLICATE_INVOICE_ID": "The invoice id was used before; the account wants it to be unique.",
    "INSTRUMENT_DECLINED": "The processor or bank declined, or it cannot pay for this.",
    "INVALID_ARRAY_MAX_ITEMS": "There are too many items.",
    "INVALID_ARRAY_MIN_ITEMS": "There are too few items.",
    "INVALID_CURRENCY_CODE": "The currency is not supported.",
    "INVALID_PARAMETER_SYNTAX": "The value does not have the expected form.",
    "INVALID_PARAMETER_VALUE": "The value is not valid.",
    "INVALID_RESOURCE_ID": "There is no such resource.",
    "INVALID_STRING_LENGTH": "The value is too short or too long.",
    "MALFORMED_REQUEST_JSON": "The request's JSON is not well formed.",
    "MAX_CAPTURE_AMOUNT_EXCEEDED": "It is more than may be captured.",
    "MAX_VALUE_EXCEEDED": "It is more than PayPal can count.",
    "MISSING_REQUIRED_PARAMETER": "A required field is missing.",
    "NOT_PATCHABLE": "It cannot be changed.",
    "NOT_SUPPORTED": "This field is not supported.",
    "ORDER_ALREADY_AUTHORIZED": "An order is authorized only once.",
    "ORDER_ALREADY_CAPTURED": "An order is captured only once.",
    "ORDER_NOT_APPROVED": "The payer has not approved the order.",
    "PAYER_ACTION_REQUIRED": "The payer must go back to PayPal.",
    "PAYER_CANNOT_PAY": "The payer cannot pay for this.",
    "PENDING_CAPTURE": "A pending capture cannot be refunded.",
    "PREVIOUSLY_CAPTURED": "It was captured, and cannot be voided.",
    "PREVIOUSLY_VOIDED": "It was voided before.",
    "PREVIOUS_REQUEST_IN_PROGRESS": "A request about this is in progress.",
    "REFUND_AMOUNT_EXCEEDED": "It is more than is left of the capture.",
    "REFUND_CAPTURE_CURRENCY_MISMATCH": "The refund is in another currency.",
    "REFUND_FAILED_INSUFFICIENT_FUNDS": "The account's balance does not suffice.",
    "REFUND_NOT_ALLOWED": "The capture cannot be refunded.",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": "The payer's bank took the money back.",
    "TRANSACTION_REFUSED": "The request was refused.",
    "UNSUPPORTED_PATCH_PARAMETER_VALUE": "The value is not supported.",
}
