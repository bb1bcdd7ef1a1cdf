"""The judge: our books beside the ledgers of the providers, to the unit, after every history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from domain.attempt import Attempt, Operation, State
from domain.due import Reason
from domain.facts import Movement, Transaction, is_parked
from domain.payment import Payment
from domain.payout import Payout, PayoutStatus
from domain.refund import PROMISED, Refund, RefundKind, RefundStatus
from domain.webhook import Notice
from tests.model.ledger import Held, Transfer
from tests.model.merchant import Wish
from tests.model.trail import judge_trail
from tests.model.world import World

#: What each movement does to what the payer has paid us.
SIGNS: Final = {
    Movement.SALE: 1,
    Movement.CAPTURE: 1,
    Movement.REFUND: -1,
    Movement.REVERSAL: -1,
    Movement.REFUND_FAILURE: 1,
    Movement.CHARGEBACK: -1,
}


class Judge:
    """Compares. Whatever a person was asked about is not wrong, only open; charging twice always is."""

    def __init__(self, world: World) -> None:
        self._world = world

    def books(self) -> None:
        """Read everything. Raises `AssertionError` naming the law that is broken."""
        world = self._world
        judge_trail(world)
        self._nothing_due()
        for kept in world.store.books.payments:
            self._payment(kept.row)
        for paid in world.store.books.payouts:
            self._payout(paid.row)
        out = {process.name: len(process.slots) for process in world.processes if process.slots}
        assert not out, f"slots that nobody gave back: {out}"

    def answered(self, wishes: Sequence[Wish]) -> None:
        """Law 2: what a merchant was told to be accepted is there."""
        books = self._world.store.books
        for wish in wishes:
            for recorded, id_ in wish.answers:
                known = books.refunds.get(id_) or books.payments.get(id_)
                assert known is not None, f"law 2: {wish.named} was answered {recorded.status}"

    def _nothing_due(self) -> None:
        books = self._world.store.books
        rows: list[Payment | Attempt | Refund | Payout | Notice] = [
            *(kept.row for kept in books.payments),
            *(kept.row for kept in books.attempts),
            *(kept.row for kept in books.refunds),
            *(kept.row for kept in books.payouts),
            *(kept.row for kept in books.notices),
        ]
        left = [row.id for row in rows if row.due.next_run_at is not None]
        assert not left, f"law 2: due, and nobody comes: {left}"

    def _payment(self, payment: Payment) -> None:
        with self._world.store.begin() as work:
            attempts, refunds = work.attempts(payment.id), work.refunds(payment.id)
        parked: list[Payment | Attempt | Refund] = [payment, *attempts, *refunds]
        asked = any(row.due.parked is not None for row in parked)
        assert payment.final or asked, f"law 2: stuck as {payment.status}"
        theirs = self._charges(attempts)
        _charged_once(theirs)
        charges = [a for a in attempts if a.operation is Operation.CHARGE]
        own = [a for a in charges if a.state in (State.CAPTURED, State.REVERSED)]
        assert len(own) <= 1, "law 1: two charges are the payment's own"
        captured = sum(theirs[a.reference][0].captured for a in own if theirs.get(a.reference))
        if not asked:
            assert payment.amount_captured == captured, (
                f"I3: {payment.amount_captured} here, {captured} there"
            )
        for attempt in charges:
            if attempt not in own:
                found = theirs.get(attempt.reference, [])
                about = [a for a in attempts if a.target and a.target == attempt.provider_id]
                late = [one for one in refunds if one.charge_id == attempt.id]
                self._stray(attempt, found, (attempt, *about, *late))
        self._refunds(payment, attempts, refunds)
        if not asked:
            self._movements(payment, attempts, theirs)

    def _charges(self, attempts: Sequence[Attempt]) -> dict[str, list[Held]]:
        found: dict[str, list[Held]] = {}
        ours = {attempt.reference for attempt in attempts}
        for bank in self._world.banks:
            for one in bank.ledger.charges:
                if one.reference in ours:
                    found.setdefault(one.reference, []).append(one)
        return found

    def _stray(
        self, attempt: Attempt, theirs: list[Held], rows: Sequence[Attempt | Refund]
    ) -> None:
        """Money that is not the payment's own is known to a person, or has gone back."""
        if any(row.due.parked is not None for row in rows if not _goes_back(row)):
            return
        for one in theirs:
            assert one.state != "held", f"I3: {one.id} is held for nobody ({attempt.state})"
            if not one.captured or one.taken:
                continue
            back = self._back(one)
            assert back == one.captured, (
                f"law 9: {one.captured} of {one.id} are nobody's, {back} went back"
            )

    def _back(self, charge: Held) -> int:
        return sum(
            t.amount
            for bank in self._world.banks
            for t in bank.ledger.transfers
            if t.charge is charge and t.state == "done"
        )

    def _refunds(
        self, payment: Payment, attempts: Sequence[Attempt], refunds: Sequence[Refund]
    ) -> None:
        done = Counter(t.reference for t in self._transfers() if t.state == "done")
        for refund in refunds:
            of_it = [a for a in attempts if a.refund_id == refund.id]
            mine = [a for a in of_it if a.operation is Operation.REFUND]
            moved = sum(done[a.reference] for a in mine)
            assert moved <= 1, f"I7: refund {refund.id} went back {moved} times"
            if refund.due.parked is None and not any(a.due.parked for a in of_it):
                assert refund.status not in PROMISED, f"law 2: refund {refund.id} is stuck"
                if mine:
                    succeeded = refund.status is RefundStatus.SUCCEEDED
                    assert succeeded == (moved == 1), f"I3: refund {refund.id} is {refund.status}"
        own = [r for r in refunds if r.kind is not RefundKind.LATE]
        sums = (
            sum(r.money.minor for r in own if r.status is RefundStatus.SUCCEEDED),
            sum(r.money.minor for r in own if r.status in PROMISED),
        )
        assert (payment.amount_refunded, payment.amount_refund_pending) == sums, f"I7: {sums}"
        asked = Counter(r.charge_id for r in refunds if r.kind is RefundKind.LATE)
        assert max(asked.values(), default=0) <= 1, "law 9: given back twice"

    def _transfers(self) -> list[Transfer]:
        return [t for bank in self._world.banks for t in bank.ledger.transfers]

    def _movements(
        self, payment: Payment, attempts: Sequence[Attempt], theirs: dict[str, list[Held]]
    ) -> None:
        """What we have written down of money that moved is what moved."""
        written = [t for t in self._world.store.books.transactions if t.payment_id == payment.id]
        here = sum(_signed(one) for one in written)
        mine = {attempt.reference for attempt in attempts}
        there = sum(one.captured - one.taken for found in theirs.values() for one in found)
        there -= sum(
            t.amount for t in self._transfers() if t.reference in mine and t.state == "done"
        )
        assert here == there, f"I3: {here} in our transactions, {there} in their ledgers"

    def _payout(self, payout: Payout) -> None:
        world = self._world
        with world.store.begin() as work:
            attempts = work.payout_attempts(payout.id)
        rows: list[Payout | Attempt] = [payout, *attempts]
        asked = any(row.due.parked is not None for row in rows)
        assert payout.over or asked, f"law 2: payout stuck as {payout.status}"
        mine = {attempt.reference for attempt in attempts}
        moved = [t for t in self._transfers() if t.reference in mine and t.state == "done"]
        assert len(moved) <= 1, f"law 1: paid out twice: {[t.id for t in moved]}"
        if asked:
            return
        succeeded = payout.status is PayoutStatus.SUCCEEDED
        assert succeeded == bool(moved), f"I3: payout is {payout.status}, {len(moved)} moved"
        written = [t.type for t in world.store.books.transactions if t.payout_id == payout.id]
        here = written.count(Movement.PAYOUT) - written.count(Movement.PAYOUT_FAILURE)
        assert here == len(moved), f"I3: {here} payouts in our transactions, {len(moved)} moved"


def _charged_once(theirs: dict[str, list[Held]]) -> None:
    """I1, whatever anybody was asked: requests of ours moved this payment's money at most once."""
    moved = [
        one.id
        for found in theirs.values()
        for one in found
        if one.state == "paid" and not one.changed_its_mind
    ]
    assert len(moved) <= 1, f"law 1: charged twice: {moved}"


def _goes_back(row: Attempt | Refund) -> bool:
    """Whether its money goes back whatever a person finds out of the provider that took it."""
    late = isinstance(row, Attempt) and row.state is State.LATE_SUCCESS
    return late and is_parked(row.due, Reason.CONTRADICTION)


def _signed(moved: Transaction) -> int:
    return SIGNS.get(moved.type, 0) * moved.money.minor
