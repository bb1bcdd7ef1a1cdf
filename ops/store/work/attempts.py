"""Attempts in an open transaction: intents, what was learnt of them, and the money that moved."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as once

from domain.attempt import TRIES, Attempt, Operation
from domain.books import Claim
from domain.due import Lease
from domain.facts import Fact, Transaction
from domain.payment import CHARGEABLE, Payment
from domain.schemes import BARRED, DAY, FORBIDDING, MONTH, Tries, Watched
from domain.webhook import Hint
from ops.store import attempt_rows, rows, tables
from ops.store.columns import listed
from ops.store.work.session import Session, lease_of

#: Law 3 and 4 in one statement: the attempt may be inserted only if this finds its row.
_BEGIN_ATTEMPT = text("""
UPDATE payments
   SET status = 'processing', starts = 0, version = version + 1,
       skipped = CAST(:skipped AS jsonb),
       lease_until = clock_timestamp() + make_interval(secs => :lease_s)
 WHERE id = :id AND lease_token = :token AND status = ANY(:chargeable)
   AND cancel_requested_at IS NULL AND expires_at > clock_timestamp()
RETURNING *
""")

#: The index `payment_attempts_tries` holds the rows of this card that count, and no others.
CARD_TRIES = f"""
SELECT count(*) FILTER (WHERE created_at > clock_timestamp() - :day) AS in_day,
       count(*) FILTER (WHERE created_at > clock_timestamp() - :month) AS in_month,
       coalesce(bool_or(state = 'declined' AND (cause = '{BARRED}' OR code = ANY(:codes))), false)
           AS forbidden
  FROM payment_attempts
 WHERE card = :card AND card IS NOT NULL AND state IN ({listed(TRIES)})
"""
_CARD_TRIES = text(CARD_TRIES)
#: Two numbers: a space of its own beside the locks of the processes, which are one number each.
_HOLD_CARD = text("SELECT pg_advisory_xact_lock(:high, :low)")


class AttemptWork(Session):
    """See `domain.books.Work` for what each method promises."""

    def claim_attempt(self, id_: UUID, owner: int, lease_s: float) -> Claim[Attempt] | None:
        """Take a due, unleased attempt."""
        row = self._claim("payment_attempts", id_, owner, lease_s)
        return row and Claim(self._attempt(row), lease_of(row), row["starts"])

    def attempts(self, payment_id: UUID) -> Sequence[Attempt]:
        """Every attempt of a payment, whatever its operation, oldest first."""
        return self._attempts(tables.payment_attempts.c.payment_id == payment_id)

    def payout_attempts(self, payout_id: UUID) -> Sequence[Attempt]:
        """Every attempt of a payout, oldest first."""
        return self._attempts(tables.payment_attempts.c.payout_id == payout_id)

    def attempt(self, id_: UUID) -> Attempt | None:
        """One attempt."""
        t = tables.payment_attempts
        row = self._db.execute(select(t).where(t.c.id == id_)).mappings().one_or_none()
        return None if row is None else self._attempt(row)

    def card_tries(self, watch: Watched) -> Tries:
        """What the tries of a card have come to; the card is held until the transaction ends."""
        high, low = struct.unpack(">ii", watch.card[:8])
        self._db.execute(_HOLD_CARD, {"high": high, "low": low})
        asked = {
            "card": watch.card,
            "day": DAY,
            "month": MONTH,
            "codes": sorted(FORBIDDING[watch.scheme]),
        }
        found = self._db.execute(_CARD_TRIES, asked).one()
        return Tries(found.in_day, found.in_month, found.forbidden)

    def find_attempt(self, gateway_id: str, hint: Hint) -> Attempt | None:
        """The attempt of this gateway by our reference, else by the provider's id: a charge first,
        because what changes a charge may carry its charge's id."""
        t = tables.payment_attempts
        here = select(t).where(t.c.gateway_id == gateway_id)
        if id_ := _uuid(hint.reference):
            row = self._db.execute(here.where(t.c.id == id_)).mappings().one_or_none()
            if row is not None:
                return self._attempt(row)
        if hint.provider_id:
            known = here.where(t.c.provider_id == hint.provider_id)
            no_charge = t.c.operation != Operation.CHARGE.value
            first = known.order_by(no_charge, t.c.created_at, t.c.number, t.c.id).limit(1)
            row = self._db.execute(first).mappings().one_or_none()
            return None if row is None else self._attempt(row)
        return None

    def begin_attempt(
        self, attempt: Attempt, lease: Lease, lease_s: float, skipped: Mapping[str, str]
    ) -> Payment | None:
        """Insert the attempt and move its payment to `processing`, if that is still allowed."""
        asked = {
            "id": attempt.payment_id,
            "token": lease.token,
            "lease_s": lease_s,
            "chargeable": sorted(status.value for status in CHARGEABLE),
            "skipped": json.dumps(dict(skipped)),
        }
        row = self._db.execute(_BEGIN_ATTEMPT, asked).mappings().one_or_none()
        if row is None:
            return None
        self._insert(attempt)
        return rows.payment_of(row, self._vault)

    def add_attempt(self, attempt: Attempt) -> None:
        """Insert an attempt of anything but a charge, which only `begin_attempt` may begin."""
        if attempt.operation is Operation.CHARGE:
            raise ValueError("a charge begins under its payment's lease")
        self._insert(attempt)

    def save_attempt(self, attempt: Attempt) -> None:
        """Write an attempt; its lease, if any, ends here."""
        t = tables.payment_attempts
        values = attempt_rows.attempt_update(attempt, self.now)
        ended = {"lease_until": None, "lease_owner": None}
        self._db.execute(update(t).where(t.c.id == attempt.id).values(values | ended))

    def add_fact(self, fact: Fact) -> None:
        """Append what a provider told us."""
        self._db.execute(insert(tables.attempt_facts).values(attempt_rows.fact_insert(fact)))

    def add_transaction(self, transaction: Transaction) -> None:
        """Append a money movement; told of again, it is the row that is there."""
        values = attempt_rows.transaction_insert(transaction, self._new_id())
        written = once(tables.transactions).values(values)
        said_before = ["attempt_id", "type", "total"]
        self._db.execute(written.on_conflict_do_nothing(index_elements=said_before))

    def _insert(self, attempt: Attempt) -> None:
        values = attempt_rows.attempt_insert(attempt, self._vault)
        self._db.execute(insert(tables.payment_attempts).values(values))

    def _attempts(self, which: ColumnElement[bool]) -> Sequence[Attempt]:
        t = tables.payment_attempts
        found = select(t).where(which).order_by(t.c.created_at, t.c.number, t.c.id)
        return [self._attempt(row) for row in self._db.execute(found).mappings()]

    def _attempt(self, row: Any) -> Attempt:
        return attempt_rows.attempt_of(row, self._vault)


def _uuid(reference: str | None) -> UUID | None:
    try:
        return UUID(hex=reference) if reference else None
    except ValueError:
        return None
