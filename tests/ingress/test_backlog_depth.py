"""Backlog: while too much waits, what adds to it is told to come back, and nothing else is."""

from __future__ import annotations

import asyncio
from uuid import UUID

import psycopg
import pytest
from httpx2 import Response

from domain.errors import KeyReused, Overloaded
from domain.idempotency import Claimed, Recorded
from ingress.backlog import KEPT_S, RETRY_S, Backlog, unbounded
from tests.ingress.crowd import Crowd
from tests.ingress.till import ID, Till, a_till, charged

LIMIT = 3
KEY = (UUID(int=1), "test", "k")
CHECKOUT = {"amount": 1_000, "currency": "USD"}
REASON = {"reason": "returned"}


def over() -> Crowd:
    return Crowd(LIMIT + 1)


def behind(till: Till, crowd: Crowd) -> Till:
    """Put a crowd behind the till, counted anew for each request."""
    till.backlog = Backlog(crowd, LIMIT, clock=iter(range(1_000)).__next__)
    return till


def is_full(answer: Response) -> bool:
    """Whether the door says so, with everything a client needs to do better."""
    if answer.status_code != 503:
        return False
    assert answer.headers["Retry-After"] == str(RETRY_S)
    problem = answer.json()
    assert problem["code"] == "overloaded"
    assert problem["fix"]
    return True


@pytest.mark.parametrize("path", ["/v1/checkout", "/v1/payments"])
def test_a_new_payment_waits_outside_until_there_is_room(path: str) -> None:
    crowd = over()
    till = behind(a_till(), crowd)
    with till.open():
        refused = till.post(path, CHECKOUT, key="k")
        crowd.rows = LIMIT
        taken = till.post(path, CHECKOUT, key="k")

    assert is_full(refused)
    assert taken.status_code == 202
    assert "Idempotent-Replayed" not in taken.headers, "a refusal uses no key up"


@pytest.mark.parametrize("verb", ["refunds", "reverse"])
def test_money_back_waits_outside_as_well(verb: str) -> None:
    crowd = over()
    till = behind(charged(), crowd)
    with till.open():
        refused = till.ask(verb, REASON, key="k")
        assert till.stage.refunds() == []
        crowd.rows = 0
        taken = till.ask(verb, REASON, key="k")

    assert is_full(refused)
    assert taken.status_code == 202
    assert len(till.stage.refunds()) == 1


def test_reading_cancelling_and_capturing_go_on() -> None:
    crowd = over()
    till = behind(charged(manual=True), crowd)
    with till.open() as client:
        read = client.get(f"/v1/payments/{ID}")
        captured = till.ask("capture", {"amount": 100})
        cancelled = till.ask("cancel")

    assert (read.status_code, captured.status_code) == (200, 202)
    assert cancelled.json()["code"] == "operation_in_flight", "its own reason, and not the crowd"
    assert crowd.counted == []


def asked(backlog: Backlog, fingerprint: bytes = b"f") -> Claimed | None:
    return asyncio.run(backlog.answered(KEY, fingerprint))


def test_a_known_key_is_answered_however_full_it_is() -> None:
    known = Claimed(Recorded(b"f", 202, b"{}"), UUID(int=2))
    backlog = Backlog(Crowd(LIMIT + 1, {KEY: known}), LIMIT)

    assert asked(backlog) == known
    with pytest.raises(KeyReused):
        asked(backlog, b"of another request")


def test_the_bound_is_exact_and_no_more_than_it_is_counted() -> None:
    crowd = Crowd(LIMIT)

    assert asked(Backlog(crowd, LIMIT)) is None

    crowd.rows = 1_000_000
    with pytest.raises(Overloaded):
        asked(Backlog(crowd, LIMIT))
    assert crowd.counted == [LIMIT + 1] * 2


def test_a_count_is_good_for_a_while_and_then_asked_again() -> None:
    now = [100.0]
    crowd = over()
    backlog = Backlog(crowd, LIMIT, clock=lambda: now[0])

    for _ in range(5):
        with pytest.raises(Overloaded):
            asked(backlog)
    assert len(crowd.counted) == 1
    crowd.rows = 0
    now[0] += KEPT_S
    assert asked(backlog) is None
    assert len(crowd.counted) == 2


@pytest.mark.parametrize("before", [0, LIMIT + 1], ids=["room", "full"])
def test_a_database_that_is_away_changes_nothing_that_was_known(before: int) -> None:
    crowd = Crowd(before)
    backlog = Backlog(crowd, LIMIT, clock=iter(range(100)).__next__)

    def refused() -> bool:
        try:
            return asked(backlog) is not None
        except Overloaded:
            return True

    first = refused()
    crowd.error = psycopg.OperationalError("the server closed the connection")

    assert [refused(), refused()] == [first, first]
    assert first == bool(before)


def test_where_nobody_works_nothing_is_behind() -> None:
    assert asked(unbounded()) is None
