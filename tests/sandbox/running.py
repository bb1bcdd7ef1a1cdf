"""One sandbox in its own process, and a client that opens a new connection for every request."""

import http.client
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

SECRET_KEY = "sk_sandbox_test"
WEBHOOK_SECRET = "whsec_sandbox_test"
#: Generous on a busy machine; nothing here takes a second on an idle one.
PATIENCE_S = 20.0
#: Whoever asks without a pause takes the time of the program that is waited for.
EVERY_S = 0.01


@dataclass(frozen=True)
class Response:
    """What came back: `headers` are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]


def an_order(**changes: Any) -> dict[str, Any]:
    """Return a create body under a reference of its own."""
    return {
        "reference": f"ref-{uuid4().hex[:12]}",
        "amount": 1000,
        "currency": "USD",
        "source": {"type": "card", "token": "tok_1"},
    } | changes


def a_payout(**changes: Any) -> dict[str, Any]:
    """Return a payout body under a reference of its own."""
    return {
        "reference": f"out-{uuid4().hex[:12]}",
        "amount": 1000,
        "currency": "USD",
        "destination": {"type": "bank_account", "token": "ba_1"},
    } | changes


def wait_until(condition: Callable[[], bool]) -> None:
    """Ask again and again until it is so; fail after a while."""
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        pause.wait(EVERY_S)


def send(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = PATIENCE_S,
) -> Response:
    """Send one request on a connection of its own. OSError or HTTPException if no answer came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, names, answer.read())
    finally:
        connection.close()


@dataclass
class Sandbox:
    """A running `python -m ops.sandbox`; `start` may be called again after `kill` or `stop`."""

    ledger: Path
    options: tuple[str, ...] = ()
    webhook_url: str | None = None
    name: str = "sandbox-a"
    port: int = 0
    admin_port: int = 0
    process: subprocess.Popen[str] = field(init=False)

    def start(self) -> "Sandbox":
        """Start the process and wait for its ready line."""
        command = [sys.executable, "-m", "ops.sandbox", "--name", self.name]
        command += ["--port", str(self.port), "--admin-port", str(self.admin_port)]
        command += ["--ledger", str(self.ledger), *self.options]
        if self.webhook_url is not None:
            command += ["--webhook-url", self.webhook_url]
        secrets = {"SANDBOX_SECRET_KEY": SECRET_KEY, "SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET}
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | secrets,
        )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        line = self.process.stdout.readline() if readable else ""
        assert line, f"not ready: {self.process.communicate(timeout=5)[1]}"
        ready = json.loads(line)
        assert ready["ready"] is True
        self.port, self.admin_port = ready["port"], ready["admin_port"]
        return self

    def kill(self) -> None:
        """Kill it without a word."""
        self.process.kill()
        self.process.communicate()

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | bytes,
        key: str | None = None,
        timeout_s: float = PATIENCE_S,
    ) -> Response:
        """POST to the API under a key, a new one if none is given."""
        headers = {
            "Authorization": f"Bearer {SECRET_KEY}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid4().hex if key is None else key,
        }
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return send(self.port, "POST", path, raw, headers, timeout_s)

    def create(self, order: Mapping[str, Any], key: str | None = None) -> Response:
        """POST /v1/payments."""
        return self.post("/v1/payments", order, key)

    def refund(self, payment: str, key: str | None = None, **fields: Any) -> Response:
        """POST a refund of a payment, under a reference of its own if none is given."""
        body = {"reference": f"back-{uuid4().hex[:12]}"} | fields
        return self.post(f"/v1/payments/{payment}/refunds", body, key)

    def pay_out(self, order: Mapping[str, Any], key: str | None = None) -> Response:
        """POST /v1/payouts."""
        return self.post("/v1/payouts", order, key)

    def get(self, path: str, timeout_s: float = PATIENCE_S) -> Response:
        """GET from the API."""
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        return send(self.port, "GET", path, None, headers, timeout_s)

    def admin(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call the admin port and return its JSON; anything but 2xx fails the test."""
        raw = None if body is None else json.dumps(body).encode()
        answer = send(self.admin_port, method, path, raw)
        assert 200 <= answer.status < 300, answer.body
        return answer.json

    def fault(self, name: str, **rule: Any) -> Any:
        """Switch a fault on for everyone."""
        return self.admin("POST", "/faults", {"fault": name} | rule)

    def charges(self, reference: str) -> int:
        """Return how often the ledger says that money was taken under a reference."""
        summary = self.admin("GET", "/ledger/summary")["references"]
        return int(summary[reference]["charges"]) if reference in summary else 0

    def requests(self, reference: str) -> list[Any]:
        """Return (method, status) of the API requests seen about a reference."""
        seen = self.admin("GET", f"/requests?reference={reference}")["data"]
        return [(one["method"], one["status"]) for one in seen]

    def entries(self) -> list[Any]:
        """Return the whole ledger as the admin port shows it."""
        found: list[Any] = []
        more = True
        while more:
            page = self.admin("GET", f"/ledger?after={len(found)}")
            found += page["data"]
            more = page["has_more"]
        return found

    def kinds(self, subject: str) -> list[tuple[str, int]]:
        """Return (kind, amount) of the ledger lines that changed an object, oldest first."""
        return [
            (entry["kind"], entry["amount"])
            for entry in self.entries()
            if "amount" in entry
            and subject in (entry.get("refund"), entry.get("payout"), entry.get("payment"))
        ]

    def wait_for_status(self, id_: str, status: str) -> Any:
        """Read a payment, refund or payout until it has this status; fail after a while."""
        room = {"sp": "payments", "sr": "refunds", "so": "payouts"}[id_.partition("_")[0]]
        wait_until(lambda: self.get(f"/v1/{room}/{id_}").json["status"] == status)
        return self.get(f"/v1/{room}/{id_}").json
