"""Problems: the only place that turns errors into HTTP (RFC 9457, `application/problem+json`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
import psycopg
import redis.exceptions
import sqlalchemy.exc
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Scope

from domain import errors
from domain.errors import DomainError, FieldError
from ingress import dialects
from ingress.operations import allowed_methods, operation_of
from ops.telemetry import logs

MEDIA_TYPE: Final = dialects.PROBLEM

#: The status of every refusal. A class that is not here is a bug, and a test says so.
HTTP_STATUS: Final[Mapping[type[DomainError], int]] = {
    errors.MalformedBody: 400,
    errors.SoapVersionUnsupported: 400,
    errors.SoapHeaderNotUnderstood: 400,
    errors.KeyRequired: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.KeyInFlight: 409,
    errors.OrderActive: 409,
    errors.OperationInFlight: 409,
    errors.IllegalMove: 409,
    errors.LeaseLost: 409,
    errors.CustomerExists: 409,
    errors.LimitReached: 409,
    errors.WithdrawalRefused: 409,
    errors.RefundWindowClosed: 409,
    errors.NotSupported: 409,
    errors.UnsupportedMedia: 415,
    errors.InvalidRequest: 422,
    errors.RawCardDataRefused: 422,
    errors.KeyReused: 422,
    errors.RefundTooLarge: 422,
    errors.CaptureTooLarge: 422,
    errors.AmountOutOfRange: 422,
    errors.CurrencyMismatch: 422,
    errors.RateLimited: 429,
    errors.Overloaded: 503,
    errors.Unavailable: 503,
}

#: What the web framework raises, by status.
_HTTP_CODES: Final = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    414: "path_too_long",
    431: "headers_too_large",
}
_HTTP_DETAILS: Final = {
    404: "there is nothing under this path",
    405: "this path does not know the method",
    413: "the body is too large",
}
#: Every code that an error of ours may carry, for the documentation.
CODES: Final = frozenset(
    {error.code for error in HTTP_STATUS}
    | set(_HTTP_CODES.values())
    | {"internal_error", "client_closed_request"}
)

#: Commits take milliseconds; who waited for one in vain may come back at once.
IN_FLIGHT_RETRY_S: Final = 1
#: An open operation waits for a provider, which answers within seconds.
OPERATION_RETRY_S: Final = 5
#: A restarting database is back within seconds, and the door is cheap to knock at.
UNAVAILABLE_RETRY_S: Final = 1

#: Raised when PostgreSQL, its pool, or Redis where it is needed cannot be reached in time.
UNREACHABLE: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,  # a hosted database whose disk is full takes no writes
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
)
#: What handlers and the router raise and mean. Anything else is unexpected, and ends at
#: `ingress.recovery` as well, but as a fault of ours.
REFUSALS: Final = (DomainError, HTTPException, ClientDisconnect, *UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as HTTP will show it."""

    status: int
    code: str
    detail: str
    fix: str | None = None
    errors: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    #: What may be asked of the payment now, where that is known.
    allowed: tuple[str, ...] | None = None

    def body(self, operation: str, request_id: str) -> bytes:
        """Return the JSON text. Absent parts are left out, `errors` is always there."""
        document: dict[str, Any] = {
            "type": f"urn:paylink:problem:{self.code}",
            "title": self.code.replace("_", " "),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "operation": operation,
            "request_id": request_id,
            "errors": self.errors,
        }
        if self.fix is not None:
            document["fix"] = self.fix
        if self.allowed is not None:
            document["allowed_operations"] = self.allowed
        return msgspec.json.encode(document)

    def response(self, scope: Scope) -> Response:
        """Return the answer to the request that went wrong."""
        body = self.body(operation_of(scope), scope.get("state", {}).get("request_id", ""))
        return dialects.problem(scope, body, self.status, self.headers)


def problem_of(error: Exception) -> Problem:
    """Return what an error is over HTTP; whatever is not known here is an `internal_error`."""
    match error:
        case DomainError():
            return _refusal(error)
        case HTTPException():
            return _http(error)
        case ClientDisconnect():  # nobody will read it; the log shows it as nginx does
            return Problem(499, "client_closed_request", "the client left before its request ended")
        case _ if isinstance(error, UNREACHABLE):
            return Problem(
                503,
                errors.Unavailable.code,
                "a part of this service is not reachable",
                "send the same request again, with the same Idempotency-Key",
                headers=_retry_after(UNAVAILABLE_RETRY_S),
            )
        case _:
            return Problem(500, "internal_error", "this is a fault of ours; it has been recorded")


def recorded(error: DomainError, operation: str, request_id: str) -> tuple[int, bytes]:
    """Return status and body of a refusal that is stored as the answer of an idempotency key."""
    problem = problem_of(error)
    return problem.status, problem.body(operation, request_id)


def respond(scope: Scope, error: Exception) -> Response:
    """Return the answer to an error, and record it once if it is not the client's."""
    problem = problem_of(error)
    if problem.status == 405:  # Starlette names the methods of one route, the path may have two
        problem = replace(problem, headers={"Allow": ", ".join(allowed_methods(scope))})
    if problem.status == 500:
        logs.logger().error("unexpected error", exc_info=error)
    elif isinstance(error, UNREACHABLE):
        logs.logger().warning("not reachable", reason=type(error).__name__, **_state(error))
    return problem.response(scope)


def _state(error: Exception) -> dict[str, str]:
    """Return the database's own code for it, where it has one."""
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    state = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    return {} if state is None else {"state": state}


def _refusal(error: DomainError) -> Problem:
    status = HTTP_STATUS[type(error)]
    wrong: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = {}
    allowed = None if error.allowed is None else tuple(str(verb) for verb in error.allowed)
    match error:
        case errors.InvalidRequest():
            wrong = error.errors
        case errors.RawCardDataRefused():
            wrong = (FieldError(error.field, "looks like a card number", error.fix or ""),)
        case errors.Unauthorized():
            headers = {"WWW-Authenticate": 'Bearer realm="paylink"'}
        case errors.RateLimited() | errors.Overloaded():
            headers = _retry_after(error.retry_after_s)
        case errors.Unavailable():
            headers = _retry_after(UNAVAILABLE_RETRY_S)
        case errors.KeyInFlight():
            headers = _retry_after(IN_FLIGHT_RETRY_S)
        case errors.OperationInFlight():
            headers = _retry_after(OPERATION_RETRY_S)
        case _:
            headers = {}
    return Problem(status, error.code, error.detail, error.fix, wrong, headers, allowed)


def _http(error: HTTPException) -> Problem:
    other = "bad_request" if error.status_code < 500 else "internal_error"
    code = _HTTP_CODES.get(error.status_code, other)
    detail = _HTTP_DETAILS.get(error.status_code, error.detail)
    return Problem(error.status_code, code, detail, headers=error.headers or {})


def _retry_after(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, math.ceil(seconds)))}
