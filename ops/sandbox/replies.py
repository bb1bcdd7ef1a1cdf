"""What a handler can do to its client: answer, drip an answer, or drop the connection."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dripped:
    """An answer sent one byte at a time."""

    answer: Answer
    every_ms: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """The connection is closed without a byte of answer."""


Reply: TypeAlias = Answer | Dripped | Dropped


def json_answer(status: int, content: object) -> Answer:
    """Return `content` as a JSON answer."""
    return Answer(status, msgspec.json.encode(content))


class ApiError(Exception):
    """A refusal in the provider's error shape.

    Body: {"error": {"type", "code", "message", "param"?, and the object it is about}}.
    """

    def __init__(
        self,
        status: int,
        type_: str,
        code: str,
        message: str,
        *,
        param: str | None = None,
        about: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        error: dict[str, Any] = {"type": type_, "code": code, "message": message}
        if param is not None:
            error["param"] = param
        body = msgspec.json.encode({"error": error | dict(about or {})})
        self.answer = Answer(status, body, headers=headers or {})


def invalid(message: str, param: str | None = None, *, status: int = 400) -> ApiError:
    """Return the 400 for a request that is wrong in itself; `param` names the field."""
    return ApiError(status, "invalid_request", "invalid_request", message, param=param)


def not_found(what: str) -> ApiError:
    """Return the 404 for an unknown path or id."""
    return ApiError(404, "invalid_request", "not_found", f"No such {what}.")


def server_error() -> ApiError:
    """Return the 500 that says nothing about whether money moved."""
    return ApiError(500, "api_error", "server_error", "Something went wrong on our side.")


def unavailable(message: str) -> ApiError:
    """Return the 503 that means: refused before anything was done."""
    return ApiError(503, "unavailable_error", "unavailable", message, headers={"Retry-After": "1"})
