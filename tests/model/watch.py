"""The watch: looks at every request as its bytes leave, which no look at the end could make good."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from uuid import UUID

from domain.attempt import Attempt, Operation
from domain.ids import Kind, parse
from domain.payment import INACTIVE, Payment

if TYPE_CHECKING:
    from tests.model.bank import Bank
    from tests.model.world import World


class Watch:
    """Refuses what laws 3 and 5 forbid, at the moment when it is too late."""

    def __init__(self, world: World) -> None:
        self._world = world
        #: Requests by what they were, for whoever wants to know that anything happened.
        self.sends: Counter[Operation] = Counter()
        #: Attempts of which a request was ever sent.
        self._heard: set[UUID] = set()
        #: What was told of each payment last, and how much of all that was told has been read.
        self._told: dict[UUID, str] = {}
        self._read = 0
        self._ended: set[UUID] = set()

    def in_no_transaction(self) -> None:
        """No transaction is open while anything is asked of anybody outside."""
        assert not self._world.store.in_transaction, "law 3: a call inside a transaction"

    def outside(self, attempt: Attempt) -> None:
        """The same, of a call about an attempt; and there is such an attempt."""
        self.in_no_transaction()
        assert self._world.committed(attempt.id) is not None, "law 3: a call without an attempt"

    def sent(self, attempt: Attempt, bank: Bank) -> None:
        """The first byte of an attempt's request leaves now."""
        row = self._world.committed(attempt.id)
        assert row is not None, "law 3: bytes without a committed attempt"
        self.sends[row.operation] += 1
        assert row.request == attempt.request, "law 3: other bytes than were written down"
        assert row.gateway_id == bank.id, "law 3: another gateway than was written down"
        known = row.id in self._heard
        self._heard.add(row.id)
        # A copy of what its provider has heard of is answered by its key, whatever we know by now.
        assert row.blocks or known, f"law 4: sent although it was written off ({row.state})"
        moves = attempt.provider_id is not None or not bank.splits(row.operation)
        assert row.confirming or not moves, "law 3: the money was asked for before that was stored"
        last = max(row.send_before, row.key_window_ends)
        now = self._world.clock.now()
        assert now <= last, f"law 5: sent at {now}, although the key protected until {last} only"

    def committed(self) -> None:
        """A transaction has ended: its moves of payments were told, and whoever ended one without
        money has proof of every charge."""
        told = self._world.store.books.told
        for one in told[self._read :]:
            entry = one.entry
            if entry.entity == "payment" and "status" in entry.after:
                self._told[parse(Kind.PAYMENT, entry.entity_id)] = str(entry.after["status"])
        self._read = len(told)
        for kept in self._world.store.books.payments:
            status, id_ = kept.row.status, kept.row.id
            known = self._told.setdefault(id_, status)
            assert known == status, (
                f"law 10: {id_} went from {known} to {status}, and nobody was told"
            )
            _sums(kept.row)
            if status in INACTIVE and id_ not in self._ended:
                self._ended.add(id_)
                for attempt in self._charges(id_):
                    ended = f"{status} beside a charge that is {attempt.state}"
                    assert not attempt.blocks, f"law 4: {ended}"

    def _charges(self, payment_id: UUID) -> list[Attempt]:
        rows = [kept.row for kept in self._world.store.books.attempts.among(payment_id)]
        return [row for row in rows if row.operation is Operation.CHARGE]


def _sums(payment: Payment) -> None:
    """Law 6, of the row itself, after every commit."""
    assert 0 <= payment.amount_captured <= payment.amount_authorized <= payment.money.minor
    assert min(payment.amount_refunded, payment.amount_refund_pending) >= 0
    back = payment.amount_refunded + payment.amount_refund_pending
    assert back <= payment.amount_captured, f"I7: {back} goes back of {payment.amount_captured}"
    assert payment.amount_reversed <= payment.amount_captured
