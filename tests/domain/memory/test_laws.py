"""What PostgreSQL refuses by itself, the books in memory refuse too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from operator import methodcaller
from typing import Any
from uuid import UUID

import pytest

from domain.attempt import HARMLESS, State
from domain.due import NEVER, Due, Lease, Reason
from domain.facts import Fact, Movement, Source, Transaction
from domain.flows.screen import inputs_of
from domain.fraud.features import NO_HISTORY
from domain.fraud.score import FraudPolicy, assess
from domain.outcome import Proof, Unknown
from domain.payment import CHARGEABLE, MOVES, Mode, Payment, Status
from ops.store.memory.laws import LawBroken
from ops.store.memory.store import MemoryWork
from tests.builders import (
    ATTEMPT,
    NOON,
    OWNER,
    PAYMENT,
    Scripted,
    Stage,
    a_gateway,
    a_payment,
    a_runtime,
    an_attempt,
    usd,
)

LIVE = Scripted("live", row=a_gateway("live", mode=Mode.LIVE))
SECOND = UUID(int=9)
PROCESSING = a_payment(status=Status.PROCESSING)


def on(payment: Any = PROCESSING, *attempts: Any) -> Stage:
    return a_runtime(Scripted("one"), Scripted("two"), LIVE, holding=payment, attempts=attempts)


def refused(stage: Stage, change: Any, law: str) -> None:
    before = stage.payment()
    with pytest.raises(LawBroken, match=law):
        stage.change(change)
    assert stage.payment() == before


def saving(payment: Payment) -> Callable[[MemoryWork], object]:
    return lambda work: work.save_payment(payment)


@pytest.mark.parametrize("start", Status)
def test_only_the_legal_moves_are_possible(start: Status) -> None:
    full = {"amount_authorized": 5_000, "amount_captured": 5_000}
    for end in Status:
        stage = on(a_payment(status=start, **full))
        moved = replace(stage.payment(), status=end)
        if end is start or end in MOVES[start]:
            stage.change(saving(moved))
            assert stage.payment().status is end
        else:
            refused(stage, saving(moved), "illegal move")


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ({"money": usd(1)}, "never changes"),
        ({"mode": Mode.LIVE}, "never changes"),
        ({"amount_captured": 1}, "payments_sums"),
        ({"amount_authorized": 5_001}, "payments_sums"),
        ({"amount_authorized": 9, "amount_captured": 9, "amount_refunded": 10}, "payments_sums"),
        ({"amount_refund_pending": 1}, "asked back"),
        ({"amount_refund_pending": -1}, "payments_sums"),
        ({"amount_refunded": -1}, "payments_sums"),
        ({"amount_reversed": 1}, "payments_sums"),
        ({"capture_amount": 5_001}, "payments_capture_amount"),
        ({"ending": Status.CAPTURED}, "payments_ending"),
        ({"kind": "deposit"}, "never changes"),
        ({"status": Status.CAPTURED}, "payments_captured"),
        ({"gateway_id": "three"}, "payments_gateway"),
        ({"due": replace(NEVER.park(NOON, Reason.POISON), next_run_at=NOON)}, "payments_parked"),
    ],
)
def test_what_a_payment_can_never_be_is_refused(change: dict[str, Any], law: str) -> None:
    stage = on()

    refused(stage, lambda work: work.save_payment(replace(PROCESSING, **change)), law)


@pytest.mark.parametrize("state", State)
def test_law_1_a_second_charge_needs_the_first_proven_harmless(state: State) -> None:
    first = an_attempt(state=state, proof=Proof.READ_BACK if state in HARMLESS else None)
    stage = on(PROCESSING, first)
    second = an_attempt(id=SECOND, number=2)

    if state in HARMLESS:
        stage.change(lambda work: work.insert_attempt(second))
        assert len(stage.attempts()) == 2
        if state is not State.LATE_SUCCESS:
            again = replace(first, state=State.PENDING)
            refused(stage, lambda work: work.save_attempt(again), "one_open_charge")
    else:
        refused(stage, lambda work: work.insert_attempt(second), "one_open_charge")


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ({"id": ATTEMPT, "state": State.LATE_SUCCESS}, "pkey"),
        ({"number": 1, "state": State.LATE_SUCCESS}, "number"),
        ({"gateway_id": "live"}, "payment_attempts_gateway"),
        ({"gateway_id": "three"}, "payment_attempts_gateway"),
        ({"mode": Mode.LIVE, "gateway_id": "live"}, "payment_attempts_payment"),
        ({"state": State.DECLINED}, "proof"),
    ],
)
def test_what_a_new_attempt_can_never_be_is_refused(change: dict[str, Any], law: str) -> None:
    stage = on(PROCESSING, an_attempt(state=State.VOIDED, proof=Proof.VOIDED))
    begun: dict[str, Any] = {"id": SECOND, "number": 2}
    new = an_attempt(**(begun | change))

    refused(stage, lambda work: work.insert_attempt(new), law)


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ({"money": usd(1)}, "intent"),
        ({"request": b"other bytes"}, "intent"),
        ({"gateway_id": "two"}, "intent"),
        ({"number": 3}, "intent"),
        ({"deadline_at": NOON}, "times"),
        ({"key_window_ends": NOON}, "times"),
        ({"confirming": False}, "times"),
        ({"state": State.NOT_CHARGED}, "proof"),
        ({"due": replace(NEVER.park(NOON, Reason.POISON), next_run_at=NOON)}, "parked"),
    ],
)
def test_an_intent_never_changes_and_a_no_needs_its_proof(change: dict[str, Any], law: str) -> None:
    stage = on(PROCESSING, an_attempt())

    refused(stage, lambda work: work.save_attempt(an_attempt(**change)), law)


def begun(work: MemoryWork, token: int = 1) -> Any:
    return work.begin_attempt(an_attempt(), Lease(token, OWNER), 17, {})


@pytest.mark.parametrize("status", Status)
def test_laws_3_and_4_an_attempt_begins_only_where_a_payment_may_be_charged(status: Status) -> None:
    stage = on(a_payment(status=status, amount_authorized=5_000, amount_captured=5_000))

    with stage.memory.begin() as work:
        claim = work.claim_payment(PAYMENT, OWNER, 5)
        assert claim is not None
        payment = begun(work)

    if status in CHARGEABLE:
        assert payment == stage.payment()
        assert (payment.status, payment.due.starts) == (Status.PROCESSING, 0)
        assert payment.version == claim.row.version + 1
        assert stage.lease_until() == NOON + timedelta(seconds=17)
        assert len(stage.attempts()) == 1
    else:
        assert payment is None
        assert stage.payment() == claim.row
        assert stage.attempts() == []


@pytest.mark.parametrize(
    ("payment", "token"),
    [
        (a_payment(), 0),
        (a_payment(), 2),
        (a_payment(cancel_requested_at=NOON), 1),
        (a_payment(expires_at=NOON), 1),
    ],
    ids=["taken over", "not ours yet", "cancelled", "expired"],
)
def test_law_4_lease_cancel_and_expiry_guard_the_attempt(payment: Any, token: int) -> None:
    stage = on(payment)

    with stage.memory.begin() as work:
        work.claim_payment(PAYMENT, OWNER, 5)
        assert begun(work, token) is None

    assert stage.attempts() == []
    assert stage.payment().status is Status.PENDING


def test_the_same_movement_of_one_attempt_is_one_transaction() -> None:
    stage = on(PROCESSING, an_attempt())
    moved = Transaction(PAYMENT, ATTEMPT, Movement.SALE, usd(), "one", "ch_1", 5_000)
    stage.change(lambda work: work.add_transaction(moved))

    stage.change(lambda work: work.add_transaction(moved))
    nothing = replace(moved, type=Movement.AUTHORIZATION, money=usd(0))
    refused(stage, lambda work: work.add_transaction(nothing), "amount")
    more = replace(moved, type=Movement.CHARGEBACK)
    for total in (5_000, 6_000, 6_000):
        stage.change(methodcaller("add_transaction", replace(more, total=total)))
    assert [one.total for one in stage.transactions()] == [5_000, 5_000, 6_000]


def test_a_fact_is_about_an_attempt() -> None:
    told = Fact(SECOND, Source.LOOKUP, Unknown("x"))

    refused(on(), lambda work: work.add_fact(told), "attempt_facts")


def test_a_payment_is_assessed_once() -> None:
    stage = on()
    found = assess(inputs_of(PROCESSING), NO_HISTORY, FraudPolicy())
    stage.change(lambda work: work.add_assessment(PAYMENT, found))

    refused(stage, lambda work: work.add_assessment(PAYMENT, found), "fraud_checks")


def test_an_order_has_one_active_payment() -> None:
    stage = on(a_payment(order_id="o-1"))
    rival = a_payment(id=SECOND, order_id="o-1")

    refused(stage, lambda work: work.books.add_payment(rival), "active_order")
    refused(stage, lambda work: work.books.add_payment(a_payment()), "pkey")
    live = replace(rival, mode=Mode.LIVE)
    stage.change(lambda work: work.books.add_payment(live))

    stage.change(lambda work: work.save_payment(stage.payment().ended(Status.CANCELLED)))
    stage.change(lambda work: work.books.add_payment(replace(rival, id=UUID(int=10))))
    assert Due(NOON) == stage.payment(UUID(int=10)).due
