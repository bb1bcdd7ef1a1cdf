"""Accept, the statements: how a batch of checkouts is written, and what became of its keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from domain.payment import INACTIVE
from ops.store.arrays import Array, blobs, booleans, documents, longs, moments, texts, uuids

#: A column's name, and what makes an array of its values.
Column: TypeAlias = tuple[str, Callable[[Any], Array]]

#: The columns of a payment.
COLUMNS: tuple[Column, ...] = (
    ("id", uuids), ("merchant_id", uuids), ("mode", texts), ("order_id", texts),
    ("amount", longs), ("currency", texts), ("country", texts), ("method_type", texts),
    ("preference", texts), ("details", blobs), ("description", texts), ("metadata", documents),
    ("kind", texts), ("capture_method", texts), ("confirmed", booleans),
    ("customer_id", uuids), ("method_id", uuids),
    ("status", texts), ("next_command", texts), ("request_id", texts),
    ("created_at", moments), ("expires_at", moments),
    ("next_run_at", moments), ("wake_at", moments),
)  # fmt: skip
#: What is written beside it: the key with its answer, the audit entry, the event.
BESIDE: tuple[Column, ...] = (
    ("key", texts), ("fingerprint", blobs), ("body", blobs),
    ("actor_id", texts), ("name", texts), ("after", documents), ("payload", documents),
)  # fmt: skip
_NAMES = tuple(name for name, _ in COLUMNS)

# Everything in one statement, so in one round trip; each part goes on with what the one before made.
# A key is won by whoever inserts it; everybody else waits for that commit and reads the answer. Keys
# are sorted by whoever asks; sorting the payments has all keys won before the first of them.
_CHAIN = f"""
WITH asked AS MATERIALIZED (
  SELECT * FROM unnest({", ".join(["%s"] * len(COLUMNS + BESIDE))})
      AS asked({", ".join(name for name, _ in COLUMNS + BESIDE)})
), won AS (
  INSERT INTO idempotency_keys
         (merchant_id, mode, key, fingerprint, status, body, resource_id, expires_at)
  SELECT merchant_id, mode, key, fingerprint, 202, body, id, clock_timestamp() + %s FROM asked
  ON CONFLICT DO NOTHING RETURNING resource_id
), made AS (
  INSERT INTO payments ({", ".join(_NAMES)})
  SELECT {", ".join(_NAMES)} FROM asked JOIN won ON resource_id = id
   ORDER BY merchant_id, mode, order_id, id
  ON CONFLICT DO NOTHING RETURNING id AS made_id
), audited AS (
  INSERT INTO audit_logs
         (merchant_id, mode, actor, actor_id, action, entity, entity_id, before, after, request_id)
  SELECT merchant_id, mode, %s, actor_id, %s, %s, name, %s::jsonb, after, request_id
    FROM asked JOIN made ON made_id = id
), told AS (
  INSERT INTO outbox_events
         (merchant_id, mode, type, aggregate, aggregate_id, payload, request_id)
  SELECT merchant_id, mode, %s, %s, name, payload, request_id
    FROM asked JOIN made ON made_id = id
)
"""
# Of each key that was won: whether its payment was made, and what time it is.
WRITE = f"""{_CHAIN}
SELECT resource_id, made_id IS NOT NULL, clock_timestamp()
  FROM won LEFT JOIN made ON made_id = resource_id
"""
# The same as a transaction of its own. A key without its payment would already be promised to
# whoever repeats it: the division undoes the whole of it, and says nothing of the order to the log.
WRITE_ALL = f"""{_CHAIN}
SELECT resource_id, 1 / (made_id IS NOT NULL)::integer = 1, clock_timestamp()
  FROM won LEFT JOIN made ON made_id = resource_id
"""
LOSERS = """
SELECT merchant_id, mode, key, fingerprint, status, body, resource_id FROM idempotency_keys
  JOIN unnest(%s::uuid[], %s::text[], %s::text[]) AS asked(m, o, k)
    ON (merchant_id, mode, key) = (m, o, k)
"""
ACTIVE = f"""
SELECT merchant_id, mode, order_id, id FROM payments
  JOIN unnest(%s::uuid[], %s::text[], %s::text[]) AS asked(m, o, k)
    ON (merchant_id, mode, order_id) = (m, o, k)
 WHERE status NOT IN ({", ".join(f"'{status}'" for status in sorted(INACTIVE))})
"""
CONFLICT = """
UPDATE idempotency_keys SET status = %s, body = %s WHERE (merchant_id, mode, key) = (%s, %s, %s)
"""
