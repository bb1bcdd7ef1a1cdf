"""Foreign keys in memory: what a row points at must be there, and is held from then on."""

from __future__ import annotations

from uuid import UUID

from domain.attempt import Attempt
from domain.books import Row
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund
from domain.review import Case
from ops.store.memory.books import Books, Kept
from ops.store.memory.laws import check_gateway, check_owner, require
from ops.store.memory.tables import Table


def check_pointers(books: Books, row: object) -> None:
    """Refuse a row that points at nothing or at another's, in the order of the constraints.

    Done after an insert, and again whenever the same transaction writes the row another time:
    PostgreSQL trusts no version of a row that is not committed.
    """
    match row:
        case Attempt():
            _check_attempt(books, row)
        case Refund():
            check_owner(row, pointed_at(books.payments, row.payment_id), "refunds_payment")
            check_gateway(row, books.gateways, "refunds_gateway")
            books.attempts.pointed(row.charge_id)
        case Case():
            payment = books.payments.pointed(row.payment_id)
            require(payment is not None, "review_cases_payment_id_fkey")
            attempt = row.attempt_id is None or books.attempts.pointed(row.attempt_id)
            require(bool(attempt), "review_cases_attempt_id_fkey")
        case Payout():
            check_gateway(row, books.gateways, "payouts_gateway")
        case Payment():
            known = row.gateway_id is None or row.gateway_id in books.gateways
            require(known, "payments_gateway_id_fkey")
        case _:
            return


def pointed_at(table: Table[UUID, Kept[Row]], id_: UUID | None) -> Row | None:
    """Return the row that a foreign key points at, held; None: there is none to be seen."""
    kept = table.pointed(id_)
    return None if kept is None else kept.row


def _check_attempt(books: Books, attempt: Attempt) -> None:
    check_gateway(attempt, books.gateways, "payment_attempts_gateway")
    if attempt.payment_id is not None:
        payment = pointed_at(books.payments, attempt.payment_id)
        check_owner(attempt, payment, "payment_attempts_payment")
    if attempt.refund_id is not None:
        refund = pointed_at(books.refunds, attempt.refund_id)
        of_it = refund is not None and refund.payment_id == attempt.payment_id
        require(of_it, "payment_attempts_refund")
    if attempt.payout_id is not None:
        payout = pointed_at(books.payouts, attempt.payout_id)
        check_owner(attempt, payout, "payment_attempts_payout")
