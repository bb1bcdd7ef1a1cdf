"""The bare worker: one provider call, then one transaction. No lease, no attempt, no look-up."""

from __future__ import annotations

import json
import os
from typing import Final

import dramatiq
import urllib3
from dramatiq.brokers.redis import RedisBroker
from psycopg_pool import ConnectionPool

PAID: Final = """
UPDATE payments SET status = 'captured', provider_id = %s, captured_at = clock_timestamp()
 WHERE id = %s AND status = 'accepted'
"""
AUDIT: Final = "INSERT INTO audit (payment_id, what) VALUES (%s, %s)"
#: The beginning of a provider's answer is kept.
KEPT: Final = 500


def setup() -> None:
    """Declare the one actor; dramatiq's processes call this once each."""
    broker = RedisBroker(url=os.environ["BARE_REDIS_URL"])  # type: ignore[no-untyped-call]
    dramatiq.set_broker(broker)
    threads = int(os.environ["BARE_THREADS"])
    pool = ConnectionPool(os.environ["BARE_DATABASE_URL"], min_size=1, max_size=threads, open=True)
    gateway = os.environ["BARE_GATEWAY_URL"]
    http = urllib3.PoolManager(maxsize=threads, retries=False, timeout=10.0)
    headers = {
        "Authorization": f"Bearer {os.environ['BARE_SECRET_KEY']}",
        "Content-Type": "application/json",
    }

    def pay(id_: str) -> None:
        """Charge, then write it down."""
        request = {
            "reference": id_,
            "amount": 30_000,
            "currency": "USD",
            "source": {"type": "card", "token": "tok_visa"},
        }
        answer = http.request(
            "POST",
            f"{gateway}/v1/payments",
            body=json.dumps(request).encode(),
            headers=headers | {"Idempotency-Key": id_},
        )
        if answer.status != 201:
            raise ValueError(f"the provider answered {answer.status}")
        with pool.connection() as db:
            db.execute(PAID, (json.loads(answer.data)["id"], id_))
            db.execute(AUDIT, (id_, answer.data.decode()[:KEPT]))

    dramatiq.actor(broker=broker, actor_name="pay", queue_name="bare", max_retries=3)(pay)
