"""Webhooks in an open transaction."""

from __future__ import annotations

import json
from uuid import UUID

from sqlalchemy import text

from domain.books import Claim
from domain.webhook import Notice
from ops.store.rows import Row, due_of, due_values
from ops.store.work.session import Session, lease_of
from ops.vault import Vault

#: A copy that arrived after the last re-read began may tell of a newer change: run again at once.
_SAVE_NOTICE = text("""
UPDATE webhook_events
   SET status = :status, attempt_id = :attempt_id, tries = :tries, read_began_at = :read_began_at,
       lease_until = NULL, lease_owner = NULL, starts = :starts, wakes = 0,
       parked_at = :parked_at, parked_reason = :parked_reason, owner = :owner,
       next_run_at = CASE WHEN :rearms AND last_copy_at > :read_began_at
                          THEN clock_timestamp() ELSE :next_run_at END,
       wake_at = CASE WHEN :rearms AND last_copy_at > :read_began_at
                      THEN clock_timestamp() ELSE :wake_at END
 WHERE id = :id
""")

#: What was believed once stays.
_DISCARD_NOTICE = text("""
DELETE FROM webhook_events WHERE id = :id AND status = 'unverified'
""")


class NoticeWork(Session):
    """See `domain.books.Work` for what each method promises."""

    def claim_notice(self, id_: UUID, owner: int, lease_s: float) -> Claim[Notice] | None:
        """Take a due, unleased webhook."""
        row = self._claim("webhook_events", id_, owner, lease_s)
        return row and Claim(_notice_of(row, self._vault), lease_of(row), row["starts"])

    def save_notice(self, notice: Notice) -> None:
        """Write a webhook's state; a copy that came after the last re-read began re-arms it."""
        values = due_values(notice.due, self.now) | {
            "id": notice.id,
            "status": notice.status,
            "attempt_id": notice.attempt_id,
            "tries": notice.tries,
            "read_began_at": notice.read_began_at,
            "rearms": notice.due.next_run_at is None and notice.due.parked is None,
        }
        self._db.execute(_SAVE_NOTICE, values)

    def discard_notice(self, id_: UUID) -> None:
        """Delete a webhook whose sender is not who it says."""
        self._db.execute(_DISCARD_NOTICE, {"id": id_})


def _notice_of(row: Row, vault: Vault) -> Notice:
    """Read a stored webhook, opening its body."""
    id_: UUID = row["id"]
    place = {"table": "webhook_events", "row": id_.hex}
    shown = row["headers"]
    return Notice(
        id=id_,
        gateway_id=row["gateway_id"],
        dedupe_key=row["dedupe_key"],
        body=vault.open(row["body"], column="body", **place),
        received_at=row["received_at"],
        last_copy_at=row["last_copy_at"],
        due=due_of(row),
        status=row["status"],
        attempt_id=row["attempt_id"],
        tries=row["tries"],
        read_began_at=row["read_began_at"],
        request_id=row["request_id"],
        headers=json.loads(vault.open(shown, column="headers", **place)) if shown else {},
    )
