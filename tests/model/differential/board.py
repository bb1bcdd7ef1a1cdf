"""The board: a database of its own whose clock the test sets, and the opening position on it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, insert, text

from domain.due import Due
from ops.dev.postgres import DATABASE
from ops.migrate import migrate
from ops.providers import PROVIDERS
from ops.seed import Sandbox, seed
from ops.store import attempt_rows, order_rows, rows, tables
from ops.store.gateways import Account, write_account
from ops.store.memory.books import new
from ops.store.memory.store import MemoryStore
from ops.store.rows import due_values
from ops.vault import Vault
from tests.model.differential import opening as at
from tests.model.differential.opening import BEFORE, CUSTOMER, EPOCH, GATEWAYS, MERCHANT

NAME = "differential"

#: The clock of the sessions is a sequence: set by one, seen by all at once, whatever they have open.
#: Named before pg_catalog, ours is the one that SQL and functions mean by `clock_timestamp`.
_HARNESS = """
CREATE SCHEMA harness;
CREATE SEQUENCE harness.clock;
CREATE FUNCTION harness.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT timestamptz 'epoch' + last_value * interval '1 microsecond' FROM harness.clock
$$
"""
#: Defaults were bound to the real clock when they were made.
_DEFAULTS = """
SELECT format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT harness.clock_timestamp()',
              adrelid::regclass, attname)
  FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
 WHERE pg_get_expr(adbin, adrelid) = 'clock_timestamp()'
"""
_SETTINGS = (
    "search_path = harness, pg_catalog, public",
    "deadlock_timeout = '1ms'",  # who closes a circle hears of it, and not who waited longest
    "timezone = 'UTC'",
)

#: What a history writes, and what keeps the rest of the database as it is.
WRITTEN = (
    *("attempt_facts", "audit_logs", "fraud_checks", "idempotency_keys", "outbox_events"),
    *("payment_attempts", "payment_methods", "payments", "payouts", "refunds", "review_cases"),
    *("transactions", "webhook_events"),
)


def build(engine: Engine, url: str) -> str:
    """Make the database beside the one of `url`, migrated and by its own clock; return its address."""
    with engine.connect() as db:
        db.execution_options(isolation_level="AUTOCOMMIT")
        db.execute(text(f"CREATE DATABASE {NAME}"))
    address = url.removesuffix(f"/{DATABASE}") + f"/{NAME}"
    migrate(address)
    return address


def furnish(engine: Engine, vault: Vault, demo_key: str) -> None:
    """Give it the harness's clock, a merchant, a customer and gateways."""
    with engine.begin() as db:
        for statement in _HARNESS.split(";\n"):
            db.execute(text(statement))
        for (statement,) in db.execute(text(_DEFAULTS)).all():
            db.execute(text(statement))
        for setting in _SETTINGS:
            db.execute(text(f"ALTER DATABASE {NAME} SET {setting}"))
    seed(engine, vault, b"p" * 32, demo_key, [Sandbox("one", "http://127.0.0.1:1", "sk", "wh")])
    with engine.begin() as db:
        for id_, mode in GATEWAYS[1:]:
            where = (id_, "sandbox", mode, "http://127.0.0.1:1")
            write_account(db, vault, Account(*where, {}, [], PROVIDERS["sandbox"].scheme))
        customer = {"id": CUSTOMER, "merchant_id": MERCHANT, "mode": "test"}
        db.execute(insert(tables.customers).values(customer))


class Opening:
    """The opening position, ready to be set up again and again."""

    def __init__(self, vault: Vault) -> None:
        """Seal what is sealed once."""
        self._rows: list[tuple[Any, list[dict[str, Any]]]] = [
            (tables.payments, [self._payment(one, vault) for one in at.PAYMENTS]),
            (tables.payment_attempts, [attempt_rows.attempt_insert(a, vault) for a in at.ATTEMPTS]),
            (tables.refunds, [order_rows.refund_insert(one) for one in at.REFUNDS]),
            (tables.payouts, [order_rows.payout_insert(one, vault) for one in at.PAYOUTS]),
            (tables.webhook_events, [self._notice(one, vault) for one in at.NOTICES]),
            (tables.review_cases, [self._case(one) for one in at.CASES]),
            (tables.payment_methods, [self._method(one, vault) for one in at.METHODS]),
            (tables.idempotency_keys, [self._key()]),
        ]

    def on_postgres(self, engine: Engine) -> None:
        """Take away what the last history wrote, and set up."""
        deletes = "; ".join(f"DELETE FROM {name}" for name in WRITTEN)
        with engine.begin() as db:
            # Replica role: neither the append-only triggers nor the order of the keys is in the way.
            db.exec_driver_sql(f"SET LOCAL session_replication_role = replica; {deletes}")
            for table, values in self._rows:
                db.execute(insert(table), values)

    def in_memory(self, store: MemoryStore) -> None:
        """Set up the same rows."""
        with store.begin() as work:
            books = work.books
            for payment in at.PAYMENTS:
                books.payments.put(payment.id, new(payment, payment.created_at))
            for attempt in at.ATTEMPTS:
                books.attempts.put(attempt.id, new(attempt, attempt.created_at))
            for refund in at.REFUNDS:
                books.refunds.put(refund.id, new(refund, refund.created_at))
            for payout in at.PAYOUTS:
                books.payouts.put(payout.id, new(payout, payout.created_at))
            for notice in at.NOTICES:
                books.notices.put(notice.id, new(notice, BEFORE))
                books.copies.put(notice.id, 1)
            for case in at.CASES:
                books.cases.put(case.id, case)
            for method in at.METHODS:
                books.detachments.put(method.id, new(method, BEFORE))
            books.keys.put(at.KEY, (at.RECORDED, CUSTOMER))

    def _payment(self, payment: Any, vault: Vault) -> dict[str, Any]:
        changed = rows.payment_update(payment, vault, payment.created_at)
        return rows.payment_insert(payment, vault) | changed | {"version": payment.version}

    def _notice(self, notice: Any, vault: Vault) -> dict[str, Any]:
        def sealed(column: str, value: bytes) -> bytes:
            return vault.seal(value, table="webhook_events", column=column, row=notice.id.hex)

        return {
            "id": notice.id,
            "gateway_id": notice.gateway_id,
            "dedupe_key": notice.dedupe_key,
            "body": sealed("body", notice.body),
            "headers": sealed("headers", b'{"sig": "s"}') if notice.headers else None,
            "status": notice.status,
            "received_at": notice.received_at,
            "last_copy_at": notice.last_copy_at,
            "request_id": notice.request_id,
        } | _job(notice.due)

    def _case(self, case: Any) -> dict[str, Any]:
        names = ("id", "payment_id", "reason", "opened_at", "found_held", "found_ours")
        return {name: getattr(case, name) for name in names} | {"kind": case.kind.value}

    def _method(self, method: Any, vault: Vault) -> dict[str, Any]:
        place = {"table": "payment_methods", "column": "token", "row": method.id.hex}
        return {
            "id": method.id,
            "customer_id": CUSTOMER,
            "merchant_id": MERCHANT,
            "mode": "test",
            "type": "card",
            "gateway_id": method.gateway_id,
            "token": vault.seal(method.token.encode(), **place),
            "request_id": method.request_id,
            "deleted_at": BEFORE,
        } | _job(method.due)

    def _key(self) -> dict[str, Any]:
        merchant, mode, key = at.KEY
        return {
            "merchant_id": merchant,
            "mode": mode,
            "key": key,
            "fingerprint": at.RECORDED.fingerprint,
            "status": at.RECORDED.status,
            "body": at.RECORDED.body,
            "resource_id": CUSTOMER,
            "expires_at": EPOCH,
        }


def _job(due: Due) -> dict[str, Any]:
    return due_values(due, BEFORE)
