"""One simulator of `ops.sandbox.stage` in its own process, and its admin port."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.sandbox.running import PATIENCE_S, Response, send


@dataclass
class Simulated:
    """A running `python -m <module>`; `start` may be called again after `kill` or `stop`."""

    module: str
    ledger: Path
    secrets: Mapping[str, str]
    options: tuple[str, ...] = ()
    webhook_url: str | None = None
    name: str = "simulated"
    port: int = 0
    admin_port: int = 0
    ready: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[str] = field(init=False)

    def start(self) -> "Simulated":
        """Start the process and wait for its ready line."""
        command = [sys.executable, "-m", self.module, "--name", self.name]
        command += ["--port", str(self.port), "--admin-port", str(self.admin_port)]
        command += ["--ledger", str(self.ledger), *self.options]
        if self.webhook_url is not None:
            command += ["--webhook-url", self.webhook_url]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | dict(self.secrets),
        )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        line = self.process.stdout.readline() if readable else ""
        assert line, f"not ready: {self.process.communicate(timeout=5)[1]}"
        self.ready = json.loads(line)
        self.port, self.admin_port = self.ready["port"], self.ready["admin_port"]
        return self

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """Kill it without a word."""
        self.process.kill()
        self.process.communicate()

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = PATIENCE_S,
    ) -> Response:
        """Send one request to the API, on a connection of its own."""
        return send(self.port, method, path, body, headers, timeout_s)

    def pull(self, path: str, body: Mapping[str, Any] | None = None) -> Response:
        """POST to the admin port and return whatever it says."""
        raw = None if body is None else json.dumps(body).encode()
        return send(self.admin_port, "POST", path, raw)

    def admin(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call the admin port and return its JSON; anything but 2xx fails the test."""
        raw = None if body is None else json.dumps(body).encode()
        answer = send(self.admin_port, method, path, raw)
        assert 200 <= answer.status < 300, answer.body
        return answer.json

    def fault(self, name: str, **rule: Any) -> Any:
        """Switch a fault on."""
        return self.admin("POST", "/faults", {"fault": name} | rule)

    def calm(self) -> None:
        """End all faults."""
        self.admin("DELETE", "/faults")

    def lines(self, about: str | None = None) -> list[Any]:
        """Return the ledger, or what it says about a reference or an object."""
        found: list[Any] = []
        after, more = 0, True
        like = "" if about is None else f"&about={quote(about, safe='')}"
        while more:
            page = self.admin("GET", f"/ledger?after={after}{like}")
            found += page["data"]
            more = page["has_more"]
            after = found[-1]["seq"] if found else 0
        return found

    def kinds(self, about: str) -> list[str]:
        """Return the kinds of the ledger's lines about a reference or an object, oldest first."""
        return [str(line["kind"]) for line in self.lines(about)]

    def requests(self, reference: str) -> list[Any]:
        """Return the API requests that speak of a reference."""
        found = self.admin("GET", f"/requests?reference={quote(reference, safe='')}")
        return list(found["data"])
