"""The books on PostgreSQL: one unit of work is one transaction, and its SQL stands here to be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as once

from domain.attempt import Attempt
from domain.due import Lease
from domain.errors import LeaseLost, NotFound
from domain.events import Told
from domain.facts import Fact, Transaction
from domain.fraud.score import Assessment
from domain.payment import CHARGEABLE, Payment
from domain.ports import Claim
from domain.routing import GatewayRow
from domain.webhook import Hint, Notice
from ops.store import rows, tables
from ops.store.gateways import read_gateways
from ops.store.story import tell
from ops.vault import Vault

#: Take a due row: one statement, so that of many workers exactly one gets it. A lease whose owner's
#: session is gone counts as ended, so a killed worker's work resumes at once.
CLAIM = """
UPDATE {table}
   SET lease_token = lease_token + 1, starts = starts + 1, wakes = 0, lease_owner = :owner,
       lease_until = clock_timestamp() + make_interval(secs => :lease_s)
 WHERE id = :id AND next_run_at <= clock_timestamp() AND lease_is_free(lease_until, lease_owner)
RETURNING *, clock_timestamp() AS db_now
"""
_CLAIM = {
    table: text(CLAIM.format(table=table))
    for table in ("payments", "payment_attempts", "webhook_events")
}

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

_LOCK = text("SELECT *, clock_timestamp() AS db_now FROM payments WHERE id = :id FOR UPDATE")

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


class StaleWrite(Exception):
    """A row changed although we held its lock: a bug, never a race."""


class PostgresStore:
    """Opens units of work on an engine."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        new_id: Callable[[], UUID],
        committed: Callable[[Sequence[Told]], None] = lambda told: None,
    ) -> None:
        """`committed` hears what was told, once it is true: waiting readers, metrics, logs."""
        self._engine = engine
        self._vault = vault
        self._new_id = new_id
        self._committed = committed

    @contextmanager
    def begin(self) -> Iterator[PostgresWork]:
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        with self._engine.begin() as connection:
            work = PostgresWork(connection, self._vault, self._new_id)
            yield work
        if work.told:
            self._committed(work.told)


class PostgresWork:
    """One open transaction (see `domain.ports.Work` for what each method promises)."""

    def __init__(self, connection: Connection, vault: Vault, new_id: Callable[[], UUID]) -> None:
        self._db = connection
        self._vault = vault
        self._new_id = new_id
        self._now: datetime | None = None
        self.told: list[Told] = []

    @property
    def now(self) -> datetime:
        """The database's clock as of the first statement that needed it."""
        if self._now is None:
            self._now = self._db.execute(text("SELECT clock_timestamp()")).scalar_one()
        return self._now

    def claim_payment(self, id_: UUID, owner: int, lease_s: float) -> Claim[Payment] | None:
        """Take a due, unleased payment."""
        row = self._claim("payments", id_, owner, lease_s)
        return row and Claim(rows.payment_of(row, self._vault), _lease(row), row["starts"])

    def claim_attempt(self, id_: UUID, owner: int, lease_s: float) -> Claim[Attempt] | None:
        """Take a due, unleased attempt."""
        row = self._claim("payment_attempts", id_, owner, lease_s)
        return row and Claim(rows.attempt_of(row, self._vault), _lease(row), row["starts"])

    def claim_notice(self, id_: UUID, owner: int, lease_s: float) -> Claim[Notice] | None:
        """Take a due, unleased webhook."""
        row = self._claim("webhook_events", id_, owner, lease_s)
        return row and Claim(rows.notice_of(row, self._vault), _lease(row), row["starts"])

    def _claim(self, table: str, id_: UUID, owner: int, lease_s: float) -> Any:
        asked = {"id": id_, "owner": owner, "lease_s": lease_s}
        row = self._db.execute(_CLAIM[table], asked).mappings().one_or_none()
        if row is not None:
            self._now = row["db_now"]
        return row

    def payment(self, id_: UUID) -> Payment:
        """Read a payment without holding it."""
        found = select(tables.payments).where(tables.payments.c.id == id_)
        row = self._db.execute(found).mappings().one_or_none()
        if row is None:
            raise NotFound("payment")
        return rows.payment_of(row, self._vault)

    def lock_payment(self, id_: UUID) -> Payment:
        """Read a payment and hold its row until the transaction ends."""
        row = self._db.execute(_LOCK, {"id": id_}).mappings().one_or_none()
        if row is None:
            raise NotFound("payment")
        self._now = row["db_now"]
        return rows.payment_of(row, self._vault)

    def save_payment(self, payment: Payment, lease: Lease | None = None) -> Payment:
        """Write a payment, one version on; with a lease, only while it is ours, and end it."""
        t = tables.payments
        values = rows.payment_update(payment, self._vault, self.now)
        where = (t.c.id == payment.id) & (t.c.version == payment.version)
        if lease is not None:
            where &= t.c.lease_token == lease.token
            values |= {"lease_until": None, "lease_owner": None}
        if self._db.execute(update(t).where(where).values(values)).rowcount != 1:
            raise (LeaseLost if lease else StaleWrite)(str(payment.id))
        return replace(payment, version=payment.version + 1)

    def release(self, payment_id: UUID, lease: Lease) -> None:
        """End our lease and change nothing else."""
        t = tables.payments
        ours = (t.c.id == payment_id) & (t.c.lease_token == lease.token)
        self._db.execute(update(t).where(ours).values(lease_until=None, lease_owner=None))

    def attempts(self, payment_id: UUID) -> Sequence[Attempt]:
        """Every attempt of a payment, oldest first."""
        t = tables.payment_attempts
        found = select(t).where(t.c.payment_id == payment_id).order_by(t.c.number)
        return [rows.attempt_of(row, self._vault) for row in self._db.execute(found).mappings()]

    def attempt(self, id_: UUID) -> Attempt | None:
        """One attempt."""
        t = tables.payment_attempts
        row = self._db.execute(select(t).where(t.c.id == id_)).mappings().one_or_none()
        return None if row is None else rows.attempt_of(row, self._vault)

    def find_attempt(self, gateway_id: str, hint: Hint) -> Attempt | None:
        """The attempt of this gateway by our reference, else by the provider's id."""
        t = tables.payment_attempts
        here = select(t).where(t.c.gateway_id == gateway_id)
        if id_ := _uuid(hint.reference):
            row = self._db.execute(here.where(t.c.id == id_)).mappings().one_or_none()
            if row is not None:
                return rows.attempt_of(row, self._vault)
        if hint.provider_id:
            found = here.where(t.c.provider_id == hint.provider_id).order_by(t.c.number).limit(1)
            row = self._db.execute(found).mappings().one_or_none()
            return None if row is None else rows.attempt_of(row, self._vault)
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
        self._db.execute(
            insert(tables.payment_attempts).values(rows.attempt_insert(attempt, self._vault))
        )
        return rows.payment_of(row, self._vault)

    def save_attempt(self, attempt: Attempt) -> None:
        """Write an attempt; its lease, if any, ends here."""
        t = tables.payment_attempts
        values = rows.attempt_update(attempt, self.now) | {"lease_until": None, "lease_owner": None}
        self._db.execute(update(t).where(t.c.id == attempt.id).values(values))

    def add_fact(self, fact: Fact) -> None:
        """Append what a provider told us."""
        values = {
            "attempt_id": fact.attempt_id,
            "source": fact.source.value,
            "outcome": type(fact.outcome).__name__,
            "told": rows.told_of(fact.outcome),
        }
        self._db.execute(insert(tables.attempt_facts).values(values))

    def add_transaction(self, transaction: Transaction) -> None:
        """Append a money movement; told of again, it is the row that is there."""
        values = {
            "id": self._new_id(),
            "payment_id": transaction.payment_id,
            "attempt_id": transaction.attempt_id,
            "type": transaction.type.value,
            "amount": transaction.money.minor,
            "currency": transaction.money.currency.code,
            "gateway_id": transaction.gateway_id,
            "provider_id": transaction.provider_id,
        }
        self._db.execute(once(tables.transactions).values(values).on_conflict_do_nothing())

    def add_assessment(self, payment_id: UUID, assessment: Assessment) -> None:
        """Store the one fraud decision of a payment."""
        factors = [
            {
                "name": factor.name,
                "source": str(factor.source),
                "contribution": str(factor.contribution),
                "value": str(factor.value),
                "text": factor.text,
            }
            for factor in assessment.factors
        ]
        values = {
            "payment_id": payment_id,
            "score": assessment.score,
            "risk_level": assessment.level.value,
            "decision": assessment.decision.value,
            "reason": assessment.reason,
            "factors": factors,
            "mode": assessment.mode.value,
            "ruleset_version": assessment.ruleset_version,
            "model_id": assessment.model_id,
            "feature_set_id": assessment.feature_set_id,
        }
        self._db.execute(insert(tables.fraud_checks).values(values))

    def save_notice(self, notice: Notice) -> None:
        """Write a webhook's state; a copy that came after the last re-read began re-arms it."""
        values = rows.due_values(notice.due, self.now) | {
            "id": notice.id,
            "status": notice.status,
            "attempt_id": notice.attempt_id,
            "tries": notice.tries,
            "read_began_at": notice.read_began_at,
            "rearms": notice.due.next_run_at is None and notice.due.parked is None,
        }
        self._db.execute(_SAVE_NOTICE, values)

    def gateways(self) -> Sequence[GatewayRow]:
        """The configured gateways with their routes and any person's override."""
        return read_gateways(self._db)

    def tell(self, *told: Told) -> None:
        """Append audit entries and events."""
        tell(self._db, told)
        self.told += told


def _lease(row: rows.Row) -> Lease:
    return Lease(row["lease_token"], row["lease_owner"])


def _uuid(reference: str | None) -> UUID | None:
    try:
        return UUID(hex=reference) if reference else None
    except ValueError:
        return None
