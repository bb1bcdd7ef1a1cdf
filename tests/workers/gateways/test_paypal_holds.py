"""What a PayPal order says of a capture and of a void of its hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.flows.send import send
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Pending,
    Proof,
    Succeeded,
    Unknown,
)
from tests.contract.made import money, within
from tests.workers.gateways.paypal_spoken import (
    CAPTURE,
    HOLD,
    ORDER,
    answer,
    capturing,
    held,
    holding,
    movement,
    order,
    problem,
    read_back,
    sent,
    told,
    voiding,
)


def captured(attempt: Attempt, status: str, value: str = "12.50", **more: Any) -> dict[str, Any]:
    """The hold's order after a capture; `attempt` is the capture."""
    hold = {"COMPLETED": "CAPTURED", "PENDING": "CAPTURED"}.get(status, "CREATED")
    return order(
        attempt,
        authorizations=[movement(HOLD, hold)],
        captures=[movement(CAPTURE, status, value, **more)],
    )


@pytest.mark.parametrize(
    ("status", "value", "outcome"),
    [
        ("COMPLETED", "12.50", Succeeded(ORDER, money(1250))),
        ("REFUNDED", "12.50", Succeeded(ORDER, money(1250))),
        ("COMPLETED", "12.49", Declined("captured_otherwise", Hardness.HARD, ORDER)),
        ("PENDING", "12.50", Pending(ORDER)),
        ("DECLINED", "12.50", NotFound()),  # somebody else's: the hold stands
    ],
)
def test_a_capture_is_judged_by_what_the_order_collected(
    status: str, value: str, outcome: Lookup
) -> None:
    attempt = capturing()

    assert read_back(attempt, captured(attempt, status, value)) == outcome


@pytest.mark.parametrize("status", ["CAPTURED", "PARTIALLY_CAPTURED"])
def test_a_hold_that_was_collected_is_a_charge_of_what_was_collected(status: str) -> None:
    attempt = holding()
    shown = order(
        attempt,
        authorizations=[movement(HOLD, status)],
        captures=[movement(CAPTURE, "COMPLETED", "10.00")],
    )

    assert sent(attempt, answer(200, shown)) == Succeeded(
        ORDER, money(1000), reference=attempt.reference
    )


def test_our_own_declined_capture_is_a_no() -> None:
    attempt = capturing()
    shown = captured(attempt, "DECLINED", invoice_id=attempt.reference)

    assert read_back(attempt, shown) == Declined("capture_declined", Hardness.SOFT, ORDER)


@pytest.mark.parametrize(
    ("status", "of_capture", "of_void"),
    [
        ("CREATED", NotFound(), NotFound()),
        ("PENDING", NotFound(), NotFound()),
        (
            "VOIDED",
            Declined("hold_released", Hardness.HARD, ORDER),
            Succeeded(ORDER, money(1250)),
        ),
        (
            "DENIED",
            Declined("hold_released", Hardness.HARD, ORDER),
            Succeeded(ORDER, money(1250)),
        ),
    ],
)
def test_what_is_left_of_a_hold(status: str, of_capture: Lookup, of_void: Lookup) -> None:
    capture, void = capturing(), voiding()

    assert read_back(capture, held(capture, status)) == of_capture
    assert read_back(void, held(void, status)) == of_void


def test_a_void_of_collected_money_is_refused() -> None:
    void = voiding()

    expected = Declined("already_captured", Hardness.HARD, ORDER)
    assert read_back(void, captured(void, "COMPLETED")) == expected
    assert isinstance(read_back(void, captured(void, "PENDING")), Unknown)


@pytest.mark.parametrize("made", [capturing, voiding])
def test_an_order_that_was_never_held_or_is_another_one_is_a_riddle(
    made: Callable[[], Attempt],
) -> None:
    attempt = made()

    assert isinstance(read_back(attempt, order(attempt, "APPROVED")), Unknown)
    assert isinstance(read_back(attempt, held(attempt) | {"id": "ORDER2"}), Unknown)
    assert isinstance(read_back(attempt, held(attempt, "CAPTURED")), Unknown)


def test_a_capture_is_sent_to_the_authorization_once_the_order_was_read() -> None:
    attempt = capturing(1000)
    reads = answer(200, held(attempt))
    made = movement(CAPTURE, "COMPLETED", "10.00")

    assert sent(attempt, reads, answer(201, made)) == Succeeded(ORDER, money(1000))
    less = movement(CAPTURE, "COMPLETED", "9.99")
    assert sent(attempt, reads, answer(201, less)) == Succeeded(ORDER, money(999))
    waits = movement(CAPTURE, "PENDING", "10.00")
    assert sent(attempt, reads, answer(201, waits)) == Pending(ORDER)
    no = movement(CAPTURE, "DECLINED", "10.00")
    assert sent(attempt, reads, answer(201, no)) == Declined(
        "capture_declined", Hardness.SOFT, ORDER
    )
    odd_one = movement(CAPTURE, "INVENTED", "10.00")
    assert isinstance(sent(attempt, reads, answer(201, odd_one)), Unknown)


@pytest.mark.parametrize("made", [capturing, voiding])
@pytest.mark.parametrize("broken", [answer(500, {}), answer(404, problem("RESOURCE_NOT_FOUND"))])
def test_where_the_order_cannot_be_read_nothing_is_sent(
    made: Callable[[], Attempt], broken: bytes
) -> None:
    attempt = made()

    outcome, server = told(lambda adapter: send(adapter, attempt, within()), broken)

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert len(server.requests) == 2  # the token, and the order
