"""The account's books: every payment, refund, payout and detached token, from ledger lines alone."""

from dataclasses import dataclass, field
from typing import TypeAlias

from ops.sandbox.entries import (
    Capture,
    Charge,
    Chargeback,
    Created,
    Detach,
    Move,
    PaymentMove,
    PayoutCreated,
    PayoutFailed,
    PayoutMove,
    PayoutPaid,
    PayoutReturned,
    RefundCreated,
    RefundDeclined,
    RefundFailed,
    RefundMove,
    Reverse,
)
from ops.sandbox.entries import Refund as RefundMade
from ops.sandbox.payments import payment as payments
from ops.sandbox.payments.payment import Payment
from ops.sandbox.payouts import payout as payouts
from ops.sandbox.payouts.payout import Payout
from ops.sandbox.refunds import refund as refunds
from ops.sandbox.refunds.refund import Refund

#: What a ledger line is about.
Subject: TypeAlias = Payment | Refund | Payout

#: A reference is unique by convention only: what it names may differ in currency.
MIXED = "mixed"


@dataclass(slots=True)
class Tally:
    """What happened under one reference, over all its payments and payouts, in minor units."""

    currency: str
    charges: int = 0  #: how often money was taken
    captured: int = 0
    refunded: int = 0
    refund_failed: int = 0
    charged_back: int = 0
    reversed: int = 0
    payouts: int = 0  #: how often money was paid out
    paid_out: int = 0
    payout_returned: int = 0


@dataclass(slots=True)
class Books:
    """Everything the account holds; `apply` is the only way to change it."""

    payments: dict[str, Payment] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    payouts: dict[str, Payout] = field(default_factory=dict)
    detached: set[str] = field(default_factory=set)
    tallies: dict[str, Tally] = field(default_factory=dict)
    by_reference: dict[str, list[str]] = field(default_factory=dict)  #: payments
    refunds_by_reference: dict[str, list[str]] = field(default_factory=dict)
    payouts_by_reference: dict[str, list[str]] = field(default_factory=dict)

    def apply(self, line: Move) -> Subject | None:
        """Take one ledger line into the books and return what it changed; None for a token."""
        match line:
            case Detach():
                self.detached.add(line.token)
                return None
            case RefundCreated() | RefundMade() | RefundDeclined() | RefundFailed():
                return self._refund(line)
            case PayoutCreated() | PayoutPaid() | PayoutFailed() | PayoutReturned():
                return self._payout(line)
            case _:
                return self._payment(line)

    def latest(self, subject: Subject) -> Subject:
        """Return the same object as it is now."""
        match subject:
            case Payment():
                return self.payments[subject.id]
            case Refund():
                return self.refunds[subject.id]
            case Payout():
                return self.payouts[subject.id]

    def _payment(self, line: PaymentMove) -> Payment:
        if isinstance(line, Created):
            after = payments.opened(line)
            self._filed(self.by_reference, line.reference, line.payment, line.currency)
        else:
            after = payments.moved(self.payments[line.payment], line)
            self._count(line)
        self.payments[line.payment] = after
        return after

    def _refund(self, line: RefundMove) -> Refund:
        was = self.refunds.get(line.refund)
        after = refunds.opened(line) if was is None else refunds.moved(was, line)
        if was is None and after.reference is not None:
            self.refunds_by_reference.setdefault(after.reference, []).append(after.id)
        self.refunds[line.refund] = after
        self.payments[line.payment] = self.payments[line.payment].refunding(
            after.pending - (was.pending if was else 0),
            after.succeeded - (was.succeeded if was else 0),
            line.at,
        )
        self._count(line)
        return after

    def _payout(self, line: PayoutMove) -> Payout:
        if isinstance(line, PayoutCreated):
            after = payouts.opened(line)
            self._filed(self.payouts_by_reference, line.reference, line.payout, line.currency)
        else:
            after = payouts.moved(self.payouts[line.payout], line)
            self._count(line)
        self.payouts[line.payout] = after
        return after

    def _filed(self, under: dict[str, list[str]], reference: str, id_: str, currency: str) -> None:
        under.setdefault(reference, []).append(id_)
        tally = self.tallies.setdefault(reference, Tally(currency))
        if tally.currency != currency:
            tally.currency = MIXED

    def _count(self, line: Move) -> None:
        tally = self.tallies[line.reference]
        match line:
            case Charge() | Capture():
                tally.charges += 1
                tally.captured += line.amount
            case RefundMade():
                tally.refunded += line.amount
            case RefundFailed():
                tally.refund_failed += line.amount
            case Chargeback():
                tally.charged_back += line.amount
            case Reverse():
                tally.reversed += line.amount
            case PayoutPaid():
                tally.payouts += 1
                tally.paid_out += line.amount
            case PayoutReturned():
                tally.payout_returned += line.amount
            case _:
                return
