"""The real door in this process, over HTTP, on stores behind proxies."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import urllib3
import uvicorn

from ingress.main import app
from native.verifier import hmac_sha256
from ops.providers import PROVIDERS
from tests.store.conftest import PEPPER, Books
from tests.workers.circuit_rig import until

#: What the gateways of the tests sign with.
WEBHOOK_SECRET = b"whsec"
#: More repetitions than any fault here takes.
PATIENCE = 10


@dataclass
class Door:
    """Speaks to it like a merchant who repeats what was not answered."""

    books: Books
    url: str
    http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=64, retries=False, timeout=30.0)
    )

    def ask(self, path: str, body: object, key: str) -> urllib3.BaseHTTPResponse:
        """Send one request."""
        headers = {"Authorization": f"Bearer {self.books.key}", "Idempotency-Key": key}
        return self.http.request(
            "POST", self.url + path, body=json.dumps(body).encode(), headers=headers
        )

    def checkout(self, key: str, amount: int = 1_000) -> urllib3.BaseHTTPResponse:
        """Ask for a payment."""
        return self.ask("/v1/checkout", {"amount": amount, "currency": "USD"}, key)

    def webhook(self, event_id: str) -> urllib3.BaseHTTPResponse:
        """Bring a signed event of the gateway `one`, as its provider does."""
        body = json.dumps({"id": event_id, "type": "payment.captured"}).encode()
        sent_at = str(int(time.time()))
        signature = hmac_sha256(WEBHOOK_SECRET, f"{sent_at}.".encode() + body).hex()
        return self.http.request(
            "POST",
            f"{self.url}/v1/webhooks/sandbox/one",
            body=body,
            headers={PROVIDERS["sandbox"].scheme.header: f"t={sent_at},v1={signature}"},
        )

    def stubbornly(self, key: str) -> tuple[list[int], bytes]:
        """Ask with the same key until it is accepted; return every status, and the answer."""
        statuses: list[int] = []
        for _ in range(PATIENCE):
            answer = self.checkout(key)
            statuses.append(answer.status)
            if answer.status == 202:
                return statuses, answer.data
            assert answer.status in (409, 503), (answer.status, answer.data)
            assert int(answer.headers["Retry-After"]) >= 1
        raise AssertionError(f"never accepted: {statuses}")

    def accepted_once(self, key: str, body: bytes) -> None:
        """The key has one payment with all that belongs to it, and always the same answer."""
        again = self.checkout(key)
        assert (again.status, again.data) == (202, body)
        assert again.headers["Idempotent-Replayed"] == "true"
        (kept,) = self.books.sql("SELECT body FROM idempotency_keys WHERE key = :key", key=key)
        told: Any = kept["body"]
        assert bytes(told) == body
        counts = self.books.sql(
            "SELECT (SELECT count(*) FROM payments WHERE id = CAST(:id AS uuid)) AS payments,"
            " (SELECT count(*) FROM audit_logs WHERE entity_id = :name) AS audited,"
            " (SELECT count(*) FROM outbox_events WHERE aggregate_id = :name) AS events",
            id=json.loads(body)["id"].removeprefix("pay_"),
            name=json.loads(body)["id"],
        )
        assert counts == [{"payments": 1, "audited": 1, "events": 1}]


@contextmanager
def a_door(
    books: Books, database_url: str, redis_url: str, patch: pytest.MonkeyPatch
) -> Iterator[Door]:
    """Serve the door until the block ends."""
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "API_KEY_PEPPER": PEPPER.decode(),
        "ENCRYPTION_KEY": (b"k" * 32).hex(),
        "LOG_LEVEL": "ERROR",
    }.items():
        patch.setenv(name, value)
    server = uvicorn.Server(uvicorn.Config(app(), port=0, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run, name="door")
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive(), "the door")
        port = server.servers[0].sockets[0].getsockname()[1]
        door = Door(books, f"http://127.0.0.1:{port}")
        yield door
        door.http.clear()
    finally:
        server.should_exit = True
        thread.join(30)
    assert not thread.is_alive()
