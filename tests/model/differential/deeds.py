"""Deeds: the calls of a history, drawn from dice; every method of `domain.books.Work` is among them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from domain.attempt import HARMLESS, Attempt, Operation, State
from domain.books import Claim
from domain.due import Due, Lease, Reason
from domain.outcome import Proof
from domain.payment import MOVES, Payment, Status
from domain.payout import Payout, PayoutStatus
from domain.refund import Refund, RefundKind, RefundStatus, rebalanced
from domain.schemes import Scheme, Watched
from domain.vaulted import Detachment
from domain.webhook import Hint, Notice
from tests.model.differential import opening as at
from tests.model.differential.opening import EPOCH, OWNERS

#: A call on an open transaction.
Deed = Callable[[Any], object]
#: What a history may do, with its name in the trace.
Named = tuple[str, Deed]

LEASE_S = 30.0
#: How often it is one of the first two rows of its kind, on which sessions meet.
_FIRST = 0.7


@dataclass(slots=True)
class Hand:
    """What a session has seen, whether it is still true or not, and the leases it was given."""

    rows: dict[type, list[Any]] = field(default_factory=dict)
    leases: dict[UUID, Lease] = field(default_factory=dict)

    def sees(self, found: object) -> None:
        """Remember what a call returned."""
        if isinstance(found, Claim):
            self.leases[found.row.id] = found.lease
            found = found.row
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, Payment | Attempt | Refund | Payout | Notice | Detachment):
                self.rows.setdefault(type(one), []).append(one)


@dataclass(slots=True)
class Table:
    """The dice, what there is by now, and a hand per session."""

    dice: random.Random
    hands: list[Hand]
    ids: count[int] = field(default_factory=lambda: count(10_000))
    known: dict[str, list[UUID]] = field(
        default_factory=lambda: {
            "payment": [row.id for row in at.PAYMENTS],
            "attempt": [row.id for row in at.ATTEMPTS],
            "refund": [row.id for row in at.REFUNDS],
            "payout": [row.id for row in at.PAYOUTS],
            "notice": [row.id for row in at.NOTICES],
            "detachment": [row.id for row in at.METHODS],
            "case": [row.id for row in at.CASES],
        }
    )

    def some(self, kind: str) -> UUID:
        """The id of a row of this kind; now and then of one that is not there yet."""
        ids = self.known[kind]
        return self.dice.choice(ids[:2] if self.dice.random() < _FIRST else ids)

    def new(self, kind: str) -> UUID:
        """The id of a row that is made now, whether its transaction is kept or not."""
        self.known[kind].append(UUID(int=next(self.ids)))
        return self.known[kind][-1]

    def held(self, seat: int, kind: type, otherwise: tuple[Any, ...]) -> Any:
        """A row as this session saw it last, or before; else as it was in the beginning."""
        seen = self.hands[seat].rows.get(kind, ())
        if not seen:
            return self.dice.choice(otherwise)
        return seen[-1] if self.dice.random() < 0.8 else self.dice.choice(seen)

    def lease(self, seat: int, id_: UUID) -> Lease:
        """The lease that this session was given, or a wrong one."""
        return self.hands[seat].leases.get(id_, Lease(self.dice.randrange(2), 11))

    def due(self) -> Due:
        """When a row runs next: at once, later, never, or parked."""
        when: list[datetime | None] = [None, EPOCH, EPOCH + timedelta(seconds=8)]
        due = Due(self.dice.choice(when))
        return due.park(EPOCH, Reason.POISON) if self.dice.random() < 0.1 else due


def claim(table: Table, seat: int) -> Named:
    kind = table.dice.choice(["payment", "attempt", "notice", "refund", "payout", "detachment"])
    id_, owner = table.some(kind), table.dice.choice(OWNERS)
    return f"claim_{kind} {id_.int} for {owner}", lambda work: getattr(work, f"claim_{kind}")(
        id_, owner, LEASE_S
    )


def lock(table: Table, seat: int) -> Named:
    kind = table.dice.choice(["payment", "payment", "payout"])
    id_ = table.some(kind)
    return f"lock_{kind} {id_.int}", lambda work: getattr(work, f"lock_{kind}")(id_)


def read(table: Table, seat: int) -> Named:
    some = table.some
    name, *asked = table.dice.choice(
        [
            ("payment", some("payment")),
            ("attempt", some("attempt")),
            ("attempts", some("payment")),
            ("payout_attempts", some("payout")),
            ("refund", some("refund")),
            ("refunds", some("payment")),
            ("open_cases", some("payment")),
        ]
    )
    return f"{name} {asked[0].int}", lambda work: getattr(work, name)(*asked)


def look(table: Table, seat: int) -> Named:
    kind = table.dice.choice(["now", "gateways", "find", "tries"])
    return kind, _LOOKS[kind](table)


def save_payment(table: Table, seat: int) -> Named:
    dice = table.dice
    payment: Payment = table.held(seat, Payment, at.PAYMENTS)
    moves = [*MOVES[payment.status], payment.status]
    status = dice.choice(moves if dice.random() < 0.9 else list(Status))
    money: dict[str, Any] = dice.choice(
        [{}, {}, {"amount_authorized": 1000, "amount_captured": 1000}, {"amount_reversed": 300},
         {"amount_refund_pending": dice.choice([0, 400])}, {"capture_amount": 1001},
         {"ending": Status.CAPTURED}, {"gateway_id": dice.choice(["one", "nowhere"])}]
    )  # fmt: skip
    saved = replace(payment, status=status, due=table.due(), runs=payment.runs + 1, **money)
    lease = table.lease(seat, payment.id) if dice.random() < 0.4 else None
    name = f"save_payment {payment.id.int} v{payment.version} {status} {money} {lease}"
    return name, lambda work: work.save_payment(saved, lease)


def release(table: Table, seat: int) -> Named:
    id_ = table.some("payment")
    lease = table.lease(seat, id_)
    return f"release {id_.int} {lease}", lambda work: work.release(id_, lease)


def begin_attempt(table: Table, seat: int) -> Named:
    id_ = UUID(int=4) if table.dice.random() < 0.7 else table.some("payment")
    attempt = _attempt(table, Operation.CHARGE, payment_id=id_)
    lease = table.lease(seat, id_)
    name = f"begin_attempt {attempt.id.int} n{attempt.number} of {id_.int} {lease}"
    return name, lambda work: work.begin_attempt(attempt, lease, LEASE_S, {"two": "down"})


def add_attempt(table: Table, seat: int) -> Named:
    dice = table.dice
    operation = dice.choice([one for one in Operation if one is not Operation.CHARGE])
    if operation is Operation.PAYOUT and dice.random() < 0.9:
        attempt = _attempt(table, operation, payout_id=table.some("payout"))
    else:
        attempt = _attempt(table, operation, payment_id=table.some("payment"))
    if operation is Operation.REFUND or (operation is Operation.VOID and dice.random() < 0.2):
        attempt = replace(attempt, refund_id=table.some("refund"))
    name = f"add_attempt {attempt.id.int} {operation} n{attempt.number} {attempt.state}"
    about = attempt.payment_id or attempt.payout_id
    return f"{name} of {about and about.int}", lambda work: work.add_attempt(attempt)


def save_attempt(table: Table, seat: int) -> Named:
    attempt: Attempt = table.held(seat, Attempt, at.ATTEMPTS)
    saved = _in(table.dice, attempt, table.dice.choice(list(State)))
    saved = replace(saved, due=table.due(), provider_id="ch2", polls=attempt.polls + 1)
    return f"save_attempt {saved.id.int} {saved.state}", lambda work: work.save_attempt(saved)


def add_refund(table: Table, seat: int) -> Named:
    dice = table.dice
    charge = dice.choice(at.ATTEMPTS[:5]) if dice.random() < 0.5 else at.ATTEMPTS[0]
    payment = charge.payment_id if dice.random() < 0.9 else table.some("payment")
    kind = dice.choice(list(RefundKind))
    gateway = "one" if dice.random() < 0.9 else "live"
    assert payment is not None
    refund = at.a_refund(
        table.new("refund").int, payment, charge.id, kind=kind, gateway_id=gateway, due=table.due()
    )
    adds_up = dice.random() < 0.5

    def deed(work: Any) -> object:
        """Ask a refund as the door does: under its payment's lock, with the payment's sums."""
        if not adds_up:
            return work.add_refund(refund)
        held = work.lock_payment(payment)
        added = work.add_refund(refund)
        return added and work.save_payment(rebalanced(held, None, refund))

    name = f"add_refund {refund.id.int} {kind} of {charge.id.int} for {payment.int}"
    return f"{name}{' with its sums' if adds_up else ''}", deed


def save_refund(table: Table, seat: int) -> Named:
    refund: Refund = table.held(seat, Refund, at.REFUNDS)
    after = replace(refund, status=table.dice.choice(list(RefundStatus)), due=table.due())
    lease = table.lease(seat, refund.id) if table.dice.random() < 0.4 else None
    adds_up = table.dice.random() < 0.5

    def deed(work: Any) -> object:
        if not adds_up:
            return work.save_refund(after, lease)
        held = work.lock_payment(refund.payment_id)
        work.save_payment(rebalanced(held, refund, after))
        return work.save_refund(after, lease)

    name = f"save_refund {refund.id.int} v{refund.version} {after.status} {lease}"
    return f"{name}{' with its sums' if adds_up else ''}", deed


def add_payout(table: Table, seat: int) -> Named:
    gateway = table.dice.choice([None, "one", "live"])
    payout = at.a_payout(table.new("payout").int, gateway_id=gateway, due=table.due())
    return f"add_payout {payout.id.int} at {gateway}", lambda work: work.add_payout(payout)


def save_payout(table: Table, seat: int) -> Named:
    payout: Payout = table.held(seat, Payout, at.PAYOUTS)
    saved = replace(payout, status=table.dice.choice(list(PayoutStatus)), due=table.due())
    lease = table.lease(seat, payout.id) if table.dice.random() < 0.4 else None
    name = f"save_payout {payout.id.int} v{payout.version} {saved.status} {lease}"
    return name, lambda work: work.save_payout(saved, lease)


def _attempt(table: Table, operation: Operation, **root: UUID) -> Attempt:
    dice = table.dice
    state = State.SENDING if dice.random() < 0.7 else dice.choice(list(State))
    attempt = at.an_attempt(
        table.new("attempt").int,
        operation,
        state,
        number=dice.randrange(1, 4),
        gateway_id=dice.choice(["one", "two", "two", "live"]),
        due=table.due(),
        card=at.CARD if operation is Operation.CHARGE and dice.random() < 0.5 else None,
        **root,
    )
    return _in(dice, attempt, state)


def _in(dice: random.Random, attempt: Attempt, state: State) -> Attempt:
    proven = state in HARMLESS and dice.random() < 0.9
    return replace(attempt, state=state, proof=Proof.READ_BACK if proven else None)


def _find(table: Table) -> Deed:
    dice = table.dice
    reference = table.some("attempt").hex if dice.random() < 0.5 else None
    hint = Hint(reference, dice.choice([None, "ch", "ch2"]), "")
    gateway = dice.choice(["one", "two"])
    return lambda work: work.find_attempt(gateway, hint)


def _tries(table: Table) -> Deed:
    watch = Watched(table.dice.choice(list(Scheme)), at.CARD)
    return lambda work: work.card_tries(watch)


_LOOKS: dict[str, Callable[[Table], Deed]] = {
    "now": lambda table: lambda work: work.now,
    "gateways": lambda table: lambda work: [row.id for row in work.gateways()],
    "find": _find,
    "tries": _tries,
}
