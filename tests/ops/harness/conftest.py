"""A small world in which everything is right: three orders, carried out, and the ledger of each."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, text

from domain.commands import Command
from domain.events import Actor, payment_told
from domain.money import CURRENCIES, Money
from domain.operation_events import payout_told, refund_told
from domain.payment import Payment
from domain.payout import Payout
from domain.policy import Policy
from domain.ports import Runtime
from domain.refund import Refund, rebalanced
from ops.harness.verdict import Kind, LedgerFile, Verdict, judge
from ops.store import rows, tables
from ops.store.story import tell
from tests.scripted import Board, Scripted, Windows, paid
from tests.stage import run
from tests.store.books import checkout_payment, new_payout, new_refund
from tests.store.conftest import MERCHANT, Books, books, database

__all__ = ["World", "books", "database", "found", "world"]

AUDIT_KEY = b"a" * 32


@dataclass(slots=True)
class World:
    """Our books on PostgreSQL, and ledgers that a test may write whatever it likes into."""

    books: Books
    folder: Path
    payment: UUID
    refund: UUID
    payout: UUID
    merchant: UUID = MERCHANT

    def verdict(self, **asked: Any) -> Verdict:
        """Judge the world."""
        return judge(self.books.engine, self.files, AUDIT_KEY, **asked)

    @property
    def files(self) -> dict[str, LedgerFile]:
        kinds = {"one": Kind.HOUSE, "two": Kind.STAGE}
        return {
            name: LedgerFile(self.folder / f"{name}.jsonl", kind) for name, kind in kinds.items()
        }

    def attempt(self, root: UUID, operation: str) -> UUID:
        """The attempt of a payment, refund or payout."""
        (row,) = self.books.sql(
            "SELECT id FROM payment_attempts WHERE operation = :operation"
            " AND :root IN (payment_id, refund_id, payout_id)",
            root=root,
            operation=operation,
        )
        assert isinstance(row["id"], UUID)
        return row["id"]

    def write(self, kind: str, reference: UUID, amount: int = 0, **more: object) -> None:
        """Write a line into the ledger of gateway `one`, as the house's sandbox does."""
        _write(self.folder / "one.jsonl", kind, reference, amount, **more)

    def forget(self, kind: str) -> None:
        """Take the lines of a kind out of that ledger."""
        ledger = self.folder / "one.jsonl"
        kept = [line for line in ledger.read_text().splitlines() if f'"kind":"{kind}"' not in line]
        ledger.write_text("".join(f"{line}\n" for line in kept))

    def tamper(self, statement: str, **values: object) -> None:
        """Change the database past every guard."""
        with self.books.engine.begin() as db:
            db.execute(text("SET LOCAL session_replication_role = replica"))
            assert db.execute(text(statement), values).rowcount > 0


@pytest.fixture
def world(books: Books, tmp_path: Path) -> World:
    """A captured payment of 1000, 400 of it refunded, and a payout of 700; all at gateway `one`."""
    runtime = a_runtime(books, Scripted("one", paid, refunds=[paid], payouts=[paid]))
    payment = a_payment(books)
    run(Command.CHARGE, payment.id, runtime)
    refund = a_refund(books, payment.id)
    run(Command.REFUND, refund.id, runtime)
    payout = a_payout(books)
    run(Command.PAYOUT, payout.id, runtime)
    world = World(books, tmp_path, payment.id, refund.id, payout.id)
    (tmp_path / "two.jsonl").touch()
    for kind, root, operation, amount in (
        ("charge", payment.id, "charge", 1000),
        ("refund", refund.id, "refund", 400),
        ("payout", payout.id, "payout", 700),
    ):
        attempt = world.attempt(root, operation)
        world.write(kind, attempt, amount)
        world.write("key", attempt, key=f"{attempt.hex}a")
    return world


def found(verdict: Verdict, *names: str) -> str:
    """Assert that these lists have something and the other faults nothing; return all words."""
    assert {name for name, n in verdict.counts.items() if n} == set(names), verdict.report()
    assert not verdict.clean
    return verdict.report()


def a_runtime(books: Books, *gateways: Scripted) -> Runtime:
    """A worker on the real store, whose gateways answer by script."""
    return Runtime(
        store=books.store,
        gateways=Board({one.row.id: one for one in gateways}),
        velocity=Windows(),
        policy=Policy(),
        owner=11,
        new_id=books.new_id,
        monotonic=monotonic,
        draw=lambda: 0.5,
        wake=lambda *_: None,
        draining=lambda: False,
    )


def a_payment(books: Books, command: Command = Command.CHARGE) -> Payment:
    """Write a payment as the door does, screened already."""
    payment = replace(checkout_payment(books), next_command=command)
    with books.engine.begin() as db:
        db.execute(insert(tables.payments).values(rows.payment_insert(payment, books.vault)))
        tell(db, [payment_told(None, payment, Actor.MERCHANT, "key:k")])
    return payment


def a_refund(books: Books, payment_id: UUID, minor: int = 400) -> Refund:
    """Ask 400 of a payment back, as the door does."""
    with books.store.begin() as work:
        payment = work.lock_payment(payment_id)
        (charge,) = work.attempts(payment_id)
        money = Money(minor, CURRENCIES["USD"])
        refund = new_refund(books, payment_id, charge.id, money=money)
        work.add_refund(refund)
        work.save_payment(rebalanced(payment, None, refund))
        work.tell(refund_told(None, refund, Actor.MERCHANT, "key:k"))
    return refund


def a_payout(books: Books) -> Payout:
    """Ask for a payout of 700, as the door does."""
    payout = new_payout(books)
    with books.store.begin() as work:
        work.add_payout(payout)
        work.tell(payout_told(None, payout, Actor.MERCHANT, "key:k"))
    return payout


def _write(ledger: Path, kind: str, reference: UUID, amount: int, **more: object) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"kind": kind, "seq": 1, "at": at, "payment": "sp_1", "currency": "USD"}
    line |= {"reference": reference.hex, "amount": amount} | more
    with ledger.open("a") as text_:
        text_.write(json.dumps(line, separators=(",", ":")) + "\n")
