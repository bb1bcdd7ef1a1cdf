"""What is written down is read back as it was, and what is secret is not in the rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert

from domain.attempt import Operation, State
from domain.commands import Command
from domain.due import NEVER
from domain.facts import Fact, Movement, Source, Transaction
from domain.means import Address, Method
from domain.money import CURRENCIES, Money
from domain.outcome import TakenBack
from domain.payment import CaptureMethod, Failure, Payment, Review, Status
from domain.payout import PayoutStatus
from domain.refund import RefundStatus, rebalanced
from domain.review import CaseKind, Decision
from domain.webhook import Hint
from ops.store import rows, tables
from tests.store.books import (
    a_case,
    a_charge,
    a_payment,
    a_payout,
    an_attempt,
    asked_back,
    checkout_payment,
    new_payout,
    paid,
)
from tests.store.conftest import Books

pytestmark = pytest.mark.services


def written(books: Books, payment: Payment) -> Payment:
    values = rows.payment_insert(payment, books.vault)
    with books.engine.begin() as db:
        db.execute(insert(tables.payments).values(values))
    with books.store.begin() as work:
        return work.payment(payment.id)


def test_a_payment_is_read_as_it_was_accepted(books: Books) -> None:
    asked = replace(
        checkout_payment(books),
        method=Method("card", "tok_secret", None, "Ms Secret"),
        billing=Address("1 Secret Street", "Springfield", "OR", "97477", "US"),
        kind="deposit",
        capture_method=CaptureMethod.MANUAL,
        confirmed=False,
    )
    waiting = replace(asked, due=asked.due.at(asked.expires_at))

    assert written(books, waiting) == waiting
    assert "ecret" not in str(books.sql("SELECT * FROM payments"))
    (row,) = books.sql(
        "SELECT next_run_at = expires_at AND wake_at = expires_at AS sleeps FROM payments"
    )
    assert row == {"sleeps": True}


def test_everything_that_may_change_of_a_payment_is_kept(books: Books) -> None:
    payment = written(books, checkout_payment(books))
    at = payment.created_at + timedelta(seconds=1)
    changed = replace(
        payment.moved(Status.PROCESSING).moved(Status.AUTHORIZED),
        amount_authorized=1000,
        gateway_id="one",
        capture_amount=600,
        ending=Status.EXPIRED,
        review=Review.APPROVED,
        confirmed=False,
        authorized_at=at,
        authorization_expires_at=at,
        failure=Failure("capture_failed", "the held money could not be collected"),
        next_command=Command.CAPTURE,
    )
    books.sql("UPDATE payments SET status = 'processing' WHERE id = :id", id=payment.id)
    with books.store.begin() as work:
        saved = work.save_payment(changed)
    with books.store.begin() as work:
        assert work.payment(payment.id) == saved == replace(changed, version=2)


@pytest.mark.parametrize(
    ("start", "end", "column"),
    [
        (Status.PENDING, Status.FAILED, "failed_at"),
        (Status.PENDING, Status.CANCELLED, "cancelled_at"),
        (Status.PENDING, Status.EXPIRED, "expired_at"),
        (Status.CAPTURED, Status.REFUNDED, "refunded_at"),
    ],
)
def test_the_database_notes_when_a_payment_came_to_its_end(
    books: Books, start: Status, end: Status, column: str
) -> None:
    id_ = a_payment(books, start)
    noted = f"SELECT {column} BETWEEN now() - interval '9 s' AND now() AS noted FROM payments"
    assert books.sql(noted) == [{"noted": None}]

    books.sql("UPDATE payments SET status = :end WHERE id = :id", end=end.value, id=id_)

    assert books.sql(noted) == [{"noted": True}]


def test_an_attempt_is_read_as_it_was_written(books: Books) -> None:
    payment, charge = paid(books)
    refund = asked_back(books, payment, charge)
    id_ = an_attempt(
        books, Operation.REFUND, State.SENDING, payment_id=payment, refund_id=refund.id,
        target="ch_1", captures=False,
    )  # fmt: skip
    with books.store.begin() as work:
        sent = work.attempt(id_)
        assert sent is not None
        assert (sent.refund_id, sent.target, sent.captures) == (refund.id, "ch_1", False)
        seen = replace(
            sent, state=State.SUCCEEDED, held=True, released=True, captured=12, due=NEVER
        )
        work.save_attempt(seen)
        assert work.attempt(id_) == seen
        assert [attempt.id for attempt in work.attempts(payment)] == [charge, id_]


def test_refund_payout_and_case_are_read_as_they_were_written(books: Books) -> None:
    payment, charge = paid(books)
    refund, payout = asked_back(books, payment, charge), new_payout(books, metadata={"a": "b"})
    found = Money(999, CURRENCIES["EUR"])
    case = a_case(payment, books.new_id(), kind=CaseKind.MISMATCH, found=found, attempt_id=charge)
    with books.store.begin() as work:
        work.add_payout(payout)
        assert work.open_case(case)
        assert work.refund(refund.id) == refund
        assert list(work.refunds(payment)) == [refund]
        assert work.lock_payout(payout.id) == payout
        assert list(work.open_cases(payment)) == [case]
        failure = Failure("account_closed", "there is no such account")
        ended = payout.ended(PayoutStatus.FAILED, work.now, failure)
        assert work.save_payout(ended) == work.lock_payout(payout.id)
        held = work.lock_payment(payment)
        lost = refund.ended(RefundStatus.FAILED, work.now, failure)
        assert work.save_refund(lost) == work.refund(refund.id)
        work.save_payment(rebalanced(held, refund, lost))
        decided = replace(
            case, decision=Decision.REJECTED, decided_by="key:k", decided_at=work.now, note="no"
        )
        assert work.decide_case(decided)
        assert not work.decide_case(replace(decided, decision=Decision.APPROVED))
        assert list(work.open_cases(payment)) == []
    dump = str(books.sql("SELECT * FROM payouts"))
    assert "ba_secret" not in dump
    assert "payer@example.com" not in dump


def test_what_a_provider_took_back_is_told_with_both_sums(books: Books) -> None:
    payment, charge = paid(books)
    usd = CURRENCIES["USD"]
    taken = TakenBack("ch_1", Money(1000, usd), Money(250, usd), "fraudulent")
    moved = Transaction(
        payment, charge, Movement.CHARGEBACK, Money(250, usd), "one", "ch_1", total=250
    )
    with books.store.begin() as work:
        work.add_fact(Fact(charge, Source.WEBHOOK, taken))
        for total in (250, 400, 400):
            work.add_transaction(replace(moved, total=total))
    (told,) = books.sql("SELECT told FROM attempt_facts")
    assert told["told"] == {
        "provider_id": "ch_1", "captured": 1000, "taken": 250, "currency": "USD",
        "reason": "fraudulent",
    }  # fmt: skip
    assert books.sql("SELECT total FROM transactions ORDER BY total") == [
        {"total": 250},
        {"total": 400},
    ]


def test_a_hint_by_the_providers_id_means_the_charge_and_by_reference_any_attempt(
    books: Books,
) -> None:
    payment = a_payment(books, Status.AUTHORIZED, amount_authorized=1000)
    shared = {"payment_id": payment, "provider_id": "ch_1"}
    capture = an_attempt(books, Operation.CAPTURE, State.PENDING, **shared)
    charge = a_charge(books, payment, state=State.AUTHORIZED, provider_id="ch_1")
    payout = an_attempt(
        books, Operation.PAYOUT, State.PENDING, payout_id=a_payout(books).id, provider_id="po_1"
    )
    with books.store.begin() as work:

        def found(reference: str | None, provider_id: str | None) -> object:
            attempt = work.find_attempt("one", Hint(reference, provider_id, ""))
            return attempt and attempt.id

        assert found(None, "ch_1") == charge
        assert found(capture.hex, "ch_1") == capture
        assert found(None, "po_1") == payout
        assert found(payout.hex, None) == payout
        assert found(None, "nothing") is None
        assert work.find_attempt("two", Hint(payout.hex, "ch_1", "")) is None
