"""The end of a history: every table of both sides, row by row."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from sqlalchemy import Engine, select

from ops.store import attempt_rows, order_rows, rows, tables
from ops.store.memory.books import Books, Job, Kept
from ops.store.rows import Row
from ops.store.story import entry_values, event_values
from ops.store.work.cases import case_of
from ops.store.work.detachments import _detachment_of
from ops.store.work.notices import _notice_of
from ops.vault import Vault
from tests.model.differential.board import WRITTEN

Found = dict[Hashable, Any]


def differences(engine: Engine, vault: Vault, books: Books) -> list[str]:
    """Return what is not the same, a line for each row."""
    theirs, ours = _theirs(engine, vault), _ours(books)
    return [
        f"{table} {key}:\n  postgres {theirs[table].get(key)}\n  memory   {ours[table].get(key)}"
        for table in theirs
        for key in sorted({*theirs[table], *ours[table]}, key=str)
        if theirs[table].get(key) != ours[table].get(key)
    ]


def _theirs(engine: Engine, vault: Vault) -> Mapping[str, Found]:
    with engine.connect() as db:
        read = {
            table.name: db.execute(select(table)).mappings().all()
            for table in tables.metadata.sorted_tables
            if table.name in WRITTEN
        }
    read_as: dict[str, Callable[[Row], Any]] = {
        "payments": lambda row: rows.payment_of(row, vault),
        "payment_attempts": lambda row: attempt_rows.attempt_of(row, vault),
        "refunds": order_rows.refund_of,
        "payouts": lambda row: order_rows.payout_of(row, vault),
        "webhook_events": lambda row: _notice_of(row, vault),
    }
    found: dict[str, Found] = {
        name: {row["id"]: Kept(as_(row), _job(row)) for row in read[name]}
        for name, as_ in read_as.items()
    }
    found["payment_methods"] = {
        row["id"]: Kept(_detachment_of(row, vault), _job(row)) for row in read["payment_methods"]
    }
    found["review_cases"] = {row["id"]: case_of(row) for row in read["review_cases"]}
    found["copies"] = {row["id"]: row["copies"] for row in read["webhook_events"]}
    found["idempotency_keys"] = {
        (row["merchant_id"], row["mode"], row["key"]): (
            bytes(row["fingerprint"]), row["status"], bytes(row["body"]), row["resource_id"],
        )
        for row in read["idempotency_keys"]
    }  # fmt: skip
    found["fraud_checks"] = {row["payment_id"]: row["score"] for row in read["fraud_checks"]}
    moved = ("payment_id", "refund_id", "payout_id", "amount", "currency", "gateway_id")
    found["transactions"] = {
        (row["attempt_id"], row["type"], row["total"]): tuple(row[name] for name in moved)
        for row in read["transactions"]
    }
    found["attempt_facts"] = _counted(
        (row["attempt_id"], row["source"], row["outcome"], json.dumps(row["told"]))
        for row in read["attempt_facts"]
    )
    found["audit_logs"] = _counted(_line(row) for row in read["audit_logs"])
    found["outbox_events"] = _counted(_line(row) for row in read["outbox_events"])
    return found


def _ours(books: Books) -> Mapping[str, Found]:
    found: dict[str, Found] = {
        name: {kept.row.id: kept for kept in table}
        for name, table in (
            ("payments", books.payments),
            ("payment_attempts", books.attempts),
            ("refunds", books.refunds),
            ("payouts", books.payouts),
            ("webhook_events", books.notices),
            ("payment_methods", books.detachments),
        )
    }
    found["review_cases"] = {case.id: case for case in books.cases}
    found["copies"] = {kept.row.id: books.copies.get(kept.row.id) for kept in books.notices}
    found["idempotency_keys"] = {
        key: (answer.fingerprint, answer.status, answer.body, resource)
        for key, (answer, resource) in books.keys.items()
    }
    found["fraud_checks"] = {key: one.score for key, one in books.assessments.items()}
    found["transactions"] = {
        (one.attempt_id, one.type.value, one.total): (
            one.payment_id, one.refund_id, one.payout_id, one.money.minor,
            one.money.currency.code, one.gateway_id,
        )
        for one in books.transactions
    }  # fmt: skip
    found["attempt_facts"] = _counted(
        (
            fact.attempt_id, fact.source.value, type(fact.outcome).__name__,
            json.dumps(attempt_rows.told_of(fact.outcome)),
        )
        for fact in books.facts
    )  # fmt: skip
    found["audit_logs"] = _counted(_line(entry_values(told)) for told in books.told)
    found["outbox_events"] = _counted(_line(event_values(told)) for told in books.told)
    return found


def _job(row: Row) -> Job:
    names = ("wake_at", "wakes", "lease_until", "lease_owner", "lease_token")
    return Job(*(row[name] for name in names))


def _line(row: Row) -> Hashable:
    """What an audit entry or an event says, without its place in the table."""
    place = ("id", "created_at", "published_at")
    said = {name: value for name, value in row.items() if name not in place}
    return json.dumps(said, sort_keys=True, default=str)


def _counted(lines: Any) -> Found:
    found: Found = {}
    for line in lines:
        found[line] = found.get(line, 0) + 1
    return found
