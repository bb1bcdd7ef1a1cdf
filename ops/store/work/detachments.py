"""Deleted payment methods in an open transaction: the tokens that a provider still has to forget."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import update

from domain.books import Claim
from domain.due import Lease
from domain.errors import LeaseLost
from domain.payment import Mode
from domain.vaulted import Detachment
from ops.store import tables
from ops.store.rows import Row, due_of, due_values
from ops.store.work.session import Session, lease_of
from ops.vault import Vault


class DetachmentWork(Session):
    """See `domain.books.Work` for what each method promises."""

    def claim_detachment(self, id_: UUID, owner: int, lease_s: float) -> Claim[Detachment] | None:
        """Take a deleted payment method that its provider still has to forget."""
        row = self._claim("payment_methods", id_, owner, lease_s)
        return row and Claim(_detachment_of(row, self._vault), lease_of(row), row["starts"])

    def save_detachment(self, detachment: Detachment, lease: Lease) -> None:
        """Write what became of it; the lease ends here. Once nothing is left to do, the token is
        of no use to us either and goes."""
        t, due = tables.payment_methods, detachment.due
        values = due_values(due, self.now) | {"lease_until": None, "lease_owner": None}
        if due.next_run_at is None and due.parked is None:
            values |= {"token": None}
        ours = (t.c.id == detachment.id) & (t.c.lease_token == lease.token)
        if self._db.execute(update(t).where(ours).values(values)).rowcount != 1:
            raise LeaseLost(str(detachment.id))


def _detachment_of(row: Row, vault: Vault) -> Detachment:
    """Read what is still to be forgotten; a wallet that was saved without a token has an empty one."""
    id_, sealed = row["id"], row["token"]
    place = {"table": "payment_methods", "column": "token", "row": id_.hex}
    return Detachment(
        id=id_,
        merchant_id=row["merchant_id"],
        mode=Mode(row["mode"]),
        gateway_id=row["gateway_id"],
        token="" if sealed is None else vault.open(sealed, **place).decode(),
        due=due_of(row),
        request_id=row["request_id"],
    )
