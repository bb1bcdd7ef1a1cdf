"""A person's word about refunds, payouts and holds, on the database with all its guards."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from domain.attempt import Operation, State
from domain.due import Reason
from domain.errors import IllegalMove, NotFound
from domain.findings import Found
from domain.flows.settle import Settlement, settle
from domain.ids import Kind
from domain.payment import Status
from domain.policy import Policy
from domain.settling import Word
from ops.cli.nowhere import nowhere
from ops.store.parking import TABLES, dismiss
from tests.store.books import a_charge, a_payment, a_payout, an_attempt, asked_back, paid
from tests.store.conftest import Books
from tests.store.test_claims_orders import a_deleted_method
from tests.store.test_parking import everything, park

pytestmark = pytest.mark.services


def say(books: Books, kind: Kind, id_: UUID, word: Word, provider_id: str | None = "x_1") -> None:
    runtime = nowhere(books.store, Policy(), books.new_id, lambda: 0.0, lambda: 0.5)
    with books.store.begin() as work:
        said = Settlement(kind, id_, Found(word, None, provider_id), "line 17 of it", ("ann",))
        settle(work, said, runtime)


def one(books: Books, query: str) -> dict[str, object]:
    (row,) = books.sql(query)
    return row


def an_open_refund(books: Books) -> UUID:
    payment, charge = paid(books)
    refund = asked_back(books, payment, charge)
    told = {"payment_id": payment, "refund_id": refund.id, "amount": 400, "target": "ch_1"}
    id_ = an_attempt(books, Operation.REFUND, State.UNKNOWN, **told)
    books.sql("UPDATE refunds SET status = 'processing', next_run_at = NULL")
    park(books, Kind.ATTEMPT, id_, Reason.UNRESOLVED)
    return id_


@pytest.mark.parametrize(
    ("word", "status", "refunded", "pending", "payment"),
    [
        (Word.REFUNDED, "succeeded", 400, 0, "partially_refunded"),
        (Word.NOT_REFUNDED, "processing", 0, 400, "captured"),
        (Word.FAILED, "failed", 0, 0, "captured"),
        (Word.RETURNED, "failed", 0, 0, "captured"),
    ],
)
def test_a_refund_adds_up_whatever_is_said_of_it(
    books: Books, word: Word, status: str, refunded: int, pending: int, payment: str
) -> None:
    id_ = an_open_refund(books)

    say(books, Kind.ATTEMPT, id_, word)

    found = one(
        books,
        "SELECT r.status AS refund, amount_refunded AS refunded, amount_refund_pending AS pending,"
        " p.status AS payment FROM payments p JOIN refunds r ON r.payment_id = p.id",
    )
    assert list(found.values()) == [status, refunded, pending, payment]
    assert one(books, "SELECT count(*) AS n FROM payment_attempts WHERE parked_at IS NOT NULL") == {
        "n": 0
    }


@pytest.mark.parametrize(
    ("word", "status", "due"),
    [
        (Word.PAID_OUT, "succeeded", False),
        (Word.NOT_PAID_OUT, "processing", True),
        (Word.FAILED, "failed", False),
    ],
)
def test_a_payout_goes_on_whatever_is_said_of_it(
    books: Books, word: Word, status: str, due: bool
) -> None:
    payout = a_payout(books)
    id_ = an_attempt(books, Operation.PAYOUT, State.UNKNOWN, payout_id=payout.id, amount=700)
    books.sql("UPDATE payouts SET status = 'processing', next_run_at = NULL")
    park(books, Kind.PAYOUT, payout.id, Reason.POISON)
    park(books, Kind.ATTEMPT, id_, Reason.UNRESOLVED)

    say(books, Kind.PAYOUT, payout.id, word)

    found = one(books, "SELECT status, next_run_at IS NOT NULL AS due, parked_at FROM payouts")
    assert found == {"status": status, "due": due, "parked_at": None}


def test_a_charge_that_is_found_moves_the_payment_by_legal_moves_only(books: Books) -> None:
    payment = a_payment(books, Status.PROCESSING)
    id_ = a_charge(books, payment, state=State.UNKNOWN)
    park(books, Kind.ATTEMPT, id_, Reason.UNRESOLVED)

    say(books, Kind.ATTEMPT, id_, Word.CHARGED)

    assert one(books, "SELECT status, amount_captured FROM payments") == {
        "status": "captured",
        "amount_captured": 1000,
    }
    assert one(books, "SELECT type, amount FROM transactions") == {"type": "sale", "amount": 1000}


def test_a_token_that_its_provider_has_forgotten_goes_from_here_too(books: Books) -> None:
    id_ = a_deleted_method(books)
    with pytest.raises(IllegalMove, match="not parked"):
        dismissed(books, id_, Word.FORGOTTEN)
    park(books, Kind.PAYMENT_METHOD, id_, Reason.UNRESOLVED)
    with pytest.raises(IllegalMove, match="only forgotten"):
        dismissed(books, id_, Word.NOT_OURS)

    assert dismissed(books, id_, Word.FORGOTTEN) is Reason.UNRESOLVED

    found = one(books, "SELECT token, parked_at, next_run_at FROM payment_methods")
    assert found == {"token": None, "parked_at": None, "next_run_at": None}
    assert one(books, "SELECT action, actor_id, after FROM audit_logs") == {
        "action": "payment_method.settled",
        "actor_id": "ann",
        "after": {"as": "forgotten", "evidence": "their answer of 3 March"},
    }
    with pytest.raises(NotFound):
        dismissed(books, books.new_id(), Word.FORGOTTEN)


def dismissed(books: Books, id_: UUID, word: Word) -> Reason:
    with books.engine.begin() as db:
        return dismiss(db, Kind.PAYMENT_METHOD, id_, word, "their answer of 3 March", "ann")


@pytest.mark.parametrize("kind", sorted(TABLES))
@pytest.mark.parametrize(
    "broken",
    [
        "parked_at = now(), next_run_at = NULL, owner = 'operations'",
        "parked_at = now(), next_run_at = NULL, parked_reason = 'poison'",
        "parked_at = now(), next_run_at = now(), owner = 'operations', parked_reason = 'poison'",
        "owner = 'operations'",
    ],
    ids=["no reason", "no owner", "and due", "not parked"],
)
def test_nothing_is_parked_without_a_reason_and_an_owner(
    books: Books, kind: Kind, broken: str
) -> None:
    _one_of_each(books)
    table = TABLES[kind]
    assert one(books, f"SELECT count(*) > 0 AS there FROM {table}") == {"there": True}

    with pytest.raises(IntegrityError, match=f"{table}_parked"):
        books.sql(f"UPDATE {table} SET {broken}")


def _one_of_each(books: Books) -> None:
    everything(books)
    books.sql(
        "INSERT INTO webhook_events (id, gateway_id, dedupe_key, body, request_id)"
        " VALUES (gen_random_uuid(), 'one', 'evt', '', 'req')"
    )
