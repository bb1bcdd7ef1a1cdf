"""PayPal's memory: what it says, when asked, has become of an attempt."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final, assert_never
from urllib.parse import quote

from domain.attempt import Attempt, Operation
from domain.outcome import Lookup, NotFound, Outcome, Succeeded, TakenBack, Unknown
from domain.ports import Budget
from workers.gateways import DOUBLES, Alarm
from workers.gateways.paypal.answers import is_forbidden, read
from workers.gateways.paypal.coins import heard
from workers.gateways.paypal.line import DISPUTES, ORDERS, PAYOUTS, REFUNDS, Line, at, target
from workers.gateways.paypal.orders import charged, collected, is_nobodys, released
from workers.gateways.paypal.shapes import Batch, Dispute, Disputes, Movement, Order
from workers.gateways.paypal.transfers import names, ours, paid_out, refunded, weighed

_log = logging.getLogger(__name__)

#: How a dispute ends when the payer gets money back from the account.
LOST: Final = frozenset({"RESOLVED_BUYER_FAVOUR", "ACCEPTED"})
#: More disputes about one capture are not read.
DISPUTE_LIMIT: Final = 5


@dataclass(frozen=True, slots=True)
class Lookups:
    """Reads at one account. Nothing here moves money."""

    line: Line
    alarm: Alarm
    #: Whether disputes are read with a captured charge; the account's key must allow it.
    reads_disputes: bool = True

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read what became of the attempt: a capture, a void or a refund from the order of its
        charge, all else by PayPal's id. Nothing else finds an order or a payout by our reference."""
        match attempt.operation:
            case Operation.CHARGE:
                named = attempt.provider_id
                return NotFound() if named is None else self.charge(named, attempt, budget)
            case Operation.CAPTURE:
                order = self.order(target(attempt), budget)
                return order if isinstance(order, Unknown) else collected(order, attempt)
            case Operation.VOID:
                order = self.order(target(attempt), budget)
                return order if isinstance(order, Unknown) else released(order, attempt)
            case Operation.REFUND:
                return self._refund(attempt, budget)
            case Operation.PAYOUT:
                named = attempt.provider_id
                return NotFound() if named is None else self.payout(named, attempt, budget)
            case _:
                assert_never(attempt.operation)

    def order(self, order_id: str, budget: Budget) -> Order | Unknown:
        """Read an order. One that PayPal named before and does not know now is a riddle, not an
        absence."""
        return read(self.line.get(at(ORDERS, order_id), budget), Order)

    def charge(self, order_id: str, attempt: Attempt, budget: Budget) -> Outcome:
        """Read the charge that is this order, and whether its money was taken back since.

        The id may come from a webhook: an order that does not carry our name is not ours. That the
        disputes cannot be read hides no money that we have not heard of before.
        """
        order = self.order(order_id, budget)
        if isinstance(order, Unknown):
            return order
        if order.id != order_id:
            return Unknown(f"{order.id} is not the order that was asked about")
        if is_nobodys(order, attempt):
            return Unknown(f"{order.id} does not show whose it is")
        outcome = charged(order, attempt)
        unit = order.unit
        if not isinstance(outcome, Succeeded) or not outcome.captured or unit is None:
            return outcome
        if len(unit.payments.captures) > 1 and attempt.captures:
            _log.error("order %s was captured more than once", order.id)
            self.alarm(DOUBLES[Operation.CHARGE], attempt.reference)
        disputed = self._disputed(outcome, unit.payments.captures, budget)
        return outcome if isinstance(disputed, Unknown) and not attempt.captured else disputed

    def payout(self, batch_id: str, attempt: Attempt, budget: Budget) -> Outcome:
        """Read the payout that is this batch; one that carries no name is not taken for ours."""
        batch = read(self.line.get(at(PAYOUTS, batch_id), budget), Batch)
        if isinstance(batch, Unknown):
            return batch
        if not names(batch):
            return Unknown(f"{batch_id} does not show whose it is")
        return paid_out(batch, attempt)

    def refunds(self, order: Order, attempt: Attempt) -> Outcome | NotFound:
        """Return what the refunds under our reference say. More than one that moved money is told
        to people."""
        unit = order.unit
        if order.id != target(attempt) or unit is None:
            return Unknown(f"{order.id} is not the charge that was asked about")
        found = ours(unit.payments.refunds, attempt)
        outcome, moved = weighed(found, lambda one: refunded(one, attempt))
        if moved > 1:
            _log.error("%d refunds under reference %s moved money", moved, attempt.reference)
            self.alarm(DOUBLES[Operation.REFUND], attempt.reference)
        return outcome

    def _refund(self, attempt: Attempt, budget: Budget) -> Lookup:
        if attempt.provider_id is not None:
            path = at(REFUNDS, attempt.provider_id)
            refund = read(self.line.get(path, budget), Movement)
            return refund if isinstance(refund, Unknown) else refunded(refund, attempt)
        order = self.order(target(attempt), budget)
        return order if isinstance(order, Unknown) else self.refunds(order, attempt)

    def _disputed(self, paid: Succeeded, captures: list[Movement], budget: Budget) -> Outcome:
        """Return the charge with what disputes about it have cost. An account whose key may not read
        disputes is told so once per look, and its charges are what the orders say."""
        if not self.reads_disputes:
            return paid
        taken, reason = 0, ""
        for capture in captures:
            reply = self.line.get(
                f"{DISPUTES}?disputed_transaction_id={quote(capture.id, safe='')}", budget
            )
            if is_forbidden(reply):
                _log.warning("the key may not read disputes: chargebacks will not be seen")
                return paid
            listed = read(reply, Disputes)
            if isinstance(listed, Unknown):
                return listed
            for one in listed.items[:DISPUTE_LIMIT]:
                dispute = read(self.line.get(at(DISPUTES, one.dispute_id), budget), Dispute)
                if isinstance(dispute, Unknown):
                    return dispute
                lost = _lost(dispute, paid)
                if lost is None:
                    return Unknown(f"{dispute.dispute_id} is about other money")
                if lost:
                    taken, reason = taken + lost, reason or dispute.reason.lower()[:64]
        if not taken:
            return paid
        if taken > paid.money.minor:
            return Unknown(f"disputes about {paid.provider_id} took more than was paid")
        back = type(paid.money)(taken, paid.money.currency)
        return TakenBack(paid.provider_id, paid.money, back, reason or "dispute", paid.reference)


def _lost(dispute: Dispute, paid: Succeeded) -> int | None:
    """Return what a dispute has taken, in minor units; None: in another currency."""
    ended = dispute.dispute_outcome
    if ended is None or ended.outcome_code not in LOST or ended.amount_refunded is None:
        return 0
    money = heard(ended.amount_refunded.value, ended.amount_refunded.currency_code)
    return money.minor if money is not None and money.currency == paid.money.currency else None
