"""Stripe's errors: {"error": {"type", "code"?, "message", "param"?, ...}}."""

from typing import Any

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Refusal, Refused

REQUEST, CARD, IDEMPOTENCY, API = (
    "invalid_request_error",
    "card_error",
    "idempotency_error",
    "api_error",
)


class Invalid(Refused):
    """The parameters are wrong: no endpoint began to work, so nothing is kept under the key."""


def error(status: int, type_: str, message: str, **fields: Any) -> Answer:
    """Return an error; a field that is None is left out."""
    said = {name: value for name, value in fields.items() if value is not None}
    return json_answer(status, {"error": {"type": type_, "message": message} | said})


def invalid(message: str, param: str | None = None, code: str | None = None) -> Invalid:
    """Return the refusal of a request whose parameters are wrong."""
    return Invalid(error(400, REQUEST, message, param=param, code=code))


def missing(what: str, id_: str, param: str, *, in_path: bool = True) -> Invalid:
    """Return the refusal of a name that nobody has."""
    message = f"No such {what}: '{id_[:80]}'"
    status = 404 if in_path else 400
    return Invalid(error(status, REQUEST, message, param=param, code="resource_missing"))


def refused(message: str, code: str | None = None, param: str | None = None) -> Refused:
    """Return the refusal of a request that was understood; it is kept under the key."""
    return Refused(error(400, REQUEST, message, code=code, param=param))


def of_the_stage(kind: Refusal, path: str = "") -> Answer:
    """Return what the provider says when it does not come to the request itself."""
    match kind:
        case Refusal.NOT_FOUND | Refusal.METHOD:
            message = "Unrecognized request URL. Please see https://stripe.com/docs."
            return error(404, REQUEST, message)
        case Refusal.TOO_LARGE:
            return error(413, REQUEST, "The request body is too large.")
        case Refusal.RATE_LIMITED:
            return error(429, REQUEST, "Request rate limit exceeded.", code="rate_limit")
        case Refusal.UNAVAILABLE:
            return error(503, API, "Stripe is not available at the moment.")
        case Refusal.SERVER_ERROR:
            return error(500, API, "An unknown error occurred.")
