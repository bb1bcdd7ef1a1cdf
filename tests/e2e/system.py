"""A whole running system for tests: started like `make run`, spoken to like a merchant does."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import urllib3
from psycopg.rows import dict_row

from ops.dev.ports import is_free
from ops.dev.simulators import SIMULATORS
from ops.dev.supervisor import Supervisor
from ops.dev.up import Stack, stack
from tests.e2e import ledgers
from tests.e2e.ledger_lines import of_ledgers

T = TypeVar("T")
Json = dict[str, Any]

FINAL = frozenset({"captured", "failed", "cancelled", "expired", "refunded", "reversed"})

#: A bound on waiting is what a machine of one's own needs. A crowded one needs so many times as
#: long, and nothing is proven by not waiting for it.
PATIENCE = 4.0
#: How soon a condition is looked at again, and how often at least: a look costs a connection.
LOOK_S, LOOK_AT_LEAST_S = 0.05, 0.25

#: Short delays, so that tests wait for conditions of seconds, not of minutes.
FAST = {
    "APP_ENV": "test",
    "BREAKER_OPEN_S": "2",
    "RESOLVE_SCHEDULE_S": "1,1,1,2,2,2,3,3,5,5,5,5,10,10,10,60,60,60",
    "PROVIDER_DEADLINE_S": "3",
    "BACKOFF_BASE_S": "0.5",
    "BACKOFF_CAP_S": "3",
    "ORPHAN_S": "6",
    "DRAIN_TIMEOUT_S": "12",
    "LOG_LEVEL": "INFO",
    "IP_RATE_LIMIT_PER_MINUTE": "100000",
    # On crowded cores a tenth of a second is not enough for Redis, and payments go another way.
    "VELOCITY_BUDGET_S": "5",
}
#: Where `free_port` never chooses: what listens at once needs no claim, and must not take these.
PORT_RANGE = range(10_000, 15_000)
#: Where everything listens.
PORTS = (
    *("APP_PORT", "WORKER_METRICS_PORT", "CLOCK_METRICS_PORT"),
    *(
        f"{prefix}_{side}"
        for prefix in ("SANDBOX_A", "SANDBOX_B", *(one.prefix for one in SIMULATORS))
        for side in ("PORT", "ADMIN_PORT")
    ),
)


@dataclass(slots=True)
class System:
    """What runs, and hands to reach it with."""

    stack: Stack
    supervisor: Supervisor
    folder: Path
    said: list[str]
    #: Does things beside a test. One thread for all: a server dies with the thread that started it.
    deeds: ThreadPoolExecutor
    #: Connections to the database that nobody asks by at the moment.
    asking: list[psycopg.Connection[Json]] = field(default_factory=list)
    http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=64, retries=False, timeout=30.0)
    )

    @property
    def gateways(self) -> dict[str, tuple[int, int]]:
        """The API and admin port of every simulator, by gateway."""
        return {**self.stack.sandboxes, **self.stack.simulators}

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
        url: str | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request to the door as the demo merchant."""
        sent = {"Authorization": f"Bearer {self.stack.demo_key}", **(headers or {})}
        if key is not None:
            sent["Idempotency-Key"] = key
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        return self.http.request(method, (url or self.stack.url) + path, body=raw, headers=sent)

    def checkout(self, amount: int = 5000, **fields: object) -> str:
        """Post a checkout that must be accepted; returns the payment's id."""
        answer = self.call("POST", "/v1/checkout", {"amount": amount, "currency": "USD"} | fields)
        assert answer.status == 202, (answer.status, answer.data)
        return str(answer.json()["id"])

    def checkouts(self, count: int, *, threads: int = 16, **fields: object) -> list[str]:
        """Post many checkouts in parallel."""
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda _: self.checkout(**fields), range(count)))  # type: ignore[arg-type]

    def payment(self, id_: str, wait_s: float = 0) -> Json:
        """Read a payment."""
        answer = self.call("GET", f"/v1/payments/{id_}?wait={wait_s:g}")
        assert answer.status == 200, (answer.status, answer.data)
        return dict(answer.json())

    def settled(self, id_: str, *statuses: str, within_s: float = 30) -> Json:
        """Wait until the payment has one of the statuses (by default any final one)."""
        wanted = frozenset(statuses) or FINAL

        def look() -> Json | None:
            found = self.payment(id_, wait_s=2)
            return found if found["status"] in wanted else None

        return eventually(look, within_s, lambda: f"{self.payment(id_)}")

    def all_final(
        self, ids: Sequence[str], within_s: float = 30, *, promised: bool = False
    ) -> Counter[str]:
        """Wait until each of these payments is final; returns how many ended how."""
        asked = [id_[4:] for id_ in ids]

        def look() -> Counter[str] | None:
            found = self.sql(
                "SELECT status, count(*) AS n FROM payments WHERE id = ANY(%s::uuid[]) GROUP BY 1",
                [asked],
            )
            counts = Counter({row["status"]: row["n"] for row in found})
            return None if counts.keys() - FINAL else counts

        counts = eventually(look, within_s, lambda: str(self.open_rows()), promised=promised)
        assert counts.total() == len(ids)
        return counts

    def open_rows(self) -> list[Json]:
        """Return what is not final, for the message of a failing test."""
        return self.sql(
            "SELECT p.id, p.status, p.next_command, p.next_run_at, p.lease_until, p.starts, p.runs,"
            " p.parked_reason, p.skipped, a.gateway_id, a.state, a.cause, a.polls,"
            " a.next_run_at AS attempt_due, a.parked_reason AS attempt_parked"
            " FROM payments p LEFT JOIN payment_attempts a ON a.payment_id = p.id"
            " WHERE p.status NOT IN ('captured','failed','cancelled','expired') LIMIT 5"
        )

    def sql(self, query: str, values: Sequence[object] = ()) -> list[Json]:
        """Ask the database itself, by a connection that the next one who asks may have."""
        with suppress(
            IndexError, psycopg.OperationalError
        ):  # none, or it did not outlive a restart
            return self._rows(self.asking.pop(), query, values)
        url = self.stack.settings.database_url
        return self._rows(
            psycopg.connect(url, autocommit=True, row_factory=dict_row), query, values
        )

    def _rows(
        self, db: psycopg.Connection[Json], query: str, values: Sequence[object]
    ) -> list[Json]:
        with ExitStack() as at_fault:
            at_fault.callback(db.close)
            rows = db.execute(query, values).fetchall()
            at_fault.pop_all()
        self.asking.append(db)
        return rows

    def fault(self, gateway: str, fault: str, **more: object) -> None:
        """Script a fault at a simulator."""
        self.admin("POST", gateway, "/faults", {"fault": fault} | more)

    def no_faults(self) -> None:
        """Let every simulator behave."""
        for gateway in self.gateways:
            self.admin("DELETE", gateway, "/faults")

    def admin(self, method: str, gateway: str, path: str, body: object = None) -> Any:
        """Call a simulator's admin port."""
        port = self.gateways[gateway][1]
        answer = self.http.request(
            method,
            f"http://127.0.0.1:{port}{path}",
            body=None if body is None else json.dumps(body).encode(),
        )
        assert answer.status < 300, (answer.status, answer.data)
        return answer.json() if answer.data else None

    def charges(self) -> Counter[tuple[str, str]]:
        """Return how often each reference was charged at each gateway, by the ledgers themselves."""
        counts: Counter[tuple[str, str]] = Counter()
        for one, n in of_ledgers(self).items():
            if one.kind == "taken":
                counts[one.gateway, one.reference] += n
        return counts

    def books_agree(self) -> None:
        """Assert that our books and the simulators' ledgers tell the same story, to the unit."""
        ledgers.books_agree(self)

    def forget_breakers(self) -> None:
        """Close every breaker: the next test is not to pay for this one's faults."""
        import redis

        client = redis.Redis.from_url(self.stack.settings.redis_url)
        for gateway in self.gateways:
            for key in client.scan_iter(f"paylink:{{{gateway}*"):
                client.delete(key)
        client.close()

    def log(self, program: str) -> str:
        """Return what a program has logged."""
        return (self.folder / "logs" / f"{program}.log").read_text()


@contextmanager
def a_system(folder: Path, **settings: str) -> Iterator[System]:
    """Start everything in `folder`, on free ports, with short delays; stop it afterwards."""
    said: list[str] = []
    is_up = threading.Event()
    deeds = ThreadPoolExecutor(1)
    with (
        own_ports(PORTS) as ports,
        stack(folder, _inherited() | FAST | ports | settings, said.append, durable=False) as ours,
    ):
        supervisor = Supervisor(
            ours.programs, said.append, folder / "logs", ours.services.embedded, on_up=is_up.set
        )
        codes: list[int] = []
        thread = threading.Thread(target=lambda: codes.append(supervisor.run()))
        thread.start()
        try:
            up_or_down = lambda: is_up.is_set() or not thread.is_alive()  # noqa: E731
            eventually(up_or_down, 90, lambda: "\n".join(said))
            assert is_up.is_set(), "\n".join(said)
            system = System(ours, supervisor, folder, said, deeds)
            yield system
            for db in system.asking:
                db.close()
        finally:
            supervisor.stop()
            thread.join(90)
            deeds.shutdown()
    assert codes == [0], (codes, said)


@contextmanager
def own_ports(names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Choose a free port for each name. Nobody else who chooses so gets it until the block ends.

    Programs listen seconds after their ports were chosen, and other systems start meanwhile. A name
    in the kernel's own space says whose a port is; it goes when the process does.
    """
    with ExitStack() as held:
        ports: dict[str, str] = {}
        for port in random.SystemRandom().sample(PORT_RANGE, len(PORT_RANGE)):
            if len(ports) == len(names):
                break
            if not is_free(port):
                continue
            claim = held.enter_context(socket.socket(socket.AF_UNIX))
            with suppress(OSError):  # somebody else has it
                claim.bind(f"\0paylink-test-{port}")
                ports[names[len(ports)]] = str(port)
        assert len(ports) == len(names), "no port is free"
        yield ports


def _inherited() -> dict[str, str]:
    import os

    kept = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "VERIFIER")
    return {name: os.environ[name] for name in kept if name in os.environ}


def eventually(
    look: Callable[[], T | None],
    within_s: float,
    explain: Callable[[], str] = lambda: "",
    *,
    promised: bool = False,
) -> T:
    """Return the first true answer of `look`; fail with an explanation when the time is over.

    `promised`: the time is what the product promises, and not what a free machine takes for it.
    """
    within_s *= 1.0 if promised else PATIENCE
    deadline = time.monotonic() + within_s
    pause, pause_s = threading.Event(), LOOK_S
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {explain()}")
        pause.wait(pause_s)
        if not promised:
            pause_s = min(1.5 * pause_s, LOOK_AT_LEAST_S)
