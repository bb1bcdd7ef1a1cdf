"""Tale: all that is known about one payment, for operators; nothing sealed is opened for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from domain.attempt import BLOCKING, Attempt, Operation, State
from domain.due import NEVER
from domain.ids import Kind
from domain.means import Method
from domain.money import CURRENCIES, Money
from domain.outcome import Proof
from domain.payment import FINAL, Mode, Payment, Status
from domain.routing import Plan, plan, wanted_of
from ops.store.gateways import read_gateways

Row: TypeAlias = RowMapping

#: Rows of one kind that are read; a payment has a dozen, and a screen ends somewhere.
MOST: Final = 500


def _named(kind: Kind, column: str) -> str:
    """Return SQL for the public id: what people see and search for."""
    return f"'{kind}_' || replace({column}::text, '-', '')"


# Columns are named one by one: `details`, `request`, `body` and the payer's page stay unread, and so
# do description, metadata, reasons and notes, in which people write whatever they like.
_PAYMENT = text(f"""
SELECT id AS key, {_named(Kind.PAYMENT, "id")} AS id,
       {_named(Kind.MERCHANT, "merchant_id")} AS merchant_id, mode, order_id, amount, currency,
       country, method_type, preference, kind, capture_method, confirmed, status,
       amount_authorized, capture_amount, amount_captured, amount_refunded, amount_refund_pending,
       amount_reversed, gateway_id, action_url IS NOT NULL AS awaits_payer, failure_code,
       failure_reason, risk_score, risk_level, wants_3ds, review, ending, next_command, runs,
       skipped, cancel_requested_at, authorized_at, authorization_expires_at, captured_at,
       refunded_at, failed_at, cancelled_at, expired_at, request_id, created_at, expires_at,
       version, next_run_at, wakes, starts, lease_until, parked_at, parked_reason, owner
  FROM payments WHERE id = :id
""")
_FRAUD = text("""
SELECT score::text, risk_level, decision, reason, factors, mode, ruleset_version, model_id,
       feature_set_id, created_at
  FROM fraud_checks WHERE payment_id = :id
""")
_ATTEMPTS = text(f"""
SELECT id AS key, {_named(Kind.ATTEMPT, "id")} AS id,
       {_named(Kind.REFUND, "refund_id")} AS refund_id, operation, number, gateway_id,
       adapter_version, amount, currency, target, captures, state, held, released, captured,
       provider_id, proof, code, cause, polls,
       send_before, deadline_at, key_window_ends, created_at, finished_at, next_run_at, starts,
       lease_until, parked_at, parked_reason, owner
  FROM payment_attempts WHERE payment_id = :id ORDER BY created_at, number LIMIT :most
""")
_FACTS = text(f"""
SELECT f.id, {_named(Kind.ATTEMPT, "f.attempt_id")} AS attempt_id, f.source, f.outcome, f.told,
       f.observed_at
  FROM attempt_facts f JOIN payment_attempts a ON a.id = f.attempt_id
 WHERE a.payment_id = :id ORDER BY f.id LIMIT :most
""")
_TRANSACTIONS = text(f"""
SELECT {_named(Kind.TRANSACTION, "id")} AS id, {_named(Kind.ATTEMPT, "attempt_id")} AS attempt_id,
       {_named(Kind.REFUND, "refund_id")} AS refund_id, type, amount, total, currency, gateway_id,
       provider_id, created_at
  FROM transactions WHERE payment_id = :id ORDER BY created_at LIMIT :most
""")
_REFUNDS = text(f"""
SELECT {_named(Kind.REFUND, "id")} AS id, {_named(Kind.ATTEMPT, "charge_id")} AS charge_id, kind,
       amount, currency, status, requested_by, gateway_id, failure_code, failure_reason,
       runs, processed_at, request_id, created_at, version, next_run_at, wakes, starts,
       lease_until, parked_at, parked_reason, owner
  FROM refunds WHERE payment_id = :id ORDER BY created_at, id LIMIT :most
""")
_CASES = text(f"""
SELECT {_named(Kind.ATTEMPT, "attempt_id")} AS attempt_id, kind, reason, opened_at, found_amount,
       found_currency, found_held, found_ours, provider_id, decision, decided_by, decided_at
  FROM review_cases WHERE payment_id = :id ORDER BY opened_at, id LIMIT :most
""")
_WEBHOOKS = text(f"""
SELECT {_named(Kind.WEBHOOK, "w.id")} AS id, {_named(Kind.ATTEMPT, "w.attempt_id")} AS attempt_id,
       w.gateway_id, w.status, w.copies, w.tries, w.received_at, w.last_copy_at, w.read_began_at,
       w.next_run_at, w.parked_at, w.parked_reason, w.owner
  FROM webhook_events w JOIN payment_attempts a ON a.id = w.attempt_id
 WHERE a.payment_id = :id ORDER BY w.received_at LIMIT :most
""")
_AUDIT = text("""
SELECT l.id, l.created_at, l.actor, l.actor_id, l.action, l.entity, l.entity_id, l.before, l.after,
       l.request_id, (SELECT c.seq FROM audit_chain c WHERE c.entry_id = l.id) AS sealed_as
  FROM audit_logs l
 WHERE l.entity_id = ANY(:names) ORDER BY l.id LIMIT :most
""")
_EVENTS = text("""
SELECT id, created_at, type, aggregate, aggregate_id, payload, published_at
  FROM outbox_events WHERE aggregate_id = ANY(:names) ORDER BY id LIMIT :most
""")
#: Newest first by id, which is ordered in time.
_NEWEST = text(f"""
SELECT {_named(Kind.PAYMENT, "id")} AS id, mode, status, amount, currency, amount_captured,
       gateway_id, failure_code, parked_reason, created_at
  FROM payments WHERE CAST(:status AS text) IS NULL OR status = :status
 ORDER BY id DESC LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Tale:
    """One payment's story as rows of plain values, each list in its own order of time."""

    payment: Row
    fraud: Row | None
    attempts: Sequence[Row]
    facts: Sequence[Row]
    transactions: Sequence[Row]
    refunds: Sequence[Row]
    cases: Sequence[Row]
    webhooks: Sequence[Row]
    audit: Sequence[Row]
    events: Sequence[Row]
    #: Where it would go now, as gateways are configured and held; None: it is final, or an open
    #: attempt keeps it where it is.
    route: Plan | None


def read_tale(db: Connection, payment_id: UUID) -> Tale | None:
    """Read the story; None: there is no such payment. For one story, open one snapshot."""
    asked = {"id": payment_id, "most": MOST}
    payment = db.execute(_PAYMENT, {"id": payment_id}).mappings().one_or_none()
    if payment is None:
        return None
    attempts = db.execute(_ATTEMPTS, asked).mappings().all()
    refunds = db.execute(_REFUNDS, asked).mappings().all()
    told_of = [payment["id"], *(row["id"] for row in (*attempts, *refunds))]
    names = {"names": told_of, "most": MOST}
    return Tale(
        payment=payment,
        fraud=db.execute(_FRAUD, {"id": payment_id}).mappings().one_or_none(),
        attempts=attempts,
        facts=db.execute(_FACTS, asked).mappings().all(),
        transactions=db.execute(_TRANSACTIONS, asked).mappings().all(),
        refunds=refunds,
        cases=db.execute(_CASES, asked).mappings().all(),
        webhooks=db.execute(_WEBHOOKS, asked).mappings().all(),
        audit=db.execute(_AUDIT, names).mappings().all(),
        events=db.execute(_EVENTS, names).mappings().all(),
        route=_route(db, payment, attempts),
    )


def newest_payments(db: Connection, status: Status | None, limit: int) -> Sequence[Row]:
    """Return the newest payments of all merchants."""
    asked = {"status": status.value if status else None, "limit": limit}
    return db.execute(_NEWEST, asked).mappings().all()


def _route(db: Connection, row: Row, attempts: Sequence[Row]) -> Plan | None:
    """Ask routing itself; what it looks at is not secret, so everything sealed is left out."""
    blocked = any(State(attempt["state"]) in BLOCKING for attempt in attempts)
    if blocked or Status(row["status"]) in FINAL:
        return None
    payment = Payment(
        id=row["key"],
        merchant_id=row["key"],
        mode=Mode(row["mode"]),
        money=Money(row["amount"], CURRENCIES[row["currency"]]),
        status=Status(row["status"]),
        method=Method(row["method_type"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        due=NEVER,
        country=row["country"],
        preference=row["preference"],
    )
    asked = [_attempt(payment, attempt) for attempt in attempts]
    return plan(wanted_of(payment), read_gateways(db), asked)


def _attempt(payment: Payment, row: Row) -> Attempt:
    return Attempt(
        id=row["key"],
        payment_id=payment.id,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        operation=Operation(row["operation"]),
        number=row["number"],
        gateway_id=row["gateway_id"],
        adapter_version=row["adapter_version"],
        money=Money(row["amount"], CURRENCIES[row["currency"]]),
        state=State(row["state"]),
        request=b"",
        send_before=row["send_before"],
        deadline_at=row["deadline_at"],
        key_window_ends=row["key_window_ends"],
        created_at=row["created_at"],
        due=NEVER,
        proof=Proof(row["proof"]) if row["proof"] else None,
    )
