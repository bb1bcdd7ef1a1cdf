"""Facts about captures, voids, refunds and payouts: any order of the same facts ends alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import combinations_with_replacement, permutations
from typing import Any
from uuid import UUID

import pytest

from domain.attempt import REQUEST_REJECTED, Attempt, Operation, State
from domain.backoff import Schedule
from domain.commands import Command
from domain.due import Due, Reason
from domain.facts import Fact, Movement, Source, Terms
from domain.hold_facts import apply_to_hold
from domain.money import CURRENCIES, Money
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Returned,
    Succeeded,
    Unknown,
)
from domain.payment import CaptureMethod, Mode, Payment, Status
from domain.payout import Destination, Payout, PayoutStatus
from domain.payout_facts import apply_payout
from domain.refund import Refund, RefundKind, RefundStatus
from domain.refund_facts import apply_refund
from tests.builders import ATTEMPT, MERCHANT, NOON, PAYMENT, a_payment, an_attempt, usd

TERMS = Terms(Schedule((5.0, 30.0)))
MAX_RUNS = 3
CHARGE, REFUND, PAYOUT = UUID(int=30), UUID(int=31), UUID(int=32)
CAPTURED = a_payment(
    status=Status.CAPTURED,
    due=Due(None),
    amount_authorized=5_000,
    amount_captured=5_000,
    amount_refund_pending=2_000,
)
HELD = a_payment(
    status=Status.AUTHORIZED,
    due=Due(None),
    amount_authorized=5_000,
    next_command=Command.CAPTURE,
    capture_amount=3_000,
    authorization_expires_at=NOON + timedelta(days=6),
)
THE_CHARGE = an_attempt(
    id=CHARGE, state=State.AUTHORIZED, held=True, captures=False, provider_id="ch_1", due=Due(None)
)

OUTCOMES: Sequence[Outcome] = (
    Unknown("timed out"),
    Pending("tr"),
    RequiresAction("tr", "https://pay.example/1"),
    Succeeded("tr", usd(2_000)),
    Succeeded("tr", usd(1_999)),
    Succeeded("tr", Money(2_000, CURRENCIES["EUR"])),
    Declined("refused", Hardness.HARD),
    Returned("tr", "account_closed"),
    NotCharged(Proof.READ_BACK, "absent"),
    NotCharged(Proof.REJECTED, "429"),
)
#: Of two different "no"s about one transfer the first that is heard is named.
SOFTLY = Declined("later", Hardness.SOFT)


def a_refund(**changes: Any) -> Refund:
    quiet = Refund(
        id=REFUND,
        payment_id=PAYMENT,
        charge_id=CHARGE,
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=usd(2_000),
        kind=RefundKind.REFUND,
        status=RefundStatus.PROCESSING,
        reason="because",
        requested_by="key:k",
        gateway_id="one",
        created_at=NOON,
        due=Due(None),
    )
    return replace(quiet, **changes)


def a_payout(**changes: Any) -> Payout:
    quiet = Payout(
        id=PAYOUT,
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=usd(2_000),
        status=PayoutStatus.PROCESSING,
        destination=Destination("bank_account", "ba_1"),
        created_at=NOON,
        expires_at=NOON + timedelta(days=1),
        due=Due(None),
        gateway_id="one",
    )
    return replace(quiet, **changes)


def sent(operation: Operation, minor: int = 2_000, **changes: Any) -> Attempt:
    """An attempt of an operation, before its answer."""
    return an_attempt(operation=operation, money=usd(minor), target="ch_1", **changes)


def refunded(outcomes: Sequence[Outcome], refund: Refund, source: Source) -> tuple[Any, ...]:
    payment, attempt, moved = CAPTURED, sent(Operation.REFUND, refund_id=REFUND), set()
    if refund.kind is RefundKind.LATE:
        payment = replace(CAPTURED, amount_refund_pending=0)
    for outcome in outcomes:
        fact = Fact(ATTEMPT, source, outcome)
        found = apply_refund(fact, payment, refund, attempt, now=NOON, terms=TERMS, draw=0.5)
        payment, refund, attempt = found.payment, found.refund, found.attempt
        moved |= {(one.type, one.money) for one in found.transactions}
        assert_sums(payment)
    sums = (payment.status, payment.amount_refunded, payment.amount_refund_pending)
    parked = None if refund.due.parked is None else refund.due.parked.reason
    row = (refund.status, parked, refund.due.next_run_at is None)
    return (*sums, *row, attempt.state, attempt.due.parked, frozenset(moved))


def assert_sums(payment: Payment) -> None:
    assert payment.amount_refunded >= 0
    assert payment.amount_refund_pending >= 0
    assert payment.amount_refunded + payment.amount_refund_pending <= payment.amount_captured


@pytest.mark.parametrize("kind", RefundKind)
def test_every_three_facts_about_a_refund_end_alike_in_all_their_orders(kind: RefundKind) -> None:
    refund = a_refund(kind=kind)
    for three in combinations_with_replacement(OUTCOMES, 3):
        rows = {refunded(order, refund, Source.LOOKUP) for order in set(permutations(three))}
        assert len(rows) == 1, (three, rows)


def test_a_refund_that_went_through_counts() -> None:
    row = refunded([Succeeded("tr", usd(2_000))], a_refund(), Source.ANSWER)

    assert row[:4] == (Status.PARTIALLY_REFUNDED, 2_000, 0, RefundStatus.SUCCEEDED)
    assert row[-1] == {(Movement.REFUND, usd(2_000))}


def test_a_refund_that_was_refused_frees_what_was_promised() -> None:
    row = refunded([Declined("refused", Hardness.HARD)], a_refund(), Source.ANSWER)

    assert row[:4] == (Status.CAPTURED, 0, 0, RefundStatus.FAILED)
    assert not row[-1]


def test_a_refund_that_fails_later_brings_the_money_back() -> None:
    facts: list[Outcome] = [
        Succeeded("tr", usd(2_000)),
        Declined("account_closed", Hardness.HARD),
    ]
    row = refunded(facts, a_refund(), Source.LOOKUP)

    assert row[:4] == (Status.CAPTURED, 0, 0, RefundStatus.FAILED)
    assert {kind for kind, _ in row[-1]} == {Movement.REFUND, Movement.REFUND_FAILURE}


def test_a_refund_of_another_amount_is_a_question_and_stays_promised() -> None:
    row = refunded([Succeeded("tr", usd(1_999))], a_refund(), Source.ANSWER)

    assert row[:3] == (Status.CAPTURED, 0, 2_000)
    assert row[4] is Reason.AMOUNT_MISMATCH


def test_late_money_that_cannot_be_given_back_calls_a_person_after_its_last_run() -> None:
    late = a_refund(kind=RefundKind.LATE, runs=MAX_RUNS - 1)
    row = refunded([Declined("refused", Hardness.HARD)], late, Source.ANSWER)

    assert row[:3] == (Status.CAPTURED, 0, 0)
    assert row[3:5] == (RefundStatus.FAILED, Reason.REFUND_FAILED)


@pytest.mark.parametrize("runs", [0, 1, 2])
def test_a_refund_that_was_not_executed_is_sent_again_until_its_runs_are_spent(runs: int) -> None:
    not_sent = NotCharged(Proof.NEVER_SENT, "no connection")
    row = refunded([not_sent], a_refund(runs=runs), Source.ANSWER)

    again = runs + 1 < MAX_RUNS
    assert row[3] is (RefundStatus.PROCESSING if again else RefundStatus.FAILED)
    assert row[5] is not again, "due again, or never"


def test_a_refund_whose_request_is_wrong_is_not_sent_again() -> None:
    wrong = NotCharged(Proof.REJECTED, "400", request_wrong=True)
    row = refunded([wrong], a_refund(), Source.ANSWER)

    assert row[3] is RefundStatus.FAILED


def paid_out(outcomes: Sequence[Outcome], *, another_blocks: bool = False) -> tuple[Any, ...]:
    payout, moved = a_payout(), set()
    attempt = an_attempt(
        operation=Operation.PAYOUT, money=usd(2_000), payment_id=None, payout_id=PAYOUT
    )
    for outcome in outcomes:
        fact = Fact(ATTEMPT, Source.LOOKUP, outcome)
        found = apply_payout(
            fact, payout, attempt, another_blocks=another_blocks, now=NOON, terms=TERMS
        )
        payout, attempt = found.payout, found.attempt
        moved |= {(one.type, one.money) for one in found.transactions}
    parked = None if attempt.due.parked is None else attempt.due.parked.reason
    return payout.status, attempt.state, parked, frozenset(moved)


def test_every_three_facts_about_a_payout_end_alike_in_all_their_orders() -> None:
    for three in combinations_with_replacement(OUTCOMES, 3):
        rows = {paid_out(order) for order in set(permutations(three))}
        assert len(rows) == 1, (three, rows)


def test_a_payout_may_come_back_after_it_was_paid() -> None:
    row = paid_out([Succeeded("tr", usd(2_000)), Returned("tr", "account_closed")])

    assert row[:2] == (PayoutStatus.FAILED, State.RETURNED)
    assert {kind for kind, _ in row[-1]} == {Movement.PAYOUT, Movement.PAYOUT_FAILURE}


def test_a_payout_that_was_paid_beside_another_one_calls_a_person() -> None:
    row = paid_out([Succeeded("tr", usd(2_000))], another_blocks=True)

    assert row[1:3] == (State.LATE_SUCCESS, Reason.CONTRADICTION)


def on_hold(outcome: Outcome, payment: Payment = HELD, **changes: Any) -> Any:
    attempt = sent(Operation.CAPTURE, 3_000, id=ATTEMPT, **changes)
    fact = Fact(ATTEMPT, Source.ANSWER, outcome)
    return apply_to_hold(fact, payment, THE_CHARGE, attempt, now=NOON, terms=TERMS, draw=0.5)


def test_a_capture_that_went_through_says_so_of_the_charge() -> None:
    found = on_hold(Succeeded("ch_1", usd(3_000)))

    assert found.attempt.state is State.SUCCEEDED
    assert found.charge == Succeeded(
        "ch_1", usd(3_000), captured=True, reference=THE_CHARGE.reference
    )


def test_a_capture_of_another_amount_is_a_question() -> None:
    found = on_hold(Succeeded("ch_1", usd(2_999)))

    assert found.charge is None
    assert found.payment.due.parked.reason is Reason.AMOUNT_MISMATCH


@pytest.mark.parametrize("outcome", [NotCharged(Proof.NEVER_SENT, "x"), SOFTLY])
def test_a_capture_that_may_yet_succeed_is_sent_again(outcome: Outcome) -> None:
    found = on_hold(outcome)

    assert (found.payment.next_command, found.payment.runs) == (Command.CAPTURE, 1)
    assert found.payment.due.next_run_at > NOON
    assert not found.ask_again


def test_a_capture_refused_for_good_leaves_a_manual_hold_to_its_merchant() -> None:
    manual = replace(HELD, capture_method=CaptureMethod.MANUAL)
    found = on_hold(Declined("hold_released", Hardness.HARD), manual)

    assert found.ask_again, "the hold may be gone"
    assert (found.payment.capture_amount, found.payment.ending) == (None, None)
    assert found.payment.due.next_run_at == HELD.authorization_expires_at


def test_a_capture_refused_for_good_lets_an_automatic_hold_go() -> None:
    found = on_hold(Declined("refused", Hardness.HARD))

    assert (found.payment.next_command, found.payment.ending) == (Command.VOID, Status.FAILED)
    assert found.payment.failure.code == "refused"


def test_a_request_that_the_provider_calls_wrong_is_kept_as_such() -> None:
    found = on_hold(NotCharged(Proof.REJECTED, "400", request_wrong=True))

    assert found.attempt.code == REQUEST_REJECTED
