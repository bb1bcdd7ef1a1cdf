"""The rig: the real programs that a bench wants, and the bare ones beside them on the same servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import msgspec
import psycopg
import redis
import urllib3
from psycopg.rows import dict_row

from ops.bench.figures import CannotRun
from ops.bench.load import Outcome, Plan
from ops.bench.meter import Trees, Used
from ops.dev.errors import DevError
from ops.dev.ports import free_port
from ops.dev.probes import answers_http
from ops.dev.program import Program
from ops.dev.simulators import SIMULATORS
from ops.dev.supervisor import Supervisor
from ops.dev.up import ROOT, SANDBOX_PORTS, Stack, stack

T = TypeVar("T")

#: Everything is up, or has ended, by then: also on a busy machine, and longer than a drain.
UP_S: Final = 120.0
DOWN_S: Final = 90.0
LOOK_EVERY_S: Final = 0.2
#: As in production but for what would refuse a load that comes from one place.
SETTINGS: Final[Mapping[str, str]] = {
    "APP_ENV": "development",
    "LOG_LEVEL": "INFO",
    "IP_RATE_LIMIT_PER_MINUTE": "1000000000",
    "MAX_BACKLOG": "1000000000",
    # Every checkout of a turn is announced: a full queue would spare the door that work.
    "QUEUE_DEPTH_LIMIT": "10000000",
}
_INHERITED: Final = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "VERIFIER")
BARE_DOOR, BARE_WORKER = "bare-door", "bare-worker"
SCHEMA: Final = """
CREATE TABLE payments (
    id uuid PRIMARY KEY, key text NOT NULL UNIQUE, order_id text NOT NULL, amount bigint NOT NULL,
    currency text NOT NULL, body bytea NOT NULL, status text NOT NULL DEFAULT 'accepted',
    provider_id text, created_at timestamptz NOT NULL DEFAULT now(), captured_at timestamptz);
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payment_id uuid NOT NULL,
    what text NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE events (
    id text PRIMARY KEY, body bytea NOT NULL, received_at timestamptz NOT NULL DEFAULT now());
"""


@dataclass(frozen=True, slots=True)
class Rig:
    """What runs."""

    stack: Stack
    supervisor: Supervisor
    folder: Path
    bare_url: str
    bare_port: int
    #: Ours and the bare ones.
    ours: tuple[str, ...]
    bare: tuple[str, ...]

    def used(self) -> Used:
        """Return the processor time so far of every program and server."""
        return Trees().used(self.roots())

    def roots(self) -> dict[str, int]:
        """Return the main process of every program and server that is up."""
        found = {name: self.supervisor.pid(name) for name in (*self.ours, *self.bare)}
        for server in self.stack.services.embedded:
            found[server.name] = server.process.pid if server.process else None
        return {name: pid for name, pid in found.items() if pid is not None}

    @contextmanager
    def frozen(self, programs: Collection[str]) -> Iterator[None]:
        """Let these programs stand still: what they do when idle is not to disturb others."""
        self._signal(programs, signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(programs, signal.SIGCONT)

    def _signal(self, programs: Collection[str], number: signal.Signals) -> None:
        for name in programs:
            if (pid := self.supervisor.pid(name)) is not None:
                with suppress(ProcessLookupError):
                    os.killpg(pid, number)

    def sql(self, query: str, values: Sequence[object] = (), *, bare: bool = False) -> list[Any]:
        """Ask our database, or the bare one; rows are dicts."""
        url = self.bare_url if bare else self.stack.services.database_url
        with psycopg.connect(url, row_factory=dict_row, autocommit=True) as db:
            found = db.execute(query, values or None)
            return found.fetchall() if found.description else []

    def redis(self) -> redis.Redis:
        """Return a client of our Redis; close it."""
        return redis.Redis.from_url(self.stack.services.redis_url)

    def admin(self, gateway: str, method: str, path: str, body: object = None) -> None:
        """Use a lever of a simulator."""
        port = {**self.stack.sandboxes, **self.stack.simulators}[gateway][1]
        raw = None if body is None else msgspec.json.encode(body)
        answer = urllib3.request(method, f"http://127.0.0.1:{port}{path}", body=raw, retries=False)
        if answer.status >= 300:
            raise CannotRun(f"{gateway} answered {answer.status} to {path}: {answer.data[:200]!r}")

    def head(self, method: str, path: str, *headers: str) -> str:
        """Return the head of a request to our door as the demo merchant."""
        key = f"Authorization: Bearer {self.stack.demo_key}"
        return head(method, path, key, "Content-Type: application/json", *headers)

    @property
    def port(self) -> int:
        """Where our door listens."""
        return self.stack.settings.port


@contextmanager
def a_rig(
    folder: Path,
    programs: Collection[str],
    *,
    bare: Collection[str] = (),
    settings: Mapping[str, str] | None = None,
    arguments: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[Rig]:
    """Start some of our programs and simulators, and some bare ones; stop them afterwards.

    `arguments` are more words for the command lines of simulators, by name. Raises CannotRun.
    """
    said: list[str] = []
    is_up = threading.Event()
    try:
        with stack(folder, _environ(settings or {}), said.append) as ours:
            wanted = _wanted(ours, programs, arguments or {})
            port = free_port()
            bare_url = _bare_database(ours)
            beside = [one for one in _bare(ours, bare_url, port) if one.name in bare]
            supervisor = Supervisor(
                [*wanted, beside],
                said.append,
                folder / "logs",
                ours.services.embedded,
                on_up=is_up.set,
            )
            # Programs end with the thread that runs the supervisor: it lives as long as the rig.
            thread = threading.Thread(target=supervisor.run)
            thread.start()
            try:
                deadline = monotonic() + UP_S
                while not is_up.wait(LOOK_EVERY_S):
                    if not thread.is_alive() or monotonic() > deadline:
                        raise CannotRun("programs did not come up:\n" + "\n".join(said[-20:]))
                names = tuple(one.name for group in wanted for one in group)
                yield Rig(ours, supervisor, folder, bare_url, port, names, tuple(bare))
            finally:
                supervisor.stop()
                thread.join(DOWN_S)
    except DevError as error:
        raise CannotRun(str(error)) from error


def head(method: str, path: str, *headers: str) -> str:
    """Return the head of a request, as a plan wants it."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers])


def sent(plan: Plan) -> Outcome:
    """Send a plan's load from a process of its own."""
    limit_s = min(plan.seconds, DOWN_S * 10) + UP_S
    done = subprocess.run(
        [sys.executable, "-m", "ops.bench.load"],
        input=msgspec.json.encode(plan),
        capture_output=True,
        cwd=ROOT,
        timeout=limit_s,
        check=False,
    )
    if done.returncode:
        raise CannotRun(f"the load generator failed: {done.stderr.decode()[-500:]}")
    return msgspec.json.decode(done.stdout, type=Outcome)


def all_were(outcome: Outcome, status: int) -> Outcome:
    """Return the outcome if every answer had this status. Raises CannotRun."""
    if set(outcome.statuses) != {str(status)}:
        raise CannotRun(f"answers were to be {status}, and were {outcome.statuses}")
    return outcome


def eventually(look: Callable[[], T], within_s: float, what: str) -> T:
    """Return the first true answer of `look`. Raises CannotRun when the time is over."""
    deadline, pause = monotonic() + within_s, threading.Event()
    while not (found := look()):
        if monotonic() > deadline:
            raise CannotRun(f"not within {within_s:.0f} s: {what}")
        pause.wait(LOOK_EVERY_S)
    return found


def _wanted(
    ours: Stack, names: Collection[str], arguments: Mapping[str, Sequence[str]]
) -> list[list[Program]]:
    groups = [[one] if isinstance(one, Program) else list(one) for one in ours.programs]
    return [
        [
            replace(one, argv=[*one.argv, *arguments.get(one.name, ())])
            for one in group
            if one.name in names
        ]
        for group in groups
    ]


def _bare_database(ours: Stack) -> str:
    url = urlsplit(ours.services.database_url)
    with psycopg.connect(ours.services.database_url, autocommit=True) as db:
        db.execute("CREATE DATABASE bare")
    bare = urlunsplit(url._replace(path="/bare"))
    with psycopg.connect(bare, autocommit=True) as db:
        db.execute(SCHEMA)
    return bare


def _bare(ours: Stack, database_url: str, port: int) -> list[Program]:
    settings, given = ours.settings, ours.environ
    url = urlsplit(ours.services.redis_url)
    environ = {name: given[name] for name in _INHERITED if name in given} | {
        "PYTHONPATH": str(ROOT),
        "BARE_DATABASE_URL": database_url,
        "BARE_REDIS_URL": urlunsplit(url._replace(path="/1")),
        "BARE_WEBHOOK_SECRET": given["SANDBOX_A_WEBHOOK_SECRET"],
        "BARE_SECRET_KEY": given["SANDBOX_A_SECRET_KEY"],
        "BARE_GATEWAY_URL": f"http://127.0.0.1:{ours.sandboxes['sandbox-a'][0]}",
        "BARE_THREADS": str(settings.worker_threads),
    }
    door = [
        *(sys.executable, "-m", "uvicorn", "--factory", "ops.bench.bare.door:app"),
        *("--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"),
        *("--log-level", "warning", "--workers", str(settings.ingress_processes)),
    ]
    worker = [
        *(sys.executable, "-m", "dramatiq", "ops.bench.bare.worker:setup", "--skip-logging"),
        *("--processes", str(settings.worker_processes)),
        *("--threads", str(settings.worker_threads)),
    ]
    return [
        Program(BARE_DOOR, door, environ, answers_http(port, "/")),
        Program(BARE_WORKER, worker, environ),
    ]


def _environ(settings: Mapping[str, str]) -> dict[str, str]:
    names = ["APP_PORT", "WORKER_METRICS_PORT", "CLOCK_METRICS_PORT"]
    prefixes = [name.upper().replace("-", "_") for name in SANDBOX_PORTS]
    prefixes += [one.prefix for one in SIMULATORS]
    names += [f"{prefix}_{side}" for prefix in prefixes for side in ("PORT", "ADMIN_PORT")]
    ports: dict[str, str] = {}
    for name in names:
        while (port := str(free_port())) in ports.values():
            continue
        ports[name] = port
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | dict(SETTINGS) | ports | dict(settings)
