"""A shop: flows on books behind the proxy, and a provider that keeps a ledger of its own."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from domain.attempt import Attempt
from domain.commands import Command
from domain.errors import LeaseLost
from domain.outcome import Lookup, NotFound, Succeeded
from domain.policy import Policy
from domain.ports import Refused, Runtime
from ops.store.engine import open_engine
from ops.store.postgres import PostgresStore
from tests.builders import OWNER
from tests.scripted import Board, Scripted, Windows
from tests.stage import run
from tests.store.books import a_payment
from tests.store.conftest import Books

Wake: TypeAlias = Callable[[Command, UUID, str], None]

#: Runs after which everything must have come to an end: a bound, not a measure.
ROUNDS = 12
#: What a worker survives: the run has crashed, the row says what comes next.
CRASHES = (SQLAlchemyError, LeaseLost)


def nobody(command: Command, row_id: UUID, request_id: str) -> None:
    """Wake nobody."""


_DUE = """
SELECT next_command AS command, id FROM payments
 WHERE id = :id AND next_run_at <= clock_timestamp()
UNION ALL
SELECT 'resolve_attempt', id FROM payment_attempts
 WHERE payment_id = :id AND next_run_at <= clock_timestamp()
"""


@dataclass
class Till:
    """A provider's ledger: the same key is one charge, as real providers have it."""

    books: Books
    #: What was taken, by payment and key.
    taken: dict[UUID, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    #: Keys in the order in which they came, by payment.
    asked: dict[UUID, list[str]] = field(default_factory=lambda: defaultdict(list))

    def take(self, attempt: Attempt) -> Lookup:
        """Charge once per key. What comes must have been written down before (law 3)."""
        written = self.books.sql(
            "SELECT 1 AS is_there FROM payment_attempts WHERE id = :id", id=attempt.id
        )
        assert written, "a request was sent whose attempt is not committed"
        self.asked[attempt.root_id].append(attempt.key())
        self.taken[attempt.root_id].setdefault(attempt.key(), attempt.money.minor)
        return Succeeded(f"ch_{attempt.id.hex}", attempt.money)

    def find(self, attempt: Attempt) -> Lookup:
        """Tell what is known under the attempt's reference."""
        if attempt.key() in self.taken[attempt.root_id]:
            return Succeeded(f"ch_{attempt.id.hex}", attempt.money)
        return NotFound()


class Shop:
    """Workers without a queue: what is due is run, what crashes is run again later."""

    def __init__(self, books: Books, database_url: str, wake: Wake = nobody) -> None:
        """`database_url` leads to the books as the flows see them, through a proxy or not."""
        self.books = books
        self.engine = open_engine(database_url, "faults", 4)
        self.till = Till(books)
        self.store = PostgresStore(self.engine, books.vault, books.new_id)
        self.crashes: list[BaseException] = []
        self._gateways = {
            id_: Scripted(id_, self.till.take, lookups=[self.till.find]) for id_ in ("one", "two")
        }
        self.runtime = Runtime(
            store=self.store,
            gateways=Board(self._gateways),
            velocity=Windows(None),
            policy=Policy(),
            owner=OWNER,
            new_id=books.new_id,
            monotonic=time.monotonic,
            draw=lambda: 0.5,
            wake=wake,
            draining=lambda: False,
        )

    def close(self) -> None:
        self.engine.dispose()

    def board(self, gateway: Scripted) -> None:
        """Let this gateway answer instead of the one of its name."""
        self._gateways[gateway.row.id] = gateway

    def refuse(self, refusal: Refused | None) -> None:
        """Let no gateway have a slot, for this reason; or let them have slots again."""
        for gateway in self._gateways.values():
            gateway.refusing = refusal

    def a_payment(self) -> UUID:
        """Write a payment that is due for screening."""
        return a_payment(self.books)

    def run(self, command: Command, id_: UUID) -> BaseException | None:
        """Run a flow as its actor does; a crash is what a worker logs."""
        try:
            run(command, id_, self.runtime)
        except CRASHES as crash:
            self.crashes.append(crash)
            return crash
        return None

    def work(self, payment_id: UUID) -> int:
        """Run whatever is due for the payment now, once. Returns how much that was."""
        due = self.books.sql(_DUE, id=payment_id)
        for one in due:
            id_ = one["id"]
            assert isinstance(id_, UUID)
            self.run(Command(str(one["command"])), id_)
        return len(due)

    def finish(self, payment_id: UUID) -> None:
        """Let time pass, and work, until the payment has come to its end."""
        for _ in range(ROUNDS):
            if self.payment(payment_id)["status"] == "captured":
                return
            if not self.work(payment_id):
                self.later(payment_id)
        raise AssertionError(f"no end: {self.payment(payment_id)} {self.attempts(payment_id)}")

    def later(self, payment_id: UUID) -> None:
        """Time passes: what waited is due. Leases of this owner count as ended anyway: nobody
        holds its lock."""
        for table, column in (("payments", "id"), ("payment_attempts", "payment_id")):
            self.books.sql(
                f"UPDATE {table} SET next_run_at = clock_timestamp()"
                f" WHERE {column} = :id AND next_run_at IS NOT NULL",
                id=payment_id,
            )

    def payment(self, payment_id: UUID) -> dict[str, Any]:
        (row,) = self.books.sql("SELECT * FROM payments WHERE id = :id", id=payment_id)
        return row

    def attempts(self, payment_id: UUID) -> list[dict[str, Any]]:
        return self.books.sql(
            "SELECT id, number, state, proof, cause, gateway_id FROM payment_attempts"
            " WHERE payment_id = :id ORDER BY number",
            id=payment_id,
        )

    def paid_once(self, payment_id: UUID) -> None:
        """The payment is captured, and provider and books agree that it was charged once."""
        payment = self.payment(payment_id)
        assert (payment["status"], payment["amount_captured"]) == ("captured", payment["amount"])
        taken = self.till.taken[payment_id]
        assert list(taken.values()) == [payment["amount"]], (taken, self.attempts(payment_id))
        assert len(set(self.till.asked[payment_id])) == 1, "two keys were sent"
        booked = self.books.sql(
            "SELECT type, amount FROM transactions WHERE payment_id = :id", id=payment_id
        )
        assert [(row["type"], row["amount"]) for row in booked] == [("sale", payment["amount"])]
