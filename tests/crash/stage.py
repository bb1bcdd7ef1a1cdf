"""The stage of the matrix: one PostgreSQL, one Redis, and slots on which cells play side by side.

A slot is a database and a Redis database of its own, so that no sweep and no worker of one cell meets
a row of another one's that runs at the same time. Cells of one slot play one after another, each for
a merchant of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg
import redis
from psycopg import sql
from psycopg.rows import dict_row
from sqlalchemy import Engine

from domain.payment import Mode
from ops import apikeys
from ops.dev.services import Services
from ops.migrate import migrate
from ops.runtime import new_id
from ops.seed import DEMO_RATE_PER_MINUTE, SCOPES
from ops.settings import Settings
from ops.store import tables
from ops.store.engine import open_engine
from ops.store.gateways import Account, write_account
from ops.vault import Vault
from tests.crash.cells import Cell
from tests.crash.child import GO_ON, REST
from tests.crash.deeds import PLANS
from tests.crash.family import READY_S, ROOT, Child, Family, a_family
from tests.crash.ledgers import Ledgers
from tests.crash.orders import Order, Role
from tests.crash.providers import Postbox, providers

#: Cells that play at the same time. They mostly wait for leases to end.
SLOTS = 10
#: Redis has 16 databases; the first one is everybody's.
FIRST_REDIS = 1
TEMPLATE = "crash"
#: What the successor serves: the commands of every deed.
EVERYTHING = tuple(sorted({command for plan in PLANS.values() for command in plan.commands}))
SECRETS = {
    "ENCRYPTION_KEY": "5a" * 32,
    "API_KEY_PEPPER": "pepper-of-the-crash-matrix-0123456789",
    "AUDIT_KEY": "audit-key-of-the-crash-matrix-0123456789",
}
#: A worker that was told to rest would wait three seconds before it says that it does.
QUICK_REST = {"dramatiq_restart_delay": "50"}
#: No provider of the matrix speaks TLS, and reading the machine's certificates takes a young process
#: longer than charging.
NO_CERTIFICATES = {"SSL_CERT_FILE": os.devnull}
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "VERIFIER")


#: The values of a query, by place or by name.
Query: TypeAlias = Sequence[object] | Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Merchant:
    """Whose money a cell moves."""

    id: UUID
    key: str = field(repr=False)


class Slot:
    """Where cells play one after another."""

    def __init__(self, number: int, stage: Stage) -> None:
        self.number = number
        self.stage = stage
        self.environ = {
            **stage.environ,
            "DATABASE_URL": _named(stage.services.database_url, f"{TEMPLATE}_{number}"),
            "REDIS_URL": _named(stage.services.redis_url, str(FIRST_REDIS + number)),
        }
        self.settings = Settings.from_env(self.environ)
        self.engine: Engine = open_engine(self.settings.database_url, f"slot-{number}", 2)
        url = self.settings.database_url
        self._asking = psycopg.connect(url, autocommit=True, row_factory=dict_row)
        self.redis = redis.Redis.from_url(self.settings.redis_url)
        self._door: Child | None = None
        self._successor: Child | None = None

    def sql(self, query: str, values: Query = ()) -> list[dict[str, Any]]:
        """Ask the slot's database; cells of a slot play one after another, and so do questions."""
        return self._asking.execute(query, values).fetchall()

    def order(self, role: Role, name: str, **more: Any) -> Order:
        """Return the order of a child that plays here; `name` is its log's."""
        log = str(self.stage.folder / f"{name}.log")
        return Order(role, self.environ, log, **more)

    def open_door(self) -> Child:
        """Return the honest door: it answers whoever is not at a door that is struck."""
        if self._door is None or not self._door.alive:
            self._door = self.stage.family.ready(self.order(Role.DOOR, f"door-{self.number}"))
        return self._door

    def successor(self) -> Child:
        """Return the worker beside the one that is struck. It rests until it is told to go on."""
        if self._successor is None or not self._successor.alive:
            order = self.order(Role.WORKER, f"next-{self.number}", commands=EVERYTHING)
            self._successor = self.stage.family.ready(order)
            self.rest()
        return self._successor

    def go_on(self) -> None:
        """Have the successor work."""
        self.successor().signal(GO_ON)

    def rest(self) -> None:
        """Have it rest."""
        child = self._successor
        if child is None:
            return
        child.forget("rests")
        child.signal(REST)
        child.wait("rests", READY_S)

    def dismiss(self) -> list[Child]:
        """End the honest ones and return them: something went wrong among them, and the next cell
        is to know nothing of it."""
        honest = [child for child in (self._door, self._successor) if child is not None]
        for child in honest:
            child.kill()
        return honest

    def merchant(self, cell: Cell) -> Merchant:
        """Write the merchant of a cell."""
        merchant_id = new_id()
        key_id, text = apikeys.new_key(Mode.TEST)
        key = apikeys.parse(text)
        assert key is not None
        with self.engine.begin() as db:
            db.execute(
                tables.merchants.insert().values(
                    id=merchant_id, name=cell.id, rate_limit_per_minute=DEMO_RATE_PER_MINUTE
                )
            )
            db.execute(
                tables.api_keys.insert().values(
                    id=key_id,
                    merchant_id=merchant_id,
                    mode=Mode.TEST.value,
                    secret_mac=apikeys.mac(self.settings.secrets.pepper, key_id, key.secret),
                    scopes=list(SCOPES),
                )
            )
        return Merchant(merchant_id, text)

    def close(self) -> None:
        """Let go."""
        self._asking.close()
        self.engine.dispose()
        self.redis.close()


@dataclass(frozen=True)
class Stage:
    """Everything that the cells share."""

    services: Services
    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    family: Family
    postbox: Postbox
    ledgers: Ledgers


@contextmanager
def a_stage(services: Services, folder: Path, slots: int = SLOTS) -> Iterator[Sequence[Slot]]:
    """Put everything up: simulators, a nursery, and `slots` databases with the gateways in them."""
    basics = {name: os.environ[name] for name in KEPT if name in os.environ}
    basics |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **QUICK_REST, **NO_CERTIFICATES}
    environ = basics | SECRETS | {"APP_ENV": "test", "LOG_LEVEL": "INFO", "DB_POOL_SIZE": "2"}
    # On crowded cores a tenth of a second is not enough for Redis, and payments go another way.
    environ |= {"VELOCITY_BUDGET_S": "5"}
    with ExitStack() as stack:
        postbox = Postbox()
        stack.callback(postbox.close)
        family = stack.enter_context(a_family(basics, folder / "nursery.log"))
        accounts = stack.enter_context(providers(folder, postbox, basics))
        ledgers = Ledgers({one.id: folder / f"{one.id}.jsonl" for one in accounts})
        stage = Stage(services, folder, environ, family, postbox, ledgers)
        _databases(services.database_url, slots, accounts)
        found = [Slot(number, stage) for number in range(slots)]
        for slot in found:
            stack.callback(slot.close)
        yield found


def _databases(database_url: str, slots: int, accounts: Sequence[Account]) -> None:
    """Make one database with everything in it, and copy it for each slot."""
    with psycopg.connect(database_url, autocommit=True) as db:
        for name in (TEMPLATE, *(f"{TEMPLATE}_{number}" for number in range(slots))):
            db.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(name)))
        db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    template_url = _named(database_url, TEMPLATE)
    migrate(template_url)
    settings = Settings.from_env(SECRETS | {"DATABASE_URL": template_url, "REDIS_URL": "redis://x"})
    engine = open_engine(template_url, "crash-seed", 1)
    vault = Vault(settings.secrets.keyring)
    with engine.begin() as write:
        for account in accounts:
            write_account(write, vault, account)
    engine.dispose()
    with psycopg.connect(database_url, autocommit=True) as db:
        for number in range(slots):
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            copied = sql.Identifier(f"{TEMPLATE}_{number}")
            db.execute(copy.format(copied, sql.Identifier(TEMPLATE)))


def _named(url: str, path: str) -> str:
    """Return the address of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


def a_key() -> str:
    """Return an idempotency key that nobody has used."""
    return f"crash-{new_id().hex}"
