"""What the door reads of money on books in memory, and which payments a wish means there.

Nobody works behind these books: nothing is screened and no money moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from domain.payment import Payment
from domain.refund import Refund
from domain.routing import GatewayRow
from ops.store.memory.store import MemoryStore
from ops.store.reads_money import Booked, Screening
from ops.store.wanted import Owner, PaymentsWanted, RefundsWanted, TransactionsWanted


class MemoryMoney:
    """The refunds that were asked for; every query is scoped by its owner."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def transaction(self, owner: Owner, id_: UUID) -> Booked | None:
        """Return nothing: no money moves."""
        return None

    async def transactions(
        self, owner: Owner, wanted: TransactionsWanted, *, limit: int, before: UUID | None = None
    ) -> Sequence[Booked]:
        """Return nothing: no money moves."""
        return ()

    async def recorded(
        self, owner: Owner, wanted: TransactionsWanted, *, limit: int, after: UUID | None = None
    ) -> Sequence[Booked]:
        """Return nothing: no money moves."""
        return ()

    async def count_transactions(self, owner: Owner, wanted: TransactionsWanted) -> int:
        """Return 0: no money moves."""
        return 0

    async def refund(self, owner: Owner, id_: UUID) -> Refund | None:
        """Return the owner's refund; None for anybody else's."""
        return next((one for one in self._refunds(owner) if one.id == id_), None)

    async def refunds(
        self, owner: Owner, wanted: RefundsWanted, *, limit: int, before: UUID | None = None
    ) -> Sequence[Refund]:
        """Return at most `limit` refunds older than `before`, newest first."""
        found = [one for one in self._wanted(owner, wanted) if before is None or one.id < before]
        return found[:limit]

    async def count_refunds(self, owner: Owner, wanted: RefundsWanted) -> int:
        """Return how many there are."""
        return len(self._wanted(owner, wanted))

    async def screening(self, owner: Owner, payment_id: UUID) -> Screening | None:
        """Return that the owner's payment has not been screened; None for anybody else's."""
        with self._store.begin() as work:
            kept = work.books.payments.get(payment_id)
        return Screening(payment_id, None) if kept and is_owned(kept.row, owner) else None

    def _wanted(self, owner: Owner, wanted: RefundsWanted) -> list[Refund]:
        found = [
            one
            for one in self._refunds(owner)
            if wanted.payment_id in (None, one.payment_id)
            and (not wanted.statuses or one.status in wanted.statuses)
        ]
        return sorted(found, key=lambda refund: refund.id, reverse=True)

    def _refunds(self, owner: Owner) -> list[Refund]:
        with self._store.begin() as work:
            rows = [kept.row for kept in work.books.refunds]
        return [row for row in rows if is_owned(row, owner)]


def is_owned(row: Payment | Refund, owner: Owner) -> bool:
    """Whether it is this merchant's, in this mode."""
    return row.merchant_id == owner.merchant_id and row.mode is owner.mode


def fits(payment: Payment, wanted: PaymentsWanted, gateways: Mapping[str, GatewayRow]) -> bool:
    """Whether a payment is one of those that are wanted."""
    gateway = gateways.get(payment.gateway_id or "")
    provider = (payment.gateway_id, gateway.provider if gateway else None)
    minor = payment.money.minor
    return (
        (not wanted.statuses or payment.status in wanted.statuses)
        and wanted.order_id in (None, payment.order_id)
        and wanted.customer_id in (None, payment.customer_id)
        and (wanted.provider is None or wanted.provider in provider)
        and wanted.currency in (None, payment.money.currency.code)
        and wanted.method in (None, payment.method.type)
        and (wanted.amount_min is None or minor >= wanted.amount_min)
        and (wanted.amount_max is None or minor <= wanted.amount_max)
        and wanted.created.holds(payment.created_at)
        and wanted.metadata.items() <= payment.metadata.items()
    )
