"""Idempotency keys in an open transaction: won by one, waited for by the others (law 7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from psycopg.errors import LockNotAvailable, QueryCanceled
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from domain.errors import KeyInFlight
from domain.idempotency import Claimed, Recorded
from domain.payment import Mode
from ops.store.transaction import Transaction
from ops.store.work.session import Session, StaleWrite
from ops.vault import Vault

#: Another one's commit is waited for at most this long, then its request is in flight: 409.
KEY_WAIT_MS = 2_000
#: Retention may delete a key between the insert that met it and the read that asks for its answer.
MAX_TRIES = 3
#: The status of a key that has no answer yet; its own transaction sees it, and nobody else.
UNANSWERED = 0

# The bound is for this one statement: what follows in the transaction waits as everything does.
_BOUND = text("""
SELECT current_setting('lock_timeout') AS before, set_config('lock_timeout', :wait, true)
""")
_UNBOUND = text("SELECT set_config('lock_timeout', :before, true)")
_WIN = text(f"""
INSERT INTO idempotency_keys
       (merchant_id, mode, key, fingerprint, status, body, resource_id, expires_at)
VALUES (:merchant, :mode, :key, :fingerprint, {UNANSWERED}, '', :nobody,
        clock_timestamp() + :ttl)
ON CONFLICT DO NOTHING RETURNING 1
""")
_READ = text(f"""
SELECT fingerprint, status, body, resource_id FROM idempotency_keys
 WHERE (merchant_id, mode, key) = (:merchant, :mode, :key) AND status <> {UNANSWERED}
""")
_RECORD = text(f"""
UPDATE idempotency_keys SET status = :status, body = :body, resource_id = :resource
 WHERE (merchant_id, mode, key) = (:merchant, :mode, :key) AND status = {UNANSWERED}
   AND fingerprint = :fingerprint
""")
_NOBODY = UUID(int=0)


class KeyWork(Session):
    """See `domain.books.Work` for what each method promises."""

    def __init__(
        self,
        transaction: Transaction,
        vault: Vault,
        new_id: Callable[[], UUID],
        key_ttl: timedelta,
        *,
        together: bool = True,
    ) -> None:
        super().__init__(transaction, vault, new_id, key_ttl, together=together)
        #: Keys that were won and have no answer yet: the transaction may not commit with any.
        self.unanswered: set[tuple[UUID, Mode, str]] = set()

    def win_key(
        self, merchant_id: UUID, mode: Mode, key: str, fingerprint: bytes
    ) -> Claimed | None:
        """Insert an idempotency key that nobody used, or return the answer it gave."""
        named = {"merchant": merchant_id, "mode": mode.value, "key": key}
        asked = named | {"fingerprint": fingerprint, "nobody": _NOBODY, "ttl": self._key_ttl}
        before = self._db.execute(_BOUND, {"wait": str(KEY_WAIT_MS)}).one().before
        for _ in range(MAX_TRIES):
            try:
                won = self._db.execute(_WIN, asked).one_or_none()
            except OperationalError as error:
                # Whichever bound ended it: the wait for somebody else's key was too long. A machine
                # that stood still finds all of them over at once, and the server names one.
                if not isinstance(error.orig, LockNotAvailable | QueryCanceled):
                    raise
                raise _in_flight() from error
            if won is not None:
                self._db.execute(_UNBOUND, {"before": before})
                self.unanswered.add((merchant_id, mode, key))
                return None
            row = self._db.execute(_READ, named).one_or_none()
            if row is not None:
                self._db.execute(_UNBOUND, {"before": before})
                recorded = Recorded(bytes(row.fingerprint), row.status, bytes(row.body))
                return Claimed(recorded, row.resource_id)
        raise _in_flight()

    def record_key(
        self, merchant_id: UUID, mode: Mode, key: str, resource_id: UUID, answer: Recorded
    ) -> None:
        """Write the answer that the key gives from now on."""
        written = {
            "merchant": merchant_id,
            "mode": mode.value,
            "key": key,
            "fingerprint": answer.fingerprint,
            "status": answer.status,
            "body": answer.body,
            "resource": resource_id,
        }
        if self._db.execute(_RECORD, written).rowcount != 1:
            raise StaleWrite("the key was not won in this transaction, or is answered already")
        self.unanswered.discard((merchant_id, mode, key))


def _in_flight() -> KeyInFlight:
    return KeyInFlight(
        "the first request with this Idempotency-Key is still being written",
        fix="send the same request again in a second",
    )
