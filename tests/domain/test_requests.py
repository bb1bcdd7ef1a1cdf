"""What can be asked of a payment as time goes by, and how a refusal says how much has gone by."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.errors import IllegalMove, RefundWindowClosed
from domain.payment import Status
from domain.requests import Sight, Verb, allowed_operations, captured, refundable
from tests.builders import NOON, a_payment

PAID = a_payment(
    status=Status.CAPTURED, amount_authorized=5_000, amount_captured=5_000, captured_at=NOON
)
WINDOW = timedelta(days=90)
IN_TIME, LATE = Sight(NOON + WINDOW, WINDOW), Sight(NOON + WINDOW + timedelta(seconds=1), WINDOW)


def test_money_can_be_asked_back_until_its_window_closes() -> None:
    assert allowed_operations(PAID, IN_TIME) == (Verb.REFUND, Verb.REVERSE)
    assert IN_TIME.refundable(PAID) == 5_000

    assert allowed_operations(PAID, LATE) == ()
    assert LATE.refundable(PAID) == 0


def test_a_refusal_after_the_window_offers_no_refund() -> None:
    with pytest.raises(IllegalMove) as refusal:
        captured(PAID, None, LATE)

    assert (refusal.value.allowed, refusal.value.fix) == ((), "possible now: nothing")


def test_a_hold_is_never_too_old_to_be_let_go_of() -> None:
    held = a_payment(status=Status.AUTHORIZED, amount_authorized=5_000, authorized_at=NOON)

    assert allowed_operations(held, LATE) == (Verb.CAPTURE, Verb.CANCEL, Verb.REVERSE)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (timedelta(days=90), "90 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(seconds=61), "61 seconds"),
        (timedelta(milliseconds=500), "0 seconds"),
    ],
)
def test_a_window_is_named_in_the_largest_unit_that_says_it_exactly(
    window: timedelta, said: str
) -> None:
    late = Sight(NOON + window + timedelta(seconds=1), window)

    with pytest.raises(RefundWindowClosed, match=f"more than {said} ago"):
        refundable(PAID, Verb.REFUND, None, late)
