"""A webhook receiver: writes down what arrives, answers as the test says, waits on conditions."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.sandbox.running import PATIENCE_S, WEBHOOK_SECRET


@dataclass(frozen=True)
class Delivery:
    """One webhook that arrived."""

    arrived_s: float
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    @property
    def type(self) -> str:
        return str(self.event["type"])

    @property
    def reference(self) -> str:
        """The reference of the payment or payout that the event is about."""
        about = self.event["data"]
        return str((about.get("payment") or about["payout"])["reference"])

    def is_signed(self) -> bool:
        """Check t=<unix>,v1=<hex> the way a receiver is told to."""
        parts = dict(part.split("=", 1) for part in self.headers["sandbox-signature"].split(","))
        signed = f"{parts['t']}.".encode() + self.body
        mac = hmac.new(WEBHOOK_SECRET.encode(), signed, hashlib.sha256).hexdigest()
        return parts["v1"] == mac and abs(time.time() - int(parts["t"])) < 60


class Receiver:
    """`answers` decides the status of each delivery by its reference and number, from 1; every one
    is answered with `says`. `named` finds the reference in a delivery."""

    def __init__(
        self, named: Callable[[Delivery], str] = lambda delivery: delivery.reference
    ) -> None:
        self._named = named
        self.says = b""
        self.answers: Callable[[str, int], int] = lambda _reference, _number: 204
        self._deliveries: list[Delivery] = []
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver._note(Delivery(time.monotonic(), headers, body))
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", "/elsewhere")
                says = b"" if status == 204 else receiver.says
                self.send_header("Content-Length", str(len(says)))
                self.end_headers()
                if says:
                    self.wfile.write(says)

            def log_message(self, format: str, *args: Any) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/webhooks/sandbox-a"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def about(self, reference: str) -> list[Delivery]:
        """Return what has arrived about a reference, in order."""
        with self._changed:
            return [one for one in self._deliveries if self._named(one) == reference]

    def wait_for(self, reference: str, number: int) -> list[Delivery]:
        """Wait until so many deliveries about a reference have arrived; fail after a while."""
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: len(self._about(reference)) >= number, PATIENCE_S
            )
            assert arrived, f"{len(self._about(reference))} of {number} webhooks arrived"
            return self._about(reference)

    def first(self, wanted: Callable[[Delivery], bool]) -> Delivery:
        """Wait until a delivery is like this and return it; fail after a while."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: any(map(wanted, self._deliveries)), PATIENCE_S)
            assert arrived, f"not among {[one.body[:200] for one in self._deliveries[-5:]]}"
            return next(filter(wanted, self._deliveries))

    def all(self, wanted: Callable[[Delivery], bool]) -> list[Delivery]:
        """Return what has arrived that is like this, in order."""
        with self._changed:
            return list(filter(wanted, self._deliveries))

    def _about(self, reference: str) -> list[Delivery]:
        return [one for one in self._deliveries if self._named(one) == reference]

    def _note(self, delivery: Delivery) -> int:
        with self._changed:
            self._deliveries.append(delivery)
            number = len(self._about(self._named(delivery)))
            self._changed.notify_all()
        return self.answers(self._named(delivery), number)
