"""Attempts in an open transaction: intents, what was learnt of them, and the money that moved."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import select

from domain.attempt import TRIES, Attempt, Operation
from domain.books import Claim
from domain.due import Lease
from domain.facts import Fact, Transaction
from domain.payment import CHARGEABLE, SCREENED, Payment
from domain.schemes import BARRED, DAY, FORBIDDING, MONTH, Tries, Watched
from domain.webhook import Hint
from ops.store import attempt_rows, rows, tables
from ops.store.columns import listed
from ops.store.direct import Write, columns_of, inserted, numbered, sets, typed
from ops.store.work.session import Session, lease_of

#: Law 3 and 4 in one statement: the attempt is inserted only if its payment may be charged.
_BEGIN_ATTEMPT = """
WITH begun AS (
    UPDATE payments
       SET status = 'processing', starts = 0, version = version + 1, skipped = %s,
           lease_until = clock_timestamp() + make_interval(secs => %s){screened}
     WHERE id = %s AND lease_token = %s{unchanged} AND status IN ({chargeable})
       AND cancel_requested_at IS NULL AND expires_at > clock_timestamp()
    RETURNING {columns}
), written AS (
    INSERT INTO payment_attempts ({names}) SELECT {values} FROM begun
)
SELECT {columns} FROM begun
"""

#: The index `payment_attempts_tries` holds the rows of this card that count, and no others.
CARD_TRIES = f"""
SELECT count(*) FILTER (WHERE created_at > clock_timestamp() - %s::interval) AS in_day,
       count(*) FILTER (WHERE created_at > clock_timestamp() - %s::interval) AS in_month,
       coalesce(bool_or(state = 'declined'
                        AND (cause = '{BARRED}' OR code = ANY(%s::text[]))), false) AS forbidden
  FROM payment_attempts
 WHERE card = %s AND card IS NOT NULL AND state IN ({listed(TRIES)})
"""
_CARD_TRIES = numbered(CARD_TRIES)
#: Two numbers: a space of its own beside the locks of the processes, which are one number each.
_HOLD_CARD = "SELECT pg_advisory_xact_lock($1::int, $2::int)"
_ATTEMPTS = f"""
SELECT {columns_of(tables.payment_attempts)} FROM payment_attempts
 WHERE {{which}} = $1 ORDER BY created_at, number, id
"""
_OF_PAYMENT = _ATTEMPTS.format(which="payment_id")
_OF_PAYOUT = _ATTEMPTS.format(which="payout_id")
_ONE = f"SELECT {columns_of(tables.payment_attempts)} FROM payment_attempts WHERE id = $1"
#: The same movement of one attempt is written once.
_ONCE = " ON CONFLICT (attempt_id, type, total) DO NOTHING"
_ENDED = {"lease_until": None, "lease_owner": None}


class AttemptWork(Session):
    """See `domain.books.Work` for what each method promises."""

    def claim_attempt(self, id_: UUID, owner: int, lease_s: float) -> Claim[Attempt] | None:
        """Take a due, unleased attempt."""
        row = self._claim("payment_attempts", id_, owner, lease_s)
        return row and Claim(self._attempt(row), lease_of(row), row["starts"])

    def attempts(self, payment_id: UUID) -> Sequence[Attempt]:
        """Every attempt of a payment, whatever its operation, oldest first."""
        return self._attempts(_OF_PAYMENT, payment_id)

    def payout_attempts(self, payout_id: UUID) -> Sequence[Attempt]:
        """Every attempt of a payout, oldest first."""
        return self._attempts(_OF_PAYOUT, payout_id)

    def attempt(self, id_: UUID) -> Attempt | None:
        """One attempt."""
        self._pending.write()
        row = self._direct.row(_ONE, (id_,))
        return None if row is None else self._attempt(row)

    def card_tries(self, watch: Watched) -> Tries:
        """What the tries of a card have come to; the card is held until the transaction ends."""
        high, low = struct.unpack(">ii", watch.card[:8])
        self._pending.write()
        self._direct.run(_HOLD_CARD, (high, low))
        codes = sorted(FORBIDDING[watch.scheme])
        found = self._direct.row(_CARD_TRIES, (DAY, MONTH, codes, watch.card))
        assert found is not None
        return Tries(found["in_day"], found["in_month"], found["forbidden"])

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
        self,
        attempt: Attempt,
        lease: Lease,
        lease_s: float,
        skipped: Mapping[str, str],
        screened: Payment | None = None,
    ) -> Payment | None:
        """Insert the attempt and move its payment to `processing`, if that is still allowed."""
        self._pending.write()
        written = attempt_rows.attempt_insert(attempt, self._vault)
        asked: list[object] = [dict(skipped), lease_s]
        if screened is not None:
            asked += (getattr(screened, name) for name in SCREENED)
        asked += (attempt.payment_id, lease.token)
        if screened is not None:
            asked.append(screened.version)
        begin = _begin_attempt(tuple(written), screened is not None)
        row = self._direct.row(begin, (*asked, *written.values()))
        return None if row is None else rows.payment_of(row, self._vault)

    def add_attempt(self, attempt: Attempt) -> None:
        """Insert an attempt of anything but a charge, which only `begin_attempt` may begin."""
        if attempt.operation is Operation.CHARGE:
            raise ValueError("a charge begins under its payment's lease")
        self._insert(attempt)

    def save_attempt(self, attempt: Attempt) -> None:
        """Write an attempt; its lease, if any, ends here."""
        values = attempt_rows.attempt_update(attempt, self.now) | _ENDED
        query = f"UPDATE payment_attempts SET {sets(tuple(values))} WHERE id = %s"
        self._pending.add(Write("payment_attempts", query, (*values.values(), attempt.id)))

    def add_fact(self, fact: Fact) -> None:
        """Append what a provider told us."""
        self._pending.add(inserted("attempt_facts", attempt_rows.fact_insert(fact)))

    def add_transaction(self, transaction: Transaction) -> None:
        """Append a money movement; told of again, it is the row that is there."""
        if self._pending.holds("payment_attempts"):
            self._pending.write()  # a trigger takes from the attempt whose movement it is
        values = attempt_rows.transaction_insert(transaction, self._new_id())
        self._pending.add(inserted("transactions", values, _ONCE))

    def _insert(self, attempt: Attempt) -> None:
        self._pending.write()
        written = inserted("payment_attempts", attempt_rows.attempt_insert(attempt, self._vault))
        self._direct.run(numbered(written.query), written.values)

    def _attempts(self, query: str, id_: UUID) -> Sequence[Attempt]:
        if self._pending.holds("payment_attempts"):
            self._pending.write()
        return [self._attempt(row) for row in self._direct.rows(query, (id_,))]

    def _attempt(self, row: Any) -> Attempt:
        return attempt_rows.attempt_of(row, self._vault)


@cache
def _begin_attempt(names: tuple[str, ...], screened: bool) -> str:
    return numbered(
        _BEGIN_ATTEMPT.format(
            screened=f", {sets(SCREENED)}" if screened else "",
            unchanged=" AND version = %s" if screened else "",
            chargeable=listed(status.value for status in CHARGEABLE),
            columns=columns_of(tables.payments),
            names=", ".join(names),
            values=typed(tables.payment_attempts, names),
        )
    )


def _uuid(reference: str | None) -> UUID | None:
    try:
        return UUID(hex=reference) if reference else None
    except ValueError:
        return None
