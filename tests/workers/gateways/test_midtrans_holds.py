"""The Midtrans adapter collects holds and lets go of them, and cancels what nobody wants."""

from __future__ import annotations

from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    NotFound,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tests.contract.made import within
from tests.workers.gateways.midtrans_spoken import (
    CHARGE,
    a_charge,
    a_collection,
    a_hold,
    a_release,
    answer,
    asked,
    code,
    idr,
    read_back,
    sent,
    shown,
)


def status(attempt: Attempt, name: str, **changes: Any) -> bytes:
    return answer(200, shown(attempt, transaction_status=name, **changes))


def paths(requests: list[bytes]) -> list[str]:
    return [request.split(b" ", 2)[1].decode() for request in requests]


COLLECTED = [
    ("capture", Succeeded(CHARGE, idr(145_000))),
    ("settlement", Succeeded(CHARGE, idr(145_000))),
    ("refund", Succeeded(CHARGE, idr(145_000))),
    ("chargeback", Succeeded(CHARGE, idr(145_000))),
    ("authorize", NotFound()),
    ("cancel", Declined("hold_released", Hardness.HARD, CHARGE)),
    ("expire", Declined("hold_released", Hardness.HARD, CHARGE)),
    ("deny", Declined("hold_released", Hardness.HARD, CHARGE)),
    ("failure", Declined("hold_released", Hardness.HARD, CHARGE)),
]


@pytest.mark.parametrize(("name", "expected"), COLLECTED)
def test_what_became_of_a_capture_is_read_of_its_charge(name: str, expected: object) -> None:
    attempt = a_collection()

    assert read_back(attempt, status(attempt, name)) == expected


@pytest.mark.parametrize(
    ("name", "fraud", "expected"),
    [("capture", "challenge", Pending(CHARGE)), ("authorize", "challenge", Pending(CHARGE))],
)
def test_a_capture_that_is_screened_is_pending(name: str, fraud: str, expected: object) -> None:
    attempt = a_collection()

    assert read_back(attempt, status(attempt, name, fraud_status=fraud)) == expected


def test_a_capture_is_read_strictly() -> None:
    attempt = a_collection()

    assert isinstance(read_back(attempt, status(attempt, "pending")), Unknown)
    assert isinstance(read_back(attempt, status(attempt, "odd")), Unknown)
    other = status(attempt, "capture", transaction_id="another")
    assert isinstance(read_back(attempt, other), Unknown)
    assert isinstance(read_back(attempt, code("404")), Unknown)


def test_a_capture_tells_what_was_collected() -> None:
    attempt = a_collection(100_000)

    assert sent(attempt, status(attempt, "capture")) == Succeeded(CHARGE, idr(100_000))
    less = status(attempt, "capture", gross_amount="99000.00")
    assert sent(attempt, less) == Succeeded(CHARGE, idr(99_000))
    somebody = Declined("captured_otherwise", Hardness.HARD, CHARGE)
    assert read_back(attempt, less) == somebody
    gone = status(attempt, "chargeback", gross_amount="99000.00")
    assert sent(attempt, gone) == Succeeded(CHARGE, idr(99_000))
    assert isinstance(sent(attempt, status(attempt, "authorize")), Unknown)
    foreign = status(attempt, "capture", transaction_id="another")
    assert isinstance(sent(attempt, foreign), Unknown)


def test_a_capture_that_midtrans_refuses_in_this_state_is_read() -> None:
    attempt = a_collection()

    took = sent(attempt, code("412"), status(attempt, "settlement"))
    assert took == Succeeded(CHARGE, idr(145_000))
    gone = sent(attempt, code("412"), status(attempt, "expire"))
    assert gone == Declined("hold_released", Hardness.HARD, CHARGE)
    assert isinstance(sent(attempt, code("412"), status(attempt, "authorize")), Unknown)
    assert isinstance(sent(attempt, code("412"), code("500", 500)), Unknown)


RELEASED = [
    ("cancel", Succeeded(CHARGE, idr(145_000))),
    ("expire", Succeeded(CHARGE, idr(145_000))),
    ("deny", Succeeded(CHARGE, idr(145_000))),
    ("failure", Succeeded(CHARGE, idr(145_000))),
    ("capture", Declined("already_captured", Hardness.HARD, CHARGE)),
    ("settlement", Declined("already_captured", Hardness.HARD, CHARGE)),
    ("chargeback", Declined("already_captured", Hardness.HARD, CHARGE)),
    ("authorize", NotFound()),
    ("pending", NotFound()),
]


@pytest.mark.parametrize(("name", "expected"), RELEASED)
def test_what_became_of_a_void_is_read_of_its_charge(name: str, expected: object) -> None:
    attempt = a_release()

    assert read_back(attempt, status(attempt, name)) == expected


@pytest.mark.parametrize("name", ["capture", "settlement", "refund"])
def test_collected_money_is_never_cancelled_by_a_void(name: str) -> None:
    attempt = a_release()

    outcome, server = asked(lambda a: a.void(attempt, within()), status(attempt, name))

    assert outcome == Declined("already_captured", Hardness.HARD, CHARGE)
    assert paths(server.requests) == [f"/v2/{CHARGE}/status"]


def test_a_void_cancels_and_reads_back() -> None:
    attempt = a_release()
    stands, gone = status(attempt, "authorize"), status(attempt, "cancel")

    outcome, server = asked(lambda a: a.void(attempt, within()), stands, code("200"), gone)

    assert outcome == Succeeded(CHARGE, idr(145_000))
    at = f"/v2/{CHARGE}"
    assert paths(server.requests) == [f"{at}/status", f"{at}/cancel", f"{at}/status"]
    assert b"idempotency-key" not in server.requests[1].lower()


def test_what_is_read_counts_whatever_a_cancel_answered() -> None:
    attempt = a_release()
    stands, gone = status(attempt, "authorize"), status(attempt, "cancel")

    for said in (code("500", 500), answer(200, b"x"), code("412"), code("401", 401)):
        assert sent(attempt, stands, said, gone) == Succeeded(CHARGE, idr(145_000))
    for said in (code("200"), code("412"), code("500", 500)):
        assert isinstance(sent(attempt, stands, said, stands), Unknown)
    assert isinstance(sent(attempt, stands, code("200"), code("500", 500)), Unknown)


def test_a_void_whose_hold_cannot_be_read_is_not_sent() -> None:
    outcome, server = asked(lambda a: a.void(a_release(), within()), code("500", 500))

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert len(server.requests) == 1


def test_a_charge_that_nobody_wants_is_cancelled_and_read_back() -> None:
    attempt = a_hold()
    stands, gone = status(attempt, "authorize"), status(attempt, "cancel")

    outcome, server = asked(lambda a: a.cancel(attempt, within()), stands, code("200"), gone)

    assert outcome == NotCharged(Proof.VOIDED, "read as cancel", CHARGE)
    at = f"/v2/{CHARGE}"
    assert paths(server.requests) == [f"{at}/status", f"{at}/cancel", f"{at}/status"]


def test_what_cannot_be_cancelled_is_expired() -> None:
    attempt = a_charge()
    waits, gone = status(attempt, "pending"), status(attempt, "expire", status_code="407")

    outcome, server = asked(
        lambda a: a.cancel(attempt, within()), waits, code("412"), waits, code("407"), gone
    )

    assert isinstance(outcome, NotCharged)
    assert outcome.lapsed
    verbs = [path.rpartition("/")[2] for path in paths(server.requests)]
    assert verbs == ["status", "cancel", "status", "expire", "status"]
    assert all(path.startswith(f"/v2/{attempt.reference}/") for path in paths(server.requests))


def test_a_cancel_tells_what_it_finds() -> None:
    attempt = a_charge()

    def cancelled(*answers: bytes) -> object:
        return asked(lambda a: a.cancel(attempt, within()), *answers)[0]

    waits = status(attempt, "pending", redirect_url="https://bank.example/1")
    asks = cancelled(waits, code("412"), waits, code("412"), waits)
    assert asks == RequiresAction(CHARGE, "https://bank.example/1")
    stands = status(attempt, "authorize")
    held = cancelled(stands, code("500", 500), stands, code("412"), stands)
    assert isinstance(held, Succeeded)
    assert not held.captured
    late = cancelled(waits, code("412"), status(attempt, "settlement"))
    assert isinstance(late, Succeeded)
    assert late.captured
    assert isinstance(cancelled(waits, code("200"), code("500", 500)), Unknown)


@pytest.mark.parametrize(
    "found", [code("404"), code("500", 500), answer(200, b"")], ids=["absent", "broken", "empty"]
)
def test_what_cannot_be_read_is_not_cancelled(found: bytes) -> None:
    outcome, server = asked(lambda a: a.cancel(a_charge(), within()), found)

    assert isinstance(outcome, Unknown)
    assert len(server.requests) == 1 or all(b"GET" in one[:3] for one in server.requests)


@pytest.mark.parametrize("name", ["capture", "settlement", "refund"])
def test_collected_money_is_never_cancelled(name: str) -> None:
    attempt = a_charge()

    outcome, server = asked(lambda a: a.cancel(attempt, within()), status(attempt, name))

    assert isinstance(outcome, Succeeded)
    assert outcome.captured
    assert paths(server.requests) == [f"/v2/{attempt.reference}/status"]
