"""A stage for the commands: books of their own, payments with a history, and the command itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import Engine, insert, text
from typer.testing import CliRunner

from domain.attempt import Attempt, Operation
from domain.checkout import Checkout
from domain.events import Actor, payment_told
from domain.flows.charge import charge
from domain.flows.screen import screen
from domain.fraud.features import NO_HISTORY, Velocity
from domain.ids import Kind, public
from domain.means import Card, Customer, Method
from domain.outcome import Lookup, NotFound, Outcome
from domain.payment import Mode
from domain.policy import Policy
from domain.ports import Budget, Declaration, Gateway, GoOn, Permit, Promise, Runtime
from domain.routing import GatewayRow
from domain.vaulted import Detachment
from domain.webhook import Hint
from ops.cli import build_app
from ops.seed import DEMO_MERCHANT
from ops.store import rows, tables
from ops.store.ledger import seal
from ops.store.postgres import PostgresStore
from ops.store.story import tell
from ops.vault import Vault

KEY = b"k" * 32
AUDIT_KEY = "a" * 32
TOKEN = "tok_that_must_never_be_shown"
EMAIL = "payer@mail.example"
ADDRESS = "203.0.113.99"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Books with a demo merchant and the gateways `one` and `two`."""

    engine: Engine
    environ: Mapping[str, str] = field(repr=False)

    def run(self, *args: str, code: int = 0, environ: Mapping[str, str] | None = None) -> Ran:
        """Run `paylink` on these books, and check its exit code."""
        ran = run(*args, **{**self.environ, **(environ or {})})
        assert ran.code == code, ran
        return ran

    def sql(self, query: str, **values: object) -> list[dict[str, Any]]:
        with self.engine.begin() as db:
            found = db.execute(text(query), values)
            return [dict(row) for row in found.mappings()] if found.returns_rows else []

    def audit(self) -> list[tuple[str, str, str]]:
        """Return (actor, action, entity id) of what was told to both the audit and the outbox."""
        entries = self.sql("SELECT actor, action, entity_id FROM audit_logs ORDER BY id")
        events = self.sql("SELECT type, aggregate_id FROM outbox_events ORDER BY id")
        assert [tuple(row.values())[1:] for row in entries] == [tuple(e.values()) for e in events]
        return [(row["actor"], row["action"], row["entity_id"]) for row in entries]

    def seal(self) -> int:
        return seal(self.engine, AUDIT_KEY.encode())

    @contextmanager
    def forging(self, table: str) -> Iterator[None]:
        """Let the block change what the database itself would refuse to change."""
        self.sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        self.sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    def accept(self, amount: int = 12_550, **more: Any) -> UUID:
        """Write a payment as the door does, with everything in it that may not be shown."""
        checkout = Checkout(
            amount=amount,
            currency="EUR",
            method=Method("card", TOKEN, Card(fingerprint="fp_secret")),
            customer=Customer("c-1", EMAIL, ADDRESS),
            description="a gift for Ms Example",
            metadata={"phone": "+1 555 0100"},
            **more,
        )
        id_: UUID = uuid_utils.compat.uuid7()
        now = datetime.now(UTC)
        payment = checkout.payment(
            id_, DEMO_MERCHANT, Mode.TEST, now, timedelta(minutes=30), "req-1"
        )
        with self.engine.begin() as db:
            values = rows.payment_insert(payment, Vault({"k1": KEY}))
            db.execute(insert(tables.payments).values(values))
            tell(db, [payment_told(None, payment, Actor.MERCHANT, "key:demo")])
        return id_

    def pay(self, outcomes: Mapping[str, Outcome], **more: Any) -> str:
        """Take a payment as far as these gateways' answers let it go; returns its public id."""
        id_ = self.accept(**more)
        runtime = self.runtime(outcomes)
        screen(id_, runtime)
        charge(id_, runtime)
        return public(Kind.PAYMENT, id_)

    def runtime(self, outcomes: Mapping[str, Outcome]) -> Runtime:
        vault = Vault({"k1": KEY})
        ticks = itertools.count()
        return Runtime(
            store=PostgresStore(self.engine, vault, uuid_utils.compat.uuid7),
            gateways=_Gateways(outcomes),
            velocity=_NoVelocity(),
            policy=Policy(),
            owner=7,
            new_id=uuid_utils.compat.uuid7,
            monotonic=lambda: float(next(ticks)),
            draw=lambda: 0.5,
            wake=lambda *_: None,
            draining=lambda: False,
        )


def run(*args: str, **environ: str) -> Ran:
    """Run `paylink` with exactly these settings."""
    names = ("DATABASE_URL", "REDIS_URL", "DB_HOST", "APP_ENV", "PAYLINK_DATA", "DEMO_API_KEY")
    clean: dict[str, str | None] = dict.fromkeys(names)
    wide = {"COLUMNS": "240"}
    result = CliRunner().invoke(build_app(), list(args), env={**clean, **wide, **environ})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


@dataclass(frozen=True, slots=True)
class _Gateways:
    """Gateways that answer as scripted; one without a script is not configured here."""

    outcomes: Mapping[str, Outcome]

    def get(self, gateway_id: str) -> Gateway | None:
        return _Scripted(self.outcomes[gateway_id]) if gateway_id in self.outcomes else None

    def admit(self, gateway: GatewayRow, operation: Operation, *, retry: bool) -> Permit:
        return _Scripted(self.outcomes[gateway.id])


@dataclass(frozen=True, slots=True)
class _Scripted:
    """A gateway, and a permit for it."""

    outcome: Outcome

    @property
    def declaration(self) -> Declaration:
        promises = dict.fromkeys(Operation, Promise(timedelta(days=1), authoritative=True))
        return Declaration("sandbox", 1, promises, can_void=True, can_3ds=True)

    def compose(self, payment: object, reference: str) -> bytes:
        return b'{"token": "' + TOKEN.encode() + b'"}'

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self.outcome

    def send(self, attempt: Attempt, budget: Budget, go_on: GoOn) -> Outcome:
        return self.outcome

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self.outcome

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self.outcome

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self.outcome

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self.outcome

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self.outcome

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        return self.outcome

    def probe(self, budget: Budget) -> bool:
        return True

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        return NotFound()

    def read_notice(self, body: bytes) -> Hint | None:
        return None

    def give_back(self) -> None:
        return None


class _NoVelocity:
    """Nobody has paid before."""

    def observe(self, payment_id: UUID, **_: Any) -> Velocity | None:
        return NO_HISTORY

    def declined(self, **_: Any) -> None:
        return None
