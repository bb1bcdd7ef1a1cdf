"""F18, a poison message: it kills its workers so often, then it is parked, and others go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import uuid_utils.compat
from sqlalchemy import Engine, create_engine, insert, text

from domain.checkout import Checkout
from domain.commands import Command
from domain.means import Method
from domain.payment import Mode
from ops import apikeys
from ops.dev.services import Services
from ops.migrate import migrate
from ops.queue.wakes import Wakes
from ops.seed import DEMO_MERCHANT, Sandbox, seed
from ops.store import rows, tables
from ops.store.engine import driver_url
from ops.vault import Vault
from tests.ops.queue_rig import QueueServer
from tests.workers.circuit_rig import free_port
from tests.workers.poison_program import MAX_STARTS, POISON

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]
DATABASE = "paylink_poison"
KEY, PEPPER = b"k" * 32, "p" * 32
#: A worker that has neither died nor finished by then never will, on the busiest machine.
LIMIT_S = 90


@pytest.fixture
def engine(servers: Services) -> Iterator[Engine]:
    with create_engine(
        driver_url(servers.database_url), isolation_level="AUTOCOMMIT"
    ).connect() as db:
        db.execute(text(f"CREATE DATABASE {DATABASE}"))
        url = servers.database_url.rpartition("/")[0] + f"/{DATABASE}"
        migrate(url)
        engine = create_engine(driver_url(url))
        gateway = [Sandbox("one", "http://127.0.0.1:1", "sk", "whsec")]
        seed(engine, Vault({"k1": KEY}), PEPPER.encode(), apikeys.new_key(Mode.TEST)[1], gateway)
        yield engine
        engine.dispose()
        db.execute(text(f"DROP DATABASE {DATABASE} WITH (FORCE)"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[QueueServer]:
    server = QueueServer(tmp_path)
    yield server
    server.kill()


def accept(engine: Engine, description: str) -> UUID:
    """Write a payment that is due for its charge."""
    id_: UUID = uuid_utils.compat.uuid7()
    checkout = Checkout(5_000, "USD", Method("card", "tok"), description=description)
    terms = (DEMO_MERCHANT, Mode.TEST, datetime.now(UTC), timedelta(minutes=30), "req-1")
    values = rows.payment_insert(checkout.payment(id_, *terms), Vault({"k1": KEY}))
    with engine.begin() as db:
        db.execute(insert(tables.payments).values(values | {"next_command": Command.CHARGE.value}))
    return id_


def row(engine: Engine, id_: UUID) -> dict[str, Any]:
    with engine.begin() as db:
        found = db.execute(text("SELECT * FROM payments WHERE id = :id"), {"id": id_})
        return dict(found.mappings().one())


def woken_until(condition: Callable[[], bool], wakes: Wakes, *ids: UUID) -> None:
    """Wake rows every second, as the sweep would: a wake-up is lost while the lease of a worker that
    has just died is still held."""
    tick = threading.Event()
    for _ in range(LIMIT_S):
        for id_ in ids:
            wakes.wake(Command.CHARGE, id_, "req-1")
        for _ in range(20):
            if condition():
                return
            tick.wait(0.05)
    raise AssertionError(f"still waiting for {ids}")


def is_paid(engine: Engine, id_: UUID) -> bool:
    return bool(row(engine, id_)["status"] == "captured")


def has_ended(engine: Engine, program: subprocess.Popen[bytes], poison: UUID) -> bool:
    return program.poll() is not None or row(engine, poison)["parked_at"] is not None


@contextmanager
def a_worker(environ: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the real workers in processes of their own, killed when the block ends."""
    shared = folder / "metrics"
    shared.mkdir(exist_ok=True)
    told = {"PROMETHEUS_MULTIPROC_DIR": str(shared), "WORKER_METRICS_PORT": str(free_port())}
    arguments = ["tests.workers.poison_program:setup", "-p", "1", "-t", "2", "--skip-logging"]
    with (folder / "out").open("ab") as out:
        program = subprocess.Popen(
            [sys.executable, "-m", "dramatiq", *arguments],
            cwd=ROOT,
            env=os.environ | environ | told,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield program
    finally:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def test_f18_what_kills_its_workers_is_parked_and_others_go_on(
    engine: Engine, server: QueueServer, tmp_path: Path
) -> None:
    environ = {
        "DATABASE_URL": engine.url.set(drivername="postgresql").render_as_string(False),
        "REDIS_URL": server.url,
        "ENCRYPTION_KEY": f"k1:{KEY.hex()}",
        "API_KEY_PEPPER": PEPPER,
        "AUDIT_KEY": "a" * 32,
    }
    wakes, poison = server.wakes(), accept(engine, POISON)
    first, *others = (accept(engine, "good") for _ in range(4))
    deaths = 0
    while row(engine, poison)["parked_at"] is None:
        with a_worker(environ, tmp_path) as program:
            if not deaths:
                woken_until(lambda: is_paid(engine, first), wakes, first)
            woken_until(lambda: has_ended(engine, program, poison), wakes, poison)
            deaths += program.poll() is not None
            if program.poll() is None:
                woken_until(lambda: all(is_paid(engine, id_) for id_ in others), wakes, *others)
        assert deaths <= MAX_STARTS

    assert deaths == MAX_STARTS
    found = row(engine, poison)
    assert (found["status"], found["parked_reason"], found["owner"]) == (
        "pending",
        "poison",
        "operations",
    )
    assert found["next_run_at"] is None
    with engine.begin() as db:
        attempts = "SELECT count(*) FROM payment_attempts WHERE payment_id = :id"
        assert db.execute(text(attempts), {"id": poison}).scalar_one() == 0
        audit = "SELECT count(*) FROM audit_logs WHERE action = 'payment.parked'"
        assert db.execute(text(audit)).scalar_one() == 1
