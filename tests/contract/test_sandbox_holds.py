"""The sandbox adapter reads answers about captures and voids that its simulator never gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Succeeded,
    Unknown,
)
from tests.contract.made import a_capture, a_hold, a_void, an_attempt, money
from tests.contract.spoken import CHARGE, OFFLINE, answer, error, read_back, sent, shown

HELD = replace(an_attempt(OFFLINE, a_hold()), provider_id=CHARGE)
CAPTURE = a_capture(OFFLINE, HELD)
VOID = a_void(OFFLINE, HELD)

COLLECTED = Succeeded(CHARGE, money(1250))
GONE = Declined("hold_released", Hardness.HARD, CHARGE)
LET_GO = Succeeded(CHARGE, money(1250))
TOO_LATE = Declined("already_captured", Hardness.HARD, CHARGE)
NOTHING: dict[str, Any] = {"amount_captured": 0}

#: Every documented status, with what it says of our capture and of our void.
STATUSES: list[tuple[dict[str, Any], Lookup, Lookup]] = [
    ({"status": "captured"}, COLLECTED, TOO_LATE),
    ({"status": "partially_refunded", "amount_refunded": 1}, COLLECTED, TOO_LATE),
    ({"status": "refunded", "amount_refunded": 1250}, COLLECTED, TOO_LATE),
    ({"status": "charged_back", "amount_charged_back": 9}, COLLECTED, TOO_LATE),
    ({"status": "authorized"} | NOTHING, NotFound(), NotFound()),
    ({"status": "processing"} | NOTHING, Pending(CHARGE), NotFound()),
    ({"status": "canceled"} | NOTHING, GONE, LET_GO),
    ({"status": "expired"} | NOTHING, GONE, LET_GO),
    (
        {"status": "declined", "decline_code": "stolen_card"} | NOTHING,
        Declined("stolen_card", Hardness.HARD, CHARGE),
        LET_GO,
    ),
]
#: What is in no table, or contradicts itself.
RIDDLES: list[dict[str, Any]] = [
    {"status": "settling"},
    {"currency": "XXX"},
    {"amount_captured": -1},
    {"id": "sp_2"},
    {"status": "canceled"},
    {"status": "authorized"},
    {"status": "charged_back"},
]
WRONG_STATE = error("invalid_request", "invalid_state")


def payment(**changes: Any) -> dict[str, Any]:
    return shown(HELD, **changes)


def settled(found: Lookup) -> bool:
    return not isinstance(found, NotFound)


@pytest.mark.parametrize(("changes", "collected", "released"), STATUSES, ids=str)
def test_every_documented_status_says_what_became_of_a_capture_and_of_a_void(
    changes: dict[str, Any], collected: Lookup, released: Lookup
) -> None:
    assert read_back(CAPTURE, payment(**changes)) == collected
    assert read_back(VOID, payment(**changes)) == released


@pytest.mark.parametrize(("changes", "collected", "released"), STATUSES, ids=str)
def test_a_capture_in_the_wrong_state_and_any_void_come_to_what_is_read(
    changes: dict[str, Any], collected: Lookup, released: Lookup
) -> None:
    shows = answer(200, payment(**changes))
    wrong_state = answer(409, WRONG_STATE)

    captured = sent(CAPTURE, wrong_state, shows)
    voided = sent(VOID, wrong_state, shows)

    assert captured == collected if settled(collected) else isinstance(captured, Unknown)
    assert voided == released if settled(released) else isinstance(voided, Unknown)
    assert sent(VOID, answer(500, b"garbage"), shows) == voided


@pytest.mark.parametrize("changes", RIDDLES, ids=str)
@pytest.mark.parametrize("attempt", [CAPTURE, VOID], ids=["capture", "void"])
def test_what_is_not_documented_or_contradicts_itself_is_unknown(
    attempt: Attempt, changes: dict[str, Any]
) -> None:
    body = payment(**changes)

    assert isinstance(read_back(attempt, body), Unknown)
    assert isinstance(sent(attempt, answer(200, body), answer(200, body)), Unknown)
    assert isinstance(sent(attempt, answer(409, WRONG_STATE), answer(200, body)), Unknown)


def test_a_payment_that_was_never_held_is_no_answer_to_a_capture() -> None:
    action = {"type": "redirect", "url": "https://provider.example"}
    body = payment(status="requires_action", amount_captured=0, next_action=action)

    assert isinstance(read_back(CAPTURE, body), Unknown)
    assert read_back(VOID, body) == NotFound()


def test_our_own_capture_tells_what_it_collected_and_another_one_is_a_no() -> None:
    body = payment(amount_captured=1249)
    otherwise = Declined("captured_otherwise", Hardness.HARD, CHARGE)

    assert sent(CAPTURE, answer(200, body)) == Succeeded(CHARGE, money(1249))
    assert sent(CAPTURE, answer(409, WRONG_STATE), answer(200, body)) == otherwise
    assert read_back(CAPTURE, body) == otherwise


def test_a_capture_that_is_answered_and_has_not_happened_is_unknown() -> None:
    body = payment(status="authorized", amount_captured=0)

    assert isinstance(sent(CAPTURE, answer(200, body)), Unknown)


@pytest.mark.parametrize("status", [201, 202, 204, 301, 500])
def test_a_capture_under_another_status_is_not_taken_for_one(status: int) -> None:
    body = b"" if status == 204 else payment()

    assert isinstance(sent(CAPTURE, answer(status, body)), Unknown)


@pytest.mark.parametrize(
    ("code", "changes", "expected"),
    [
        (
            "insufficient_funds",
            {"status": "authorized"},
            Declined("insufficient_funds", Hardness.SOFT, CHARGE),
        ),
        (
            "expired_card",
            {"status": "authorized"},
            Declined("expired_card", Hardness.FIX_DATA, CHARGE),
        ),
        (
            "invented_yesterday",
            {"status": "authorized"},
            Declined("invented_yesterday", Hardness.HARD, CHARGE),
        ),
        (
            "insufficient_funds",
            {"status": "declined", "decline_code": "insufficient_funds"},
            Declined("insufficient_funds", Hardness.HARD, CHARGE),  # and the hold is gone
        ),
    ],
    ids=str,
)
def test_a_declined_capture_is_as_hard_as_its_code_unless_the_hold_is_gone(
    code: str, changes: dict[str, Any], expected: Outcome
) -> None:
    body = error("card_error", code, payment=payment(**NOTHING | changes))

    assert sent(CAPTURE, answer(402, body)) == expected


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"payment": None},
        {"payment": payment()},
        {"payment": payment(id="sp_2", status="authorized", amount_captured=0)},
        {"payment": {"id": CHARGE}},
        {"refund": payment()},
    ],
    ids=range(6),
)
def test_a_decline_of_a_capture_that_shows_no_such_charge_is_unknown(about: dict[str, Any]) -> None:
    body = error("card_error", "insufficient_funds", **about)

    assert isinstance(sent(CAPTURE, answer(402, body)), Unknown)


def refusal(outcome: Outcome) -> str:
    assert isinstance(outcome, NotCharged | Declined)
    return outcome.cause if isinstance(outcome, NotCharged) else outcome.code


@pytest.mark.parametrize(
    ("status", "body", "name"),
    [
        (
            402,
            error("card_error", "cancel_declined", payment=payment(**NOTHING)),
            "cancel_declined",
        ),
        (429, error("rate_limit_error", "rate_limited"), "rate_limit_error (429 rate_limited)"),
    ],
    ids=["declined", "refused"],
)
@pytest.mark.parametrize("readable", [True, False], ids=["still held", "unreadable"])
def test_a_void_that_is_refused_says_so_only_where_reading_says_nothing_new(
    status: int, body: object, name: str, readable: bool
) -> None:
    held = payment(status="authorized", amount_captured=0)
    nothing_new = answer(200, held) if readable else answer(503, b"")

    assert refusal(sent(VOID, answer(status, body), nothing_new)) == name
    gone = payment(status="canceled", amount_captured=0)
    assert sent(VOID, answer(status, body), answer(200, gone)) == LET_GO


@pytest.mark.parametrize("about", [{}, {"payment": payment(id="sp_2")}], ids=["none", "another"])
def test_a_decline_of_a_void_that_shows_no_such_charge_is_unknown(about: dict[str, Any]) -> None:
    held = answer(200, payment(status="authorized", amount_captured=0))

    assert isinstance(
        sent(VOID, answer(402, error("card_error", "cancel_declined", **about)), held), Unknown
    )
