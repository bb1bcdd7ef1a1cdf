"""History: a database filled with payments of the past year, row by row through every guard.

What is sealed in the rows is noise, and so are the hashes of the audit chain: nobody opens the one or
verifies the other here. Keys, references, states, sums and times are as the programs write them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import psycopg

from ops.store.partitions import HISTORY

BATCH: Final = 20_000
#: What a payment and all that belongs to it take on the disk, with indexes.
BYTES_EACH: Final = 3_600
MONTHS: Final = 12

# Months of the past year before the first partition, which begins after them: as a database looks
# that was partitioned all the time.
_MONTH: Final = """
SELECT partitions.add('{source}', since, since + interval '1 month') FROM (
    SELECT date_trunc('month', now(), 'UTC') - n * interval '1 month' AS since
      FROM generate_series(0, {months}) n) months
"""
_FIRST: Final = """
SELECT split_part(pg_get_expr(relpartbound, oid), 'TO ', 2) FROM pg_class
 WHERE oid = to_regclass('partitions.{source}_first')
"""

# One payment in twelve failed, one in three has an order id.
_MADE: Final = """
CREATE TEMPORARY TABLE made ON COMMIT DROP AS
SELECT n, shift, now() + shift AS at, uuidv7(shift) AS id, uuidv7(shift + interval '50 ms') AS attempt,
       uuidv7(shift + interval '80 ms') AS movement, n %% 12 <> 0 AS paid,
       500 + n %% 90000 AS amount
  FROM (SELECT n, interval '-365 days' * (1 - n / %(all)s::float8) - interval '2 hours' AS shift
          FROM generate_series(%(first)s::bigint, %(last)s::bigint) n) numbered
"""
_PAYMENTS: Final = """
INSERT INTO payments (id, merchant_id, mode, order_id, amount, currency, country, method_type, details,
       status, amount_authorized, amount_captured, next_command, gateway_id, risk_score, risk_level,
       request_id, created_at, expires_at, captured_at, version, starts, lease_token)
SELECT id, m.merchant, 'test', CASE WHEN n % 3 = 0 THEN 'o-' || n END, amount, 'USD', 'US', 'card',
       decode(repeat(md5(n::text), 6), 'hex'), CASE WHEN paid THEN 'captured' ELSE 'failed' END,
       CASE WHEN paid THEN amount ELSE 0 END, CASE WHEN paid THEN amount ELSE 0 END,
       'charge_payment', 'one', '0.1000', 'low', 'req-' || n, at, at + interval '30 minutes',
       CASE WHEN paid THEN at + interval '100 ms' END, 3, 0, 2
  FROM made, (SELECT id AS merchant FROM merchants ORDER BY created_at LIMIT 1) m
"""
_ATTEMPTS: Final = """
INSERT INTO payment_attempts (id, payment_id, merchant_id, mode, operation, number, gateway_id,
       adapter_version, amount, currency, state, captured, request, provider_id, proof, code,
       send_before, deadline_at, key_window_ends, created_at, finished_at, request_id, card)
SELECT attempt, made.id, p.merchant_id, 'test', 'charge', 1, 'one', 1, made.amount, 'USD',
       CASE WHEN paid THEN 'captured' ELSE 'declined' END, CASE WHEN paid THEN made.amount ELSE 0 END,
       decode(repeat(md5(n::text), 5), 'hex'), 'ch_' || md5(n::text),
       CASE WHEN NOT paid THEN 'declined' END, CASE WHEN NOT paid THEN 'card_declined' END,
       at + interval '2 s', at + interval '12 s', at + interval '1 day', at + interval '50 ms',
       at + interval '100 ms', 'req-' || n, sha256((n % 1000000)::text::bytea)
  FROM made JOIN payments p ON p.id = made.id
"""
_REST: Final = (
    """
INSERT INTO attempt_facts (attempt_id, source, outcome, told, observed_at)
SELECT attempt, 'answer', CASE WHEN paid THEN 'Succeeded' ELSE 'Declined' END,
       jsonb_build_object('provider_id', 'ch_' || md5(n::text), 'amount', amount, 'currency', 'USD'),
       at + interval '90 ms' FROM made
""",
    """
INSERT INTO transactions (id, payment_id, attempt_id, type, amount, total, currency, gateway_id,
       provider_id, created_at)
SELECT movement, id, attempt, 'sale', amount, amount, 'USD', 'one', 'ch_' || md5(n::text),
       at + interval '95 ms' FROM made WHERE paid
""",
    """
INSERT INTO audit_logs (merchant_id, mode, actor, actor_id, action, entity, entity_id, before, after,
       request_id, created_at)
SELECT p.merchant_id, 'test', 'worker', 'w', 'payment.captured', 'payment',
       'pay_' || replace(made.id::text, '-', ''), '{}',
       jsonb_build_object('status', 'captured', 'amount', made.amount), 'req-' || n,
       at + interval '100 ms'
  FROM made JOIN payments p ON p.id = made.id ORDER BY n
""",
    """
INSERT INTO audit_chain (seq, entry_id, prev_hash, hash, sealed_at)
SELECT l.id, l.id, sha256((l.id - 1)::text::bytea), sha256(l.id::text::bytea), l.created_at
  FROM audit_logs l WHERE l.id > (SELECT coalesce(max(seq), 0) FROM audit_chain)
""",
    """
INSERT INTO outbox_events (merchant_id, mode, type, aggregate, aggregate_id, payload, request_id,
       created_at, published_at)
SELECT p.merchant_id, 'test', 'payment.captured', 'payment', 'pay_' || replace(made.id::text, '-', ''),
       jsonb_build_object('status', 'captured'), 'req-' || n, at, at + interval '1 s'
  FROM made JOIN payments p ON p.id = made.id WHERE shift > interval '-90 days'
""",
    """
INSERT INTO idempotency_keys (merchant_id, mode, key, fingerprint, status, body, resource_id,
       created_at, expires_at)
SELECT p.merchant_id, 'test', 'key-' || n, decode(md5(n::text), 'hex'), 202,
       decode(repeat(md5(n::text), 10), 'hex'), made.id, at, at + interval '30 days'
  FROM made JOIN payments p ON p.id = made.id WHERE shift > interval '-30 days'
""",
    """
INSERT INTO webhook_events (id, gateway_id, dedupe_key, body, status, attempt_id, received_at,
       last_copy_at, read_began_at, request_id)
SELECT uuidv7(shift + interval '1 s'), 'one', 'evt_' || md5(n::text),
       decode(repeat(md5(n::text), 6), 'hex'), 'processed', attempt, at + interval '1 s',
       at + interval '1 s', at + interval '2 s', 'req-' || n
  FROM made WHERE n % 4 = 0
""",
)


def with_past_months(url: str) -> None:
    """Put the past year's months before the first partition of an empty database."""
    with psycopg.connect(url, options="-c timezone=UTC") as db:
        for source in HISTORY:
            found = db.execute(_FIRST.format(source=source).encode()).fetchone()
            assert found is not None, f"{source} has no first partition"
            db.execute(f"ALTER TABLE {source} DETACH PARTITION partitions.{source}_first".encode())
            db.execute(_MONTH.format(source=source, months=MONTHS).encode())
            since = db.execute("SELECT date_trunc('month', now(), 'UTC') + interval '1 month'")
            db.execute(
                f"ALTER TABLE {source} ATTACH PARTITION partitions.{source}_first"
                f" FOR VALUES FROM ('{since.fetchall()[0][0].isoformat()}') TO {found[0]}".encode()
            )


def fill(url: str, number: int, progress: Callable[[int], None], batch: int = BATCH) -> None:
    """Write so many payments, oldest first, a batch a transaction; the statistics are made last."""
    with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as db:
        # The log of a batch need not be on the disk before the next one: all of it is made anew.
        db.execute("SET synchronous_commit = off")
        for first in range(1, number + 1, batch):
            last = min(first + batch - 1, number)
            with db.transaction():
                db.execute(_MADE, {"all": number, "first": first, "last": last})
                db.execute("ANALYZE made")
                for statement in (_PAYMENTS, _ATTEMPTS, *_REST):
                    db.execute(statement.encode())
            progress(last)
        db.execute("VACUUM (ANALYZE)")


#: Payments that wait for a provider: due again in an hour, each with its attempt.
_FLYING: Final = """
WITH made AS (
    SELECT n, uuidv7() AS id, uuidv7() AS attempt, now() + interval '1 hour' AS due
      FROM generate_series(1, {number}) n
), payments AS (
    INSERT INTO payments (id, merchant_id, mode, amount, currency, method_type, details, status,
           next_command, gateway_id, request_id, created_at, expires_at, next_run_at, wake_at)
    SELECT made.id, m.id, 'test', 700, 'USD', 'card', '', 'processing', 'charge_payment', 'one', 'req',
           now(), due, due, due
      FROM made, (SELECT id FROM merchants ORDER BY created_at LIMIT 1) m
    RETURNING id, merchant_id, expires_at AS due
)
INSERT INTO payment_attempts (id, payment_id, merchant_id, mode, operation, number, gateway_id,
       adapter_version, amount, currency, state, request, provider_id, send_before, deadline_at,
       key_window_ends, created_at, request_id, next_run_at, wake_at)
SELECT made.attempt, p.id, p.merchant_id, 'test', 'charge', 1, 'one', 1, 700, 'USD', 'pending', '',
       'fly_' || made.attempt, now(), now(), now() + interval '1 day', now(), 'req', p.due, p.due
  FROM payments p JOIN made USING (id)
"""


def in_flight(url: str, number: int) -> None:
    """Write so many payments that wait for their provider, due again in an hour."""
    with psycopg.connect(url) as db:
        db.execute(_FLYING.format(number=number).encode())
