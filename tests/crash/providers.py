"""The providers of the matrix: simulators in processes of their own, and where webhooks go."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from domain.payment import Mode
from domain.routing import ANY, Route
from ops.dev import simulators
from ops.dev.ports import free_port
from ops.dev.probes import answers_http
from ops.dev.program import Program
from ops.dev.simulators import SIMULATORS
from ops.providers import PROVIDERS
from ops.store.gateways import Account

#: Decided this long after it was asked for.
DECIDED_S: Final = "0.2"
KEY: Final = "sk_sandbox_crash"
WEBHOOK_SECRET: Final = "whsec_sandbox_crash"
#: The house's sandbox, and the one that comes next wherever another gateway fails: money that goes
#: there without proof is charged twice.
ROUTES: Final[Mapping[str, Sequence[Route]]] = {
    "sandbox-a": (Route("US", "USD", ANY, 10),),
    "sandbox-b": tuple(Route(country, ANY, ANY, 90) for country in ("US", "DE", "CH")),
}
SPLITTING: Final = ("stripe-eu", "soapbank-ch")
START_S: Final = 30.0


class Postbox:
    """Takes webhooks as they come, and keeps those of the house's sandbox by payment."""

    def __init__(self) -> None:
        self._bodies: dict[tuple[str, str], bytes] = {}
        self._changed = threading.Condition()
        postbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                if "/sandbox/" in self.path:
                    postbox.put(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, name="postbox", daemon=True).start()

    def put(self, body: bytes) -> None:
        """Keep a webhook."""
        event = json.loads(body)
        name = event["data"].get("payment", {}).get("reference", "")
        with self._changed:
            self._bodies[name, event["type"]] = body
            self._changed.notify_all()

    def get(self, reference: str, type_: str, within_s: float = START_S) -> bytes:
        """Return the webhook of this type about the payment of an attempt."""
        until = time.monotonic() + within_s
        with self._changed:
            while (found := self._bodies.get((reference, type_))) is None:
                left_s = until - time.monotonic()
                assert left_s > 0, f"no {type_} about {reference} has come"
                self._changed.wait(left_s)
        return found

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def providers(
    folder: Path, postbox: Postbox, basics: Mapping[str, str]
) -> Iterator[Sequence[Account]]:
    """Start the simulators in `folder`, where their ledgers are `<gateway>.jsonl`; yield the
    gateways that reach them."""
    environ = {
        **{name: simulators.made(name) for name in simulators.SECRETS},
        **{
            f"{one.prefix}_{side}": str(free_port())
            for one in SIMULATORS
            for side in ("PORT", "ADMIN_PORT")
        },
    }
    ports = {name: free_port() for name in ROUTES}
    splitting = simulators.programs(folder, postbox.url, environ, basics, durable=False)
    wanted = [
        *(_sandbox(name, port, folder, postbox, basics) for name, port in ports.items()),
        *(program for program in splitting if program.name in SPLITTING),
    ]
    with ExitStack() as stack:
        running = [stack.enter_context(_running(program, folder)) for program in wanted]
        for program, process in zip(wanted, running, strict=True):
            _wait(program, process, folder)
        theirs = simulators.accounts(folder, environ)
        yield [
            *(_account(name, port) for name, port in ports.items()),
            *(account for account in theirs if account.id in SPLITTING),
        ]


def _sandbox(
    name: str, port: int, folder: Path, postbox: Postbox, basics: Mapping[str, str]
) -> Program:
    argv = [
        *(sys.executable, "-m", "ops.sandbox", "--name", name),
        *("--port", str(port), "--admin-port", str(free_port())),
        *("--ledger", str(folder / f"{name}.jsonl"), "--no-fsync"),
        *("--webhook-url", f"{postbox.url}/sandbox/{name}"),
    ]
    secrets = {"SANDBOX_SECRET_KEY": KEY, "SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET}
    return Program(name, argv, {**basics, **secrets}, answers_http(port, "/"))


def _account(name: str, port: int) -> Account:
    return Account(
        id=name,
        provider="sandbox",
        mode=Mode.TEST,
        base_url=f"http://127.0.0.1:{port}",
        credentials={"secret_key": KEY},
        webhook_secrets=[WEBHOOK_SECRET],
        scheme=PROVIDERS["sandbox"].scheme,
        routes=ROUTES[name],
    )


@contextmanager
def _running(program: Program, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with _log(program, folder).open("wb") as log:
        argv = [*program.argv, "--async-delay-s", DECIDED_S]
        process = subprocess.Popen(
            argv, env=program.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(START_S)


def _log(program: Program, folder: Path) -> Path:
    return folder / f"{program.name}.log"


def _wait(program: Program, process: subprocess.Popen[bytes], folder: Path) -> None:
    assert program.ready is not None
    until, pause = time.monotonic() + START_S, threading.Event()
    while not program.ready():
        over = process.poll() is not None or time.monotonic() > until
        assert not over, f"{program.name} did not come up: {_log(program, folder).read_text()}"
        pause.wait(0.05)
