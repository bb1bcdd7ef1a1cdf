"""Every table, with the sentence that says why it exists. The migrations build exactly these."""

from __future__ import annotations

from ops.store.tables.directory import countries, currencies
from ops.store.tables.gateways import (
    gateway_health,
    gateway_routes,
    gateways,
    webhook_certificates,
)
from ops.store.tables.journal import (
    archives,
    audit_chain,
    audit_checkpoints,
    audit_logs,
    audit_progress,
    idempotency_keys,
    outbox_events,
    webhook_events,
)
from ops.store.tables.metadata import metadata
from ops.store.tables.operators import operators
from ops.store.tables.orders import payouts, refunds
from ops.store.tables.payments import (
    attempt_facts,
    fraud_checks,
    payment_attempts,
    payments,
    transactions,
)
from ops.store.tables.people import customers, payment_methods
from ops.store.tables.reconciliation import reconciliation_items, reconciliation_runs
from ops.store.tables.reviews import review_cases
from ops.store.tables.tenants import api_keys, merchants

__all__ = [
    "api_keys",
    "archives",
    "attempt_facts",
    "audit_chain",
    "audit_checkpoints",
    "audit_logs",
    "audit_progress",
    "countries",
    "currencies",
    "customers",
    "fraud_checks",
    "gateway_health",
    "gateway_routes",
    "gateways",
    "idempotency_keys",
    "merchants",
    "metadata",
    "operators",
    "outbox_events",
    "payment_attempts",
    "payment_methods",
    "payments",
    "payouts",
    "reconciliation_items",
    "reconciliation_runs",
    "refunds",
    "review_cases",
    "transactions",
    "webhook_certificates",
    "webhook_events",
]
