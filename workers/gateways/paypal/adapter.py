"""PayPal: every operation on money there, and how to ask what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.attempt import Attempt, State
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Prepared,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.ports import Budget
from domain.reconcile import Window
from domain.reconcile_books import Listed
from domain.task import Task
from domain.vaulted import Detachment
from domain.webhook import Hint
from workers.gateways import Setup
from workers.gateways.paypal.answers import (
    FAULT_NAMES,
    Read,
    Refusal,
    duplicate_of,
    is_documented,
    read,
    refused,
    shown,
)
from workers.gateways.paypal.line import (
    AUTHORIZATIONS,
    CAPTURES,
    ORDERS,
    PAYOUTS,
    Line,
    at,
    target,
)
from workers.gateways.paypal.listing import listed
from workers.gateways.paypal.lookups import Lookups
from workers.gateways.paypal.notices import hint
from workers.gateways.paypal.orders import (
    captured,
    charged,
    collected,
    is_disarmed,
    open_hold,
    refundable,
    released,
)
from workers.gateways.paypal.requests import ChargeCalls, disarming
from workers.gateways.paypal.shapes import Batch, Movement, Order
from workers.gateways.paypal.terms import declared, reads_disputes, writer
from workers.gateways.paypal.transfers import paid_out, refunded
from workers.gateways.reading import parsed
from workers.gateways.wire import Answer

#: Nobody's order: what a probe asks for.
NOBODY: Final = "0"


class PayPal:
    """One account at PayPal. A charge is an order that the payer approves, then a call that captures
    or authorizes it."""

    def __init__(self, setup: Setup) -> None:
        """Credentials: `client_id`, `client_secret`. Settings: `ca_file` and those of `terms`.
        Raises `Unusable`."""
        self.declaration = declared(setup.settings)
        self._writer = writer(setup.settings)
        self._line = Line(setup)
        self._lookups = Lookups(self._line, setup.alarm, reads_disputes(setup.settings))

    def compose(self, task: Task, reference: str) -> bytes | None:
        """Return the exact request; None where PayPal has no words for it."""
        return self._writer.composed(task, reference)

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Make the order, or, where there is one, ask for its money: the payer must have approved."""
        calls = parsed(attempt.request, ChargeCalls)
        if calls is None:
            return NotCharged(Proof.NEVER_SENT, "the stored request is not one of this adapter's")
        order_id = attempt.provider_id
        if order_id is None:
            reply = self._line.post(ORDERS, attempt.key("a"), bytes(calls.create), budget)
            made = shown(reply, Order)
            return charged(made, attempt) if isinstance(made, Order) else _plain(made)
        path = f"{at(ORDERS, order_id)}/{calls.move}"
        reply = self._line.post(path, attempt.key("b"), bytes(calls.body), budget)
        moved = shown(reply, Order)
        if isinstance(moved, Read):
            found = self._lookups.charge(order_id, attempt, budget)
            return Unknown(moved.cause) if isinstance(found, Prepared) else found
        if not isinstance(moved, Order):
            return _of(moved, order_id)
        if moved.id != order_id:
            return Unknown(f"{moved.id} is not the order whose money was asked for")
        return charged(moved, attempt)

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Let go of a hold, or make an order useless that nobody has captured; what is read counts.

        PayPal cannot cancel an order. But an order whose purpose was changed refuses the moving call
        that it was made for, however late that call arrives.
        """
        order_id = attempt.provider_id
        if order_id is None:
            return Unknown("there is nothing yet that could be cancelled")
        order = self._lookups.order(order_id, budget)
        if isinstance(order, Unknown):
            return order
        found = charged(order, attempt)
        match found:
            case Prepared() | RequiresAction():
                body = disarming(attempt.captures)
                self._line.patch(at(ORDERS, order_id), body, budget)
                return self._disarmed(order_id, attempt, budget)
            case Pending() | Succeeded(captured=False) if hold := open_hold(order):
                self._line.post(f"{at(AUTHORIZATIONS, hold)}/void", None, b"{}", budget)
                return self._lookups.charge(order_id, attempt, budget)
            case _:
                return found

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Collect from the hold, unless the order shows that it was collected, or is gone."""
        order = self._target(attempt, budget)
        if isinstance(order, NotCharged):
            return order
        before, hold = collected(order, attempt), open_hold(order)
        if not isinstance(before, NotFound):
            return before
        assert hold is not None, "what is not collected yet is held"
        path = f"{at(AUTHORIZATIONS, hold)}/capture"
        reply = self._line.post(path, attempt.key(), attempt.request, budget)
        made = shown(reply, Movement)
        if isinstance(made, Movement):
            return captured(made, order.id)
        if isinstance(made, Read):
            return _settled(self._lookups.lookup(attempt, budget))
        return _of(made, order.id)

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Let go of the hold, then read the order back: what is read counts. Only where that says
        nothing new does it matter how the request itself was refused."""
        order = self._target(attempt, budget)
        if isinstance(order, NotCharged):
            return order
        before, hold = released(order, attempt), open_hold(order)
        if not isinstance(before, NotFound):
            return before
        assert hold is not None, "what is not let go of is held"
        path = f"{at(AUTHORIZATIONS, hold)}/void"
        said = shown(self._line.post(path, None, attempt.request, budget), Movement)
        if isinstance(said, NotCharged) and said.proof is Proof.NEVER_SENT:
            return said
        found = self._lookups.lookup(attempt, budget)
        if not isinstance(found, NotFound | Unknown):
            return found
        if isinstance(said, NotCharged | Declined):
            return _of(said, order.id)
        return _settled(found)

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Give money back, under the attempt's key, unless the order shows that refund already.

        A "no" is not kept under the key. One that may be a yes later ends the attempt only if no
        earlier copy can be under way, which would be carried out beside the next attempt's.
        """
        order = self._target(attempt, budget)
        if isinstance(order, NotCharged):
            return order
        before = self._lookups.refunds(order, attempt)
        if not isinstance(before, NotFound):
            return before
        capture = refundable(order)
        if capture is None:
            return NotCharged(Proof.NEVER_SENT, f"{order.id} shows nothing that was collected")
        path = f"{at(CAPTURES, capture)}/refund"
        reply = self._line.post(path, attempt.key(), attempt.request, budget)
        made = shown(reply, Movement)
        if isinstance(made, Movement):
            return refunded(made, attempt)
        if isinstance(made, Read):
            return _settled(self._lookups.lookup(attempt, budget))
        may_come = isinstance(made, Declined) and made.hardness is Hardness.SOFT
        return _of_one_copy(made, attempt) if may_come else made

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send money out in a batch of one; a number that was used names the batch that used it.

        A "no" without a batch is one to this copy. Whether PayPal looks at the number first or at
        the balance, which an earlier copy may have used up, it does not say.
        """
        reply = self._line.post(PAYOUTS, attempt.key(), attempt.request, budget)
        original = duplicate_of(reply)
        if original is not None:
            return self._lookups.payout(original, attempt, budget)
        made = shown(reply, Batch)
        if isinstance(made, Batch):
            return paid_out(made, attempt)
        return _of_one_copy(_plain(made), attempt)

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        """No token is stored at PayPal on our behalf, so none can be forgotten."""
        cause = "nothing is stored at this provider"
        return NotCharged(Proof.NEVER_SENT, cause, request_wrong=True)

    def probe(self, budget: Budget) -> bool:
        """Whether PayPal answers as documented, be it with a refusal."""
        return is_documented(self._line.get(at(ORDERS, NOBODY), budget))

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read what became of the attempt."""
        return self._lookups.lookup(attempt, budget)

    def list_movements(self, window: Window, following: str | None, budget: Budget) -> Listed:
        """Read one page of the account's transactions."""
        return listed(self._line, window, following, budget)

    def read_notice(self, body: bytes) -> Hint | None:
        """Return which object an event speaks of; None: unreadable."""
        return hint(body)

    def at_fault(self, refusal: NotCharged) -> bool:
        """Whether another request would have been refused too; causes begin with the code."""
        return refusal.cause.partition(" ")[0] in FAULT_NAMES

    def close(self) -> None:
        """Let go of idle connections."""
        self._line.close()

    def _target(self, attempt: Attempt, budget: Budget) -> Order | NotCharged:
        """Read the order of the charge. Without it there is nothing that could be sent; that the
        account's key is no good is told as such."""
        reply = self._line.get(at(ORDERS, target(attempt)), budget)
        order = read(reply, Order)
        if isinstance(order, Order):
            return order
        why = refused(reply) if isinstance(reply, Answer) else order
        if isinstance(why, NotCharged) and self.at_fault(why):
            return replace(why, proof=Proof.NEVER_SENT)
        return NotCharged(Proof.NEVER_SENT, f"the order was not read: {order.cause}")

    def _disarmed(self, order_id: str, attempt: Attempt, budget: Budget) -> Outcome:
        """Read what became of an order that was to be made useless. Where it was not, it is no
        danger as long as nobody may have asked for its money."""
        order = self._lookups.order(order_id, budget)
        if isinstance(order, Unknown):
            return order
        found = charged(order, attempt)
        if not isinstance(found, Prepared | RequiresAction) or is_disarmed(order, attempt):
            return found
        if attempt.confirming:
            return Unknown(f"{order_id} could not be made useless, and may still be captured")
        cause = f"read as {order.status}, and nobody asked for its money"
        return NotCharged(Proof.READ_BACK, cause, order_id)


def _settled(found: Lookup) -> Outcome:
    """Return what was found as an outcome: that nothing has happened yet may change any moment."""
    return Unknown("the order stands as it was") if isinstance(found, NotFound) else found


def _of_one_copy(said: Outcome, attempt: Attempt) -> Outcome:
    """Return what a "no" to one copy says where an earlier one may have been carried out: nothing."""
    if isinstance(said, Declined) and attempt.state is not State.SENDING:
        return Unknown(f"one copy was declined: {said.code}")
    return said


def _plain(refusal: Refusal) -> Outcome:
    """Return what a refusal says where there is no object yet that could be read."""
    return Unknown(refusal.cause) if isinstance(refusal, Read) else refusal


def _of(refusal: Outcome, order_id: str) -> Outcome:
    """Return a "no" with the order that it is about."""
    return replace(refusal, provider_id=order_id) if isinstance(refusal, Declined) else refusal
