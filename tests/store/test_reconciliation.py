"""Reconciling on PostgreSQL: what a list proves is applied, and what it does not is opened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.attempt import Attempt, Operation, State
from domain.outcome import Lookup, NotFound, Succeeded, TakenBack
from domain.payment import Status
from domain.ports import Promise
from domain.reconcile import Stands
from domain.reconcile_ours import Move
from tests.scripted import Scripted
from tests.store.books import a_charge, a_payment, an_attempt, new_payout
from tests.store.conftest import Books
from tests.store.reconciling import SILENT, Desk, a_desk, a_lost_charge, a_sale, entry, usd

pytestmark = pytest.mark.services


@pytest.fixture
def desk(books: Books) -> Desk:
    return a_desk(books)


def test_books_that_agree_leave_a_run_and_nothing_else(desk: Desk) -> None:
    assert desk.shelf is not None
    charges = [a_sale(desk.books, f"ch_{n}") for n in range(3)]
    first, second, third = (entry(one, f"ch_{n}") for n, one in enumerate(charges))
    desk.shelf.shows([first, second], [second, third])

    ran = desk.run()

    assert (ran.run.status, ran.run.method, ran.run.cause) == ("done", "listed", None)
    assert (ran.run.compared, ran.run.differing, ran.run.settled) == (3, 0, 0)
    assert ran.items == []
    assert [following for _, following in desk.shelf.asked] == [None, "1"]
    told = desk.books.sql("SELECT actor, action FROM audit_logs ORDER BY id")
    assert [tuple(row.values()) for row in told][-2:] == [
        ("operator", "reconciliation.asked"),
        ("worker", "reconciliation.done"),
    ]


def test_a_lost_answer_without_a_look_up_is_settled_by_the_list(desk: Desk) -> None:
    assert desk.shelf is not None
    payment, charge = a_lost_charge(desk.books)
    desk.shelf.shows([entry(charge, "ch_found")])

    ran = desk.run()

    assert ran.open() == []
    assert ran.resolved() == [("status", "the provider was asked, and its word was heard")]
    (attempt,) = desk.books.sql("SELECT * FROM payment_attempts WHERE id = :id", id=charge)
    assert (attempt["state"], attempt["provider_id"]) == ("captured", "ch_found")
    assert attempt["parked_at"] is None
    (row,) = desk.books.sql("SELECT status FROM payments WHERE id = :id", id=payment)
    assert row["status"] == "captured"
    (fact,) = desk.books.sql("SELECT source, outcome FROM attempt_facts")
    assert fact == {"source": "reconciliation", "outcome": "Succeeded"}


def test_where_the_object_can_be_read_it_is_what_counts(desk: Desk) -> None:
    assert desk.shelf is not None
    payment, charge = a_lost_charge(desk.books)
    desk.shelf.shows([entry(charge, "ch_found")])

    def shown(attempt: Attempt) -> Lookup:
        assert attempt.provider_id == "ch_found", "it is asked by the id that the list tells"
        return TakenBack("ch_found", usd(1000), usd(400), "fraud", charge.hex)

    desk.gateway.scripts["lookup"].appendleft(shown)

    assert desk.run().resolved() == [
        ("status", "the provider was asked, and its word was heard"),
    ]
    (row,) = desk.books.sql("SELECT * FROM payments WHERE id = :id", id=payment)
    assert (row["amount_captured"], row["amount_reversed"]) == (1000, 400)


def test_a_wrong_amount_is_parked_for_a_person_and_stays_open(desk: Desk) -> None:
    assert desk.shelf is not None
    payment, charge = a_lost_charge(desk.books)
    desk.shelf.shows([entry(charge, money=usd(999))])

    ran = desk.run()

    assert ran.open() == [("amount", "charge")]
    (item,) = ran.items
    assert item.owner == "operations"
    assert item.payment_id == payment
    assert item.theirs is not None
    assert item.theirs["amount"] == 999
    (attempt,) = desk.books.sql("SELECT * FROM payment_attempts WHERE id = :id", id=charge)
    assert (attempt["state"], attempt["parked_reason"]) == ("unknown", "amount_mismatch")


def test_money_that_moved_is_never_taken_back_by_a_list(desk: Desk) -> None:
    a_sale(desk.books)
    before = desk.books.sql("SELECT * FROM payment_attempts")

    ran = desk.run()

    assert ran.open() == [("missing_there", "charge")]
    assert desk.books.sql("SELECT * FROM payment_attempts") == before
    assert desk.gateway.calls == []


def test_an_unknown_charge_that_is_not_listed_stays_unknown(desk: Desk) -> None:
    _, charge = a_lost_charge(desk.books)

    ran = desk.run()

    assert ran.open() == [("missing_there", "charge")]
    (attempt,) = desk.books.sql("SELECT state FROM payment_attempts WHERE id = :id", id=charge)
    assert attempt["state"] == "unknown"
    assert desk.books.sql("SELECT * FROM attempt_facts") == []


@pytest.mark.parametrize(
    ("promise", "ends_s", "state"),
    [
        (Promise(timedelta(0), authoritative=True), -60, "not_charged"),
        (Promise(timedelta(0), authoritative=True), 60, "unknown"),
        (
            Promise(timedelta(0), authoritative=True, visibility_lag=timedelta(hours=1)),
            -60,
            "unknown",
        ),
        (SILENT, -60, "unknown"),
    ],
    ids=["proven", "may be sent again", "may show later", "not authoritative"],
)
def test_absence_is_a_proof_only_where_the_law_says_so(
    desk: Desk, promise: Promise, ends_s: float, state: str
) -> None:
    _, charge = a_lost_charge(desk.books)
    ends = datetime.now(UTC) + timedelta(seconds=ends_s)
    with desk.books.engine.begin() as db:
        db.exec_driver_sql("ALTER TABLE payment_attempts DISABLE TRIGGER USER")
        db.exec_driver_sql("UPDATE payment_attempts SET key_window_ends = %s", (ends,))
        db.exec_driver_sql("ALTER TABLE payment_attempts ENABLE TRIGGER USER")
    absent = Scripted("one", promise=promise, lookups=[NotFound()])

    ran = Desk(desk.books, absent).run()

    (row,) = desk.books.sql("SELECT * FROM payment_attempts WHERE id = :id", id=charge)
    assert row["state"] == state
    assert ran.open() == ([] if state == "not_charged" else [("missing_there", "charge")])


def test_money_of_strangers_is_missing_here_and_told(desk: Desk) -> None:
    assert desk.shelf is not None
    stranger = entry(None, "po_9", move=Move.PAYOUT)
    desk.shelf.shows([stranger])

    ran = desk.run()

    assert ran.open() == [("missing_here", "payout")]
    told = desk.books.sql("SELECT action, after FROM audit_logs ORDER BY id DESC LIMIT 2")
    assert [row["action"] for row in told] == ["reconciliation.done", "discrepancy.opened"]
    assert told[1]["after"]["owner"] == "operations"  # type: ignore[index]


def test_a_discrepancy_is_one_row_until_a_run_finds_it_gone(desk: Desk) -> None:
    assert desk.shelf is not None
    charge = a_sale(desk.books)
    first, again = desk.run(), desk.run()
    assert [item.id for item in again.items] == [item.id for item in first.items]

    desk.shelf.shows([entry(charge)])
    gone = desk.run()

    assert gone.resolved() == [("missing_there", "both sides agree")]
    assert gone.items[0].id == first.items[0].id
    told = "SELECT action FROM audit_logs WHERE action LIKE 'discrepancy.%' ORDER BY id"
    actions = desk.books.sql(told)
    assert [row["action"] for row in actions] == ["discrepancy.opened", "discrepancy.resolved"]


def test_a_capture_whose_answer_was_lost_is_read_with_its_charge(desk: Desk) -> None:
    assert desk.shelf is not None
    held = {"amount_authorized": 1000, "gateway_id": "one", "capture_method": "manual"}
    payment = a_payment(desk.books, Status.AUTHORIZED, **held, capture_amount=1000)
    charge = a_charge(
        desk.books, payment, state=State.AUTHORIZED, provider_id="ch_1", captures=False, held=True
    )
    capture = an_attempt(
        desk.books, Operation.CAPTURE, State.UNKNOWN, payment_id=payment, target="ch_1"
    )
    collected = Scripted("one", promise=SILENT, lookups=[lambda a: Succeeded("ch_1", a.money)])
    desk.shelf.shows([entry(charge)])

    ran = Desk(desk.books, collected, desk.shelf).run()

    assert ran.open() == []
    states = desk.books.sql("SELECT id, state FROM payment_attempts")
    assert {row["id"]: row["state"] for row in states} == {charge: "captured", capture: "succeeded"}


def test_a_chargeback_that_nobody_told_us_of_is_heard_of_by_the_list(desk: Desk) -> None:
    assert desk.shelf is not None
    charge = a_sale(desk.books)
    taken = TakenBack("ch_1", usd(1000), usd(300), "fraud", charge.hex)
    disputed = Scripted("one", promise=SILENT, lookups=[taken])
    back = entry(None, "ch_1", move=Move.CHARGEBACK, money=usd(300))
    desk.shelf.shows([entry(charge), back])

    ran = Desk(desk.books, disputed, desk.shelf).run()

    assert ran.open() == []
    assert [kind for kind, _ in ran.resolved()] == ["missing_here"]
    (payment,) = desk.books.sql("SELECT status, amount_reversed FROM payments")
    assert payment == {"status": "reversed", "amount_reversed": 300}


def test_what_was_sent_before_the_list_begins_is_asked_about(desk: Desk) -> None:
    old = datetime.now(UTC) - timedelta(days=3)
    a_sale(desk.books, created_at=old)
    found = Scripted("one", promise=SILENT, lookups=[Succeeded("ch_1", usd(1000))])
    gone = Scripted("one", promise=SILENT, lookups=[NotFound()])

    assert Desk(desk.books, found).run().open() == []
    assert Desk(desk.books, gone).run().open() == [("missing_there", "charge")]
    silent = desk.run()
    assert silent.run.unjudged == 1


def test_a_gateway_without_a_list_is_asked_about_each_attempt(desk: Desk) -> None:
    right, wrong = a_sale(desk.books, "ch_1"), a_sale(desk.books, "ch_2")
    _, lost = a_lost_charge(desk.books)
    _, absent = a_lost_charge(desk.books)
    answers: dict[UUID, Lookup] = {
        right: Succeeded("ch_1", usd(1000), reference=right.hex),
        wrong: Succeeded("ch_2", usd(1001), reference=wrong.hex),
        lost: Succeeded("ch_3", usd(1000), reference=lost.hex),
        absent: NotFound(),
    }
    asked = Scripted("one", promise=SILENT, lookups=[lambda attempt: answers[attempt.id]])

    ran = Desk(desk.books, asked, None).run()

    assert (ran.run.method, ran.run.compared, ran.run.unjudged) == ("asked", 4, 0)
    assert sorted(ran.open()) == [("amount", "charge"), ("missing_there", "charge")]
    assert [kind for kind, _ in ran.resolved()] == ["status"]
    states = desk.books.sql("SELECT id, state FROM payment_attempts")
    assert {row["id"]: row["state"] for row in states} == {
        right: "captured",
        wrong: "captured",
        lost: "captured",
        absent: "unknown",
    }


def test_who_does_not_answer_is_not_judged(desk: Desk) -> None:
    a_sale(desk.books)

    ran = Desk(desk.books, desk.gateway, None).run()

    assert (ran.run.unjudged, ran.items) == (1, [])


def test_a_refund_and_a_payout_are_compared_as_well(desk: Desk) -> None:
    assert desk.shelf is not None
    books = desk.books
    row = new_payout(books)
    with books.store.begin() as work:
        work.add_payout(row)
    books.sql("UPDATE payouts SET status = 'processing', next_run_at = NULL, wake_at = NULL")
    payout = an_attempt(books, Operation.PAYOUT, State.UNKNOWN, payout_id=row.id, amount=700)
    desk.shelf.shows([entry(payout, "po_1", move=Move.PAYOUT, money=usd(700))])

    ran = desk.run()

    assert ran.open() == []
    (after,) = books.sql("SELECT status FROM payouts")
    assert after["status"] == "succeeded"


def test_a_pending_line_gives_a_lost_attempt_its_id(desk: Desk) -> None:
    assert desk.shelf is not None
    _, charge = a_lost_charge(desk.books)
    desk.shelf.shows([entry(charge, "ch_slow", stands=Stands.PENDING)])

    assert desk.run().open() == []
    (row,) = desk.books.sql("SELECT * FROM payment_attempts")
    assert (row["state"], row["provider_id"]) == ("pending", "ch_slow")
    assert row["next_run_at"] is not None
