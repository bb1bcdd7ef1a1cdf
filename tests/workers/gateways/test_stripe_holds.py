"""What the Stripe adapter makes of an intent as a capture, as a void, and as nobody's wish."""

from __future__ import annotations

import pytest

from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Proof,
    Succeeded,
    Unknown,
)
from tests.contract.made import money, within
from tests.workers.gateways.stripe_spoken import (
    INTENT,
    answered,
    capturing,
    confirming,
    error,
    hearing,
    intent,
    looked_up,
    making,
    sent,
    spoken,
    voiding,
)

EUR = money(1250)

#: A status, what was received, and what it says of a capture of 10.00.
COLLECTED: list[tuple[str, int, Lookup]] = [
    ("succeeded", 1000, Succeeded(INTENT, money(1000))),
    ("succeeded", 1250, Declined("captured_otherwise", Hardness.HARD, INTENT)),
    ("requires_capture", 0, NotFound()),
    ("processing", 0, Pending(INTENT)),
    ("canceled", 0, Declined("hold_released", Hardness.HARD, INTENT)),
    ("requires_payment_method", 0, Declined("hold_released", Hardness.HARD, INTENT)),
]


@pytest.mark.parametrize(("status", "received", "found"), COLLECTED)
def test_an_intent_says_what_became_of_a_capture(status: str, received: int, found: Lookup) -> None:
    attempt = capturing(1000)
    shown = intent(attempt, status, amount=1250, amount_received=received)

    assert looked_up(attempt, spoken(200, shown)) == found


@pytest.mark.parametrize("status", ["requires_action", "requires_confirmation", "something_new"])
def test_what_was_never_held_says_nothing_of_its_capture(status: str) -> None:
    attempt = capturing()

    assert isinstance(looked_up(attempt, spoken(200, intent(attempt, status))), Unknown)


def test_the_answer_to_our_own_capture_is_ours_whatever_it_collected() -> None:
    attempt = capturing(1000)

    assert answered(attempt, 200, intent(attempt, amount_received=999)) == Succeeded(
        INTENT, money(999)
    )
    assert isinstance(answered(attempt, 200, intent(attempt, "requires_capture")), Unknown)
    assert isinstance(answered(attempt, 200, intent(attempt, id="pi_2")), Unknown)


#: A status, and what it says of a void.
RELEASED: list[tuple[str, Lookup]] = [
    ("canceled", Succeeded(INTENT, EUR)),
    ("requires_payment_method", Succeeded(INTENT, EUR)),
    ("succeeded", Declined("already_captured", Hardness.HARD, INTENT)),
    ("requires_capture", NotFound()),
    ("processing", NotFound()),
    ("requires_action", NotFound()),
    ("requires_confirmation", NotFound()),
]


@pytest.mark.parametrize(("status", "found"), RELEASED)
def test_an_intent_says_what_became_of_a_void(status: str, found: Lookup) -> None:
    attempt = voiding()
    shown = spoken(200, intent(attempt, status))
    settled = isinstance(found, NotFound)

    assert looked_up(attempt, shown) == found
    for cancel in (shown, spoken(500, error("api_error")), spoken(200, {})):
        outcome = sent(attempt, cancel, shown)
        assert isinstance(outcome, Unknown) if settled else outcome == found


def test_a_hold_that_was_released_and_received_money_is_a_riddle() -> None:
    attempt = voiding()

    shown = intent(attempt, "canceled", amount_received=5)

    assert isinstance(looked_up(attempt, spoken(200, shown)), Unknown)
    assert isinstance(looked_up(attempt, spoken(200, intent(attempt, "odd"))), Unknown)
    assert isinstance(looked_up(attempt, spoken(200, intent(attempt, id="pi_2"))), Unknown)


def test_a_void_that_was_refused_says_why_where_reading_says_nothing_new() -> None:
    attempt = voiding()
    stands = spoken(200, intent(attempt, "requires_capture"))

    limited = sent(attempt, spoken(429, error(code="rate_limit")), stands)
    moved_on = sent(attempt, spoken(400, error(code="payment_intent_unexpected_state")), stands)

    assert isinstance(limited, NotCharged)
    assert limited.proof is Proof.REJECTED
    assert isinstance(moved_on, Unknown)


def test_a_cancelled_charge_is_what_is_read_back() -> None:
    attempt = confirming()
    canceled = spoken(200, intent(attempt, "canceled"))
    paid = spoken(200, intent(attempt))

    def outcome(*answers: bytes) -> Outcome:
        return hearing(lambda s: s.cancel(attempt, within()), *answers)[0]

    assert outcome(canceled, canceled) == NotCharged(Proof.VOIDED, "read as canceled", INTENT)
    assert isinstance(outcome(canceled, paid), Succeeded)
    assert isinstance(outcome(canceled, spoken(500, error("api_error")), b""), Unknown)


def test_a_charge_whose_id_is_not_known_is_searched_for_before_it_is_cancelled() -> None:
    attempt = making()
    prepared = intent(attempt, "requires_confirmation")
    canceled = spoken(200, intent(attempt, "canceled"))

    outcome, raw = hearing(
        lambda s: s.cancel(attempt, within()),
        spoken(200, {"object": "search_result", "data": [prepared], "has_more": False}),
        canceled,
        canceled,
    )
    nothing, reads = hearing(lambda s: s.cancel(attempt, within()), spoken(200, {"data": []}))
    paid, once = hearing(
        lambda s: s.cancel(attempt, within()), spoken(200, {"data": [intent(attempt)]})
    )

    assert outcome == NotCharged(Proof.VOIDED, "read as canceled", INTENT)
    assert raw[1].startswith(b"POST /v1/payment_intents/pi_1/cancel ")
    assert isinstance(nothing, Unknown)
    assert isinstance(paid, Succeeded)
    assert len(reads) == len(once) == 1
