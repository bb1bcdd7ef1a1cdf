"""Problems: every error has one status, one shape, and says nothing it should not."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import psycopg
import psycopg_pool
import pytest
import redis.exceptions
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

import domain
from domain import errors
from domain.errors import DomainError, FieldError
from ingress import problems
from ingress.contract.codes import CODES
from ingress.problems import HTTP_STATUS, problem_of
from tests.ingress.rig import Door
from tests.ops.log_lines import Lines


def _refusals(above: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    for one in above.__subclasses__():
        yield one
        yield from _refusals(one)


def test_every_refusal_has_a_status() -> None:
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        importlib.import_module(module.name)
    ours = {one for one in _refusals() if not one.__module__.startswith("tests.")}

    assert ours <= set(HTTP_STATUS)
    assert len(ours) > 10


def test_every_code_is_documented_with_its_status() -> None:
    assert set(CODES) == problems.CODES
    for error, status in HTTP_STATUS.items():
        assert CODES[error.code][0] == status, error


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (errors.MalformedBody("x"), 400, "malformed_body", None),
        (errors.KeyRequired(), 400, "idempotency_key_required", None),
        (errors.Unauthorized(), 401, "unauthorized", None),
        (errors.Forbidden(), 403, "forbidden", None),
        (errors.NotFound("payment"), 404, "not_found", None),
        (errors.KeyInFlight(), 409, "request_in_progress", "1"),
        (errors.OrderActive(), 409, "order_already_active", None),
        (errors.OperationInFlight(), 409, "operation_in_flight", "5"),
        (errors.IllegalMove(), 409, "illegal_state", None),
        (errors.InvalidRequest([]), 422, "validation_failed", None),
        (errors.RawCardDataRefused("a"), 422, "raw_card_data_refused", None),
        (errors.KeyReused(), 422, "idempotency_key_reused", None),
        (errors.RateLimited(7), 429, "rate_limited", "7"),
        (errors.Overloaded("full", 3), 503, "overloaded", "3"),
        (errors.Unavailable(), 503, "unavailable", "1"),
        (psycopg.OperationalError("host db.internal"), 503, "unavailable", "1"),
        (psycopg.InterfaceError("closed"), 503, "unavailable", "1"),
        (psycopg_pool.PoolTimeout("2 s"), 503, "unavailable", "1"),
        (psycopg_pool.TooManyRequests("full"), 503, "unavailable", "1"),
        (redis.exceptions.ConnectionError("x"), 503, "unavailable", "1"),
        (ClientDisconnect(), 499, "client_closed_request", None),
        (HTTPException(404), 404, "not_found", None),
        (HTTPException(413), 413, "body_too_large", None),
        (HTTPException(418), 418, "bad_request", None),
        (ValueError("row 7 of merchant x"), 500, "internal_error", None),
        (KeyError("caller"), 500, "internal_error", None),
    ],
)
def test_an_error_is_told_as_it_should_be(
    error: Exception, status: int, code: str, retry_after: str | None
) -> None:
    problem = problem_of(error)

    assert (problem.status, problem.code) == (status, code)
    assert problem.headers.get("Retry-After") == retry_after


def test_over_http_a_refusal_is_a_problem_document() -> None:
    wrong = FieldError("amount", "100.00 is refused", "send 10000")
    door = Door(raises=errors.InvalidRequest([wrong]))
    key = door.book.add()

    answer = door.client(key).post("/v1/payments", headers={"X-Request-ID": "r-1"})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:paylink:problem:validation_failed",
        "title": "validation failed",
        "status": 422,
        "detail": "amount: 100.00 is refused",
        "code": "validation_failed",
        "operation": "POST /v1/payments",
        "request_id": "r-1",
        "errors": [{"field": "amount", "reason": "100.00 is refused", "fix": "send 10000"}],
    }


def test_a_fix_is_shown_where_it_is_known() -> None:
    door = Door(raises=errors.KeyRequired("a key is needed", fix="send one"))

    assert door.client(door.book.add()).get("/v1/payments").json()["fix"] == "send one"


def test_an_unexpected_error_is_logged_once_and_told_to_nobody(lines: Lines) -> None:
    door = Door(raises=RuntimeError("secret detail"))

    answer = door.client(door.book.add()).get("/v1/payments")

    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    told = lines.where(lambda line: "exception" in line)
    assert len(told) == 1
    assert "secret detail" in told[0]["exception"]
    assert told[0]["request_id"] == answer.headers["x-request-id"]


def test_an_unreachable_store_is_503_without_its_address(lines: Lines) -> None:
    door = Door(raises=psycopg.OperationalError("connection to 10.1.2.3 failed"))

    answer = door.client(door.book.add()).get("/v1/payments")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "10.1.2.3" not in answer.text
    assert not lines.where(lambda line: "exception" in line)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (psycopg.errors.QueryCanceled("late"), "57014"),
        (DBAPIError.instance("", None, psycopg.errors.DiskFull("full"), psycopg.Error), "53100"),
        (psycopg.OperationalError("nobody answered"), None),
        (redis.exceptions.ConnectionError("gone"), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_database_calls_an_error_is_in_the_log(
    lines: Lines, error: Exception, state: str | None
) -> None:
    door = Door(raises=error)

    assert door.client(door.book.add()).get("/v1/payments").status_code == 503

    (told,) = lines.where(lambda line: line["event"] == "not reachable")
    assert told.get("state") == state


def test_a_path_that_is_not_there_is_a_problem_too() -> None:
    answer = Door().client().get("/nowhere")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert answer.json()["operation"] == "GET unmatched"


def test_a_wrong_method_is_told_every_right_one() -> None:
    door = Door()

    answer = door.client(door.book.add()).delete("/v1/payments")

    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_a_recorded_refusal_is_the_same_document() -> None:
    status, body = problems.recorded(errors.OrderActive("o-1 is active"), "POST /v1/checkout", "r")

    assert status == 409
    assert b'"code":"order_already_active"' in body
    assert b'"request_id":"r"' in body
