"""Xendit's errors: a code and a sentence."""

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Refusal, Refused

#: What the stage refuses by itself.
STAGE: dict[Refusal, tuple[int, str, str]] = {
    Refusal.NOT_FOUND: (404, "NOT_FOUND", "The requested resource was not found"),
    Refusal.METHOD: (405, "METHOD_NOT_ALLOWED", "The method is not allowed here"),
    Refusal.TOO_LARGE: (413, "REQUEST_TOO_LARGE", "The request is too large"),
    Refusal.RATE_LIMITED: (429, "RATE_LIMIT_EXCEEDED", "Too many requests"),
    Refusal.UNAVAILABLE: (503, "CHANNEL_UNAVAILABLE", "The channel has unexpected issues"),
    Refusal.SERVER_ERROR: (500, "SERVER_ERROR", "An unexpected error occurred"),
}
#: How long the rate limit holds that a fault plays (s).
RESET_S = 1.5


def error(status: int, code: str, message: str) -> Answer:
    """Return an error."""
    return json_answer(status, {"error_code": code, "message": message})


def refused(status: int, code: str, message: str) -> Refused:
    """Return what a handler raises to answer with an error."""
    return Refused(error(status, code, message))


def invalid(message: str) -> Refused:
    """Return the error of a request that is wrong in itself."""
    return refused(400, "API_VALIDATION_ERROR", message)


def unfit(message: str) -> Refused:
    """Return the error of values that this channel or account does not allow."""
    return refused(400, "INVALID_VALUE_ERROR", message)


def unknown() -> Refused:
    """Return the error of an id that nothing has."""
    return refused(404, "DATA_NOT_FOUND", "ID specified in request cannot be found")


def wrong_state(status: str) -> Refused:
    """Return the error of what cannot be done to an object as it is."""
    message = f"Not allowed while the status is {status}"
    return refused(400, "INELIGIBLE_TRANSACTION_STATUS", message)


def of_stage(kind: Refusal) -> Answer:
    """Return what Xendit would say where the stage refuses."""
    return error(*STAGE[kind])


def limited(wait_s: float) -> Answer:
    """Return what Xendit says beyond the rate limit, with its own clock."""
    answer = of_stage(Refusal.RATE_LIMITED)
    headers = {"Rate-Limit-Remaining": "0", "Rate-Limit-Reset": f"{wait_s:.2f}"}
    return Answer(answer.status, answer.body, answer.content_type, headers)
