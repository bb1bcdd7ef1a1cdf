"""How a PayPal charge that nobody wants any more is ended, and a void of its hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.attempt import Attempt
from domain.flows.send import send
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Prepared,
    Proof,
    Succeeded,
    Unknown,
)
from tests.contract.made import a_detachment, money, within
from tests.workers.gateways.paypal_spoken import (
    HOLD,
    OFFLINE,
    ORDER,
    answer,
    asking,
    header,
    held,
    holding,
    lines,
    making,
    movement,
    order,
    paid,
    problem,
    read_back,
    requests,
    sent,
    told,
    voiding,
)
from tests.workers.raw_server import RawServer

READS = f"GET /v2/checkout/orders/{ORDER}"
UNSAID = answer(204, b"")
USELESS = NotCharged(Proof.VOIDED, "read as an order that can no longer be used", ORDER)


def cancelled(attempt: Attempt, *answers: bytes) -> tuple[Outcome, RawServer]:
    return told(lambda adapter: adapter.cancel(attempt, within()), *answers)


@pytest.mark.parametrize("status", ["CREATED", "PAYER_ACTION_REQUIRED", "APPROVED"])
@pytest.mark.parametrize("captures", [True, False], ids=["sale", "hold"])
def test_an_order_without_money_is_made_useless_by_changing_what_it_is_for(
    status: str, captures: bool
) -> None:
    attempt = asking() if captures else holding()
    before = order(attempt, status)
    other = "AUTHORIZE" if captures else "CAPTURE"
    after = before | {"intent": other}

    outcome, server = cancelled(attempt, answer(200, before), UNSAID, answer(200, after))

    assert outcome == USELESS
    assert lines(server) == [READS, f"PATCH /v2/checkout/orders/{ORDER}", READS]
    change = requests(server)[1]
    assert change.endswith(b'[{"op":"replace","path":"/intent","value":"' + other.encode() + b'"}]')
    assert read_back(attempt, after) == outcome


@pytest.mark.parametrize("said", [answer(422, problem("UNPROCESSABLE_ENTITY", "X")), answer(500)])
def test_an_order_that_could_not_be_changed_is_a_danger_once_its_money_was_asked_for(
    said: bytes,
) -> None:
    asked, only_made = asking(), making(provider_id=ORDER)
    assert (asked.confirming, only_made.confirming) == (True, False)

    for attempt in (asked, only_made):
        stands = answer(200, order(attempt, "APPROVED"))
        outcome, _ = cancelled(attempt, stands, said, stands)
        if attempt.confirming:
            assert isinstance(outcome, Unknown)
        else:
            assert isinstance(outcome, NotCharged)
            assert outcome.proof is Proof.READ_BACK


def test_an_order_that_was_captured_meanwhile_has_moved_money() -> None:
    attempt = asking()

    outcome, _ = cancelled(
        attempt, answer(200, order(attempt, "APPROVED")), UNSAID, answer(200, paid(attempt))
    )

    assert outcome == Succeeded(ORDER, money(1250), reference=attempt.reference)


def test_a_hold_is_let_go_of_without_a_key_and_read_back() -> None:
    attempt = holding()
    gone = answer(200, held(attempt, "VOIDED"))

    outcome, server = cancelled(
        attempt, answer(200, held(attempt)), answer(200, movement(HOLD, "VOIDED")), gone
    )

    assert outcome == NotCharged(Proof.VOIDED, "AUTH1 is read as voided", ORDER)
    assert lines(server)[1] == f"POST /v2/payments/authorizations/{HOLD}/void"
    assert header(requests(server)[1], "PayPal-Request-Id") is None


def test_what_is_over_or_being_captured_is_only_read() -> None:
    attempt = asking()

    for shown, expected in (
        (paid(attempt), Succeeded(ORDER, money(1250), reference=attempt.reference)),
        (paid(attempt, "PENDING"), Pending(ORDER)),
        (paid(attempt, "DECLINED"), Declined("capture_declined", Hardness.SOFT, ORDER)),
    ):
        outcome, server = cancelled(attempt, answer(200, shown))
        assert outcome == expected
        assert lines(server) == [READS]


def test_without_an_order_there_is_nothing_to_cancel() -> None:
    outcome, server = cancelled(making())

    assert isinstance(outcome, Unknown)
    assert server.requests == []


def test_an_order_made_useless_is_not_asked_for_money_by_a_late_replay() -> None:
    attempt = asking()
    useless = answer(200, order(attempt, "APPROVED") | {"intent": "AUTHORIZE"})
    no = answer(422, problem("UNPROCESSABLE_ENTITY", "ACTION_DOES_NOT_MATCH_INTENT"))

    assert sent(attempt, no, useless) == USELESS


def test_a_disarmed_order_is_told_from_one_that_is_for_the_other_thing() -> None:
    sale, hold = asking(), holding()

    assert read_back(sale, order(sale, "APPROVED")) == Prepared(ORDER)
    assert read_back(hold, order(hold, "APPROVED")) == Prepared(ORDER)
    assert read_back(replace(sale, captures=False), order(sale, "APPROVED")) == USELESS


# Voids.


@pytest.mark.parametrize(
    ("said", "then", "expected"),
    [
        (answer(200, movement(HOLD, "VOIDED")), "VOIDED", Succeeded(ORDER, money(1250))),
        (answer(204, b""), "VOIDED", Succeeded(ORDER, money(1250))),
        (answer(500, {}), "VOIDED", Succeeded(ORDER, money(1250))),
        (
            answer(422, problem("UNPROCESSABLE_ENTITY", "PREVIOUSLY_VOIDED")),
            "VOIDED",
            Succeeded(ORDER, money(1250)),
        ),
        (answer(200, movement(HOLD, "VOIDED")), "CREATED", None),
        (answer(500, {}), "CREATED", None),
        (
            answer(409, problem("RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS")),
            "CREATED",
            None,
        ),
    ],
)
def test_of_a_void_only_what_is_read_counts(
    said: bytes, then: str, expected: Outcome | None
) -> None:
    void = voiding()

    outcome = sent(void, answer(200, held(void)), said, answer(200, held(void, then)))

    if expected is None:
        assert isinstance(outcome, Unknown)
    else:
        assert outcome == expected


def test_a_refused_void_of_a_hold_that_stands_is_the_refusal() -> None:
    void = voiding()
    stands = answer(200, held(void))
    no = answer(403, problem("NOT_AUTHORIZED", "PERMISSION_DENIED"))

    outcome = sent(void, stands, no, stands)

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert OFFLINE.at_fault(outcome)


def test_what_is_let_go_of_already_is_not_asked_for_again() -> None:
    void = voiding()

    outcome, server = told(
        lambda adapter: send(adapter, void, within()), answer(200, held(void, "VOIDED"))
    )

    assert outcome == Succeeded(ORDER, money(1250))
    assert lines(server) == [READS]


def test_a_key_that_is_no_good_is_told_by_the_read_before_a_void() -> None:
    void = voiding()

    outcome = sent(void, answer(403, problem("NOT_AUTHORIZED", "PERMISSION_DENIED")))

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert OFFLINE.at_fault(outcome)


def test_no_token_is_stored_so_none_is_forgotten() -> None:
    outcome, server = told(lambda adapter: adapter.detach(a_detachment("tok_1"), within()))

    assert isinstance(outcome, NotCharged)
    assert outcome.request_wrong
    assert server.requests == []


@pytest.mark.parametrize(
    ("said", "somebody"),
    [
        (answer(404, problem("RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")), True),
        (answer(500, problem("INTERNAL_SERVER_ERROR")), True),
        (answer(429, problem("RATE_LIMIT_REACHED")), True),
        (answer(503, problem("SERVICE_UNAVAILABLE")), True),
        (answer(502, b"<html>busy</html>"), False),
        (answer(404, b"<html>no</html>"), False),
        (answer(301, b""), False),
    ],
)
def test_a_probe_is_answered_as_documented_or_by_nobody(said: bytes, somebody: bool) -> None:
    answered, server = told(lambda adapter: adapter.probe(within()), said)

    assert answered is somebody
    assert lines(server) == ["GET /v2/checkout/orders/0"]
