"""What waits for a person is listed, and set going again only where that can help."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.attempt import Operation, State
from domain.due import Reason
from domain.errors import IllegalMove, NotFound
from domain.ids import Kind
from domain.refund import RefundKind
from ops.store.parking import TABLES, list_parked, unpark
from ops.store.tale import read_tale
from tests.store.books import a_case, a_payment, a_payout, an_attempt, asked_back, paid
from tests.store.conftest import Books
from tests.store.test_claims_orders import a_deleted_method

pytestmark = pytest.mark.services


def park(books: Books, kind: Kind, id_: UUID, reason: Reason, status: str | None = None) -> None:
    more = "" if status is None else f", status = '{status}'"
    books.sql("ALTER TABLE refunds DISABLE TRIGGER refunds_add_up")
    books.sql(
        f"UPDATE {TABLES[kind]} SET next_run_at = NULL, parked_at = now(), parked_reason = :why,"
        f" owner = 'operations'{more} WHERE id = :id",
        why=reason.value,
        id=id_,
    )
    books.sql("ALTER TABLE refunds ENABLE TRIGGER refunds_add_up")


def unparked(books: Books, kind: Kind, id_: UUID) -> Reason:
    with books.engine.begin() as db:
        return unpark(db, kind, id_, "ops@example")


def everything(books: Books) -> dict[tuple[Kind, UUID], tuple[Kind, UUID] | None]:
    """Write a row of each kind; return what each is about."""
    (payment, charge), payout = paid(books), a_payout(books)
    refund = asked_back(books, payment, charge)
    sent = an_attempt(books, Operation.PAYOUT, State.PENDING, payout_id=payout.id)
    method = a_deleted_method(books)
    (customer,) = books.sql("SELECT id FROM customers")
    return {
        (Kind.PAYMENT, a_payment(books)): None,
        (Kind.ATTEMPT, charge): (Kind.PAYMENT, payment),
        (Kind.ATTEMPT, sent): (Kind.PAYOUT, payout.id),
        (Kind.REFUND, refund.id): (Kind.PAYMENT, payment),
        (Kind.PAYOUT, payout.id): None,
        (Kind.PAYMENT_METHOD, method): (Kind.CUSTOMER, UUID(str(customer["id"]))),
    }


def test_every_kind_of_parked_row_is_listed_with_what_it_is_about(books: Books) -> None:
    rows = everything(books)
    with books.engine.connect() as db:
        assert list_parked(db, 10) == ([], 0)
    for kind, id_ in rows:
        park(books, kind, id_, Reason.UNRESOLVED)

    with books.engine.connect() as db:
        found, count = list_parked(db, 10)
        assert len(list_parked(db, 2)[0]) == 2

    assert {(row.kind, row.id): row.about for row in found} == rows
    assert count == len(rows)


def test_a_row_set_going_again_is_due_now_and_audited(books: Books) -> None:
    rows = [row for row in everything(books) if row[0] is not Kind.ATTEMPT]
    for kind, id_ in rows:
        with pytest.raises(IllegalMove, match="not parked"):
            unparked(books, kind, id_)
        park(books, kind, id_, Reason.UNRESOLVED)

        assert unparked(books, kind, id_) is Reason.UNRESOLVED

        (row,) = books.sql(
            f"SELECT next_run_at <= clock_timestamp() AS due, parked_at FROM {TABLES[kind]}"
            " WHERE id = :id",
            id=id_,
        )
        assert row == {"due": True, "parked_at": None}
    told = books.sql("SELECT action FROM audit_logs ORDER BY id")
    assert [row["action"] for row in told] == [f"{kind.name.lower()}.unparked" for kind, _ in rows]
    with pytest.raises(NotFound):
        unparked(books, Kind.REFUND, books.new_id())


@pytest.mark.parametrize(
    ("status", "reason", "helps"),
    [
        ("pending", Reason.REFUND_FAILED, True),
        ("processing", Reason.POISON, True),
        ("processing", Reason.UNRESOLVED, True),
        ("processing", Reason.AMOUNT_MISMATCH, False),  # its attempt found other money
        ("failed", Reason.REFUND_FAILED, False),  # it has ended: nothing would send it
        ("cancelled", Reason.UNRESOLVED, False),
    ],
)
def test_a_refund_is_sent_once_more_only_while_it_is_open(
    books: Books, status: str, reason: Reason, helps: bool
) -> None:
    refund = asked_back(books, *paid(books), kind=RefundKind.LATE)
    park(books, Kind.REFUND, refund.id, reason, status)
    if helps:
        assert unparked(books, Kind.REFUND, refund.id) is reason
    else:
        with pytest.raises(IllegalMove, match="nothing that runs by itself"):
            unparked(books, Kind.REFUND, refund.id)


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.RETURNED, State.DECLINED])
def test_an_attempt_that_has_come_to_its_end_is_not_asked_about_again(
    books: Books, state: State
) -> None:
    id_ = an_attempt(books, Operation.PAYOUT, state, payout_id=a_payout(books).id)
    park(books, Kind.ATTEMPT, id_, Reason.AMOUNT_MISMATCH)
    with pytest.raises(IllegalMove, match="said all there is"):
        unparked(books, Kind.ATTEMPT, id_)


def test_the_tale_of_a_payment_tells_its_refunds_and_cases_without_free_text(books: Books) -> None:
    payment, charge = paid(books)
    refund = asked_back(books, payment, charge)
    an_attempt(books, Operation.REFUND, State.PENDING, payment_id=payment, refund_id=refund.id)
    with books.store.begin() as work:
        work.open_case(a_case(payment, books.new_id()))
    with books.engine.connect() as db:
        tale = read_tale(db, payment)
    assert tale is not None
    told: list[Any] = [[row["status"] for row in tale.refunds], [c["kind"] for c in tale.cases]]
    assert told == [["pending"], ["fraud"]]
    assert [row["operation"] for row in tale.attempts] == ["charge", "refund"]
    assert tale.attempts[1]["refund_id"] == tale.refunds[0]["id"] == f"ref_{refund.id.hex}"
    assert "returned goods" not in str(tale)
