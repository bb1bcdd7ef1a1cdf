"""Refunds and payouts in an open transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import insert as once

from domain.books import Claim
from domain.due import Lease
from domain.errors import NotFound
from domain.payout import Payout
from domain.refund import Refund, RefundKind
from ops.store import order_rows, tables
from ops.store.work.session import Session, lease_of


class OrderWork(Session):
    """See `domain.books.Work` for what each method promises."""

    def claim_refund(self, id_: UUID, owner: int, lease_s: float) -> Claim[Refund] | None:
        """Take a due, unleased refund."""
        row = self._claim("refunds", id_, owner, lease_s)
        return row and Claim(order_rows.refund_of(row), lease_of(row), row["starts"])

    def add_refund(self, refund: Refund) -> bool:
        """Insert a refund. False: the late money of this charge is being given back already."""
        values = order_rows.refund_insert(refund)
        if refund.kind is not RefundKind.LATE:
            self._db.execute(insert(tables.refunds).values(values))
            return True
        late = sql(f"kind = '{RefundKind.LATE}'")
        written = once(tables.refunds).values(values)
        only = written.on_conflict_do_nothing(index_elements=["charge_id"], index_where=late)
        return self._db.execute(only.returning(tables.refunds.c.id)).first() is not None

    def refund(self, id_: UUID) -> Refund | None:
        """One refund."""
        t = tables.refunds
        row = self._db.execute(select(t).where(t.c.id == id_)).mappings().one_or_none()
        return None if row is None else order_rows.refund_of(row)

    def refunds(self, payment_id: UUID) -> Sequence[Refund]:
        """Every refund of a payment, oldest first."""
        t = tables.refunds
        found = select(t).where(t.c.payment_id == payment_id).order_by(t.c.created_at, t.c.id)
        return [order_rows.refund_of(row) for row in self._db.execute(found).mappings()]

    def save_refund(self, refund: Refund, lease: Lease | None = None) -> Refund:
        """Write a refund, one version on; a lease as in `save_payment`."""
        self._advance("refunds", refund, order_rows.refund_update(refund, self.now), lease)
        return replace(refund, version=refund.version + 1)

    def claim_payout(self, id_: UUID, owner: int, lease_s: float) -> Claim[Payout] | None:
        """Take a due, unleased payout."""
        row = self._claim("payouts", id_, owner, lease_s)
        return row and Claim(order_rows.payout_of(row, self._vault), lease_of(row), row["starts"])

    def add_payout(self, payout: Payout) -> None:
        """Insert a payout."""
        values = order_rows.payout_insert(payout, self._vault)
        self._db.execute(insert(tables.payouts).values(values))

    def lock_payout(self, id_: UUID) -> Payout:
        """Read a payout and hold its row until the transaction ends."""
        row = self._lock("payouts", id_)
        if row is None:
            raise NotFound("payout")
        return order_rows.payout_of(row, self._vault)

    def save_payout(self, payout: Payout, lease: Lease | None = None) -> Payout:
        """Write a payout, one version on; a lease as in `save_payment`."""
        self._advance("payouts", payout, order_rows.payout_update(payout, self.now), lease)
        return replace(payout, version=payout.version + 1)
