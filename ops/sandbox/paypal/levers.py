"""What payers, banks and operators do: charges, refunds and payouts pushed on from outside."""

from __future__ import annotations

from dataclasses import dataclass

from ops.sandbox.paypal import payers, shows
from ops.sandbox.paypal.disputes import Disputes
from ops.sandbox.paypal.objects import (
    Batch,
    Movement,
    Order,
    changed,
    moved,
    new_id,
    now,
    with_capture,
)
from ops.sandbox.paypal.orders import UNAPPROVED
from ops.sandbox.paypal.payments import refunded, void
from ops.sandbox.paypal.payouts import Payouts
from ops.sandbox.paypal.shop import Shop
from ops.sandbox.stage.calls import Refused
from ops.sandbox.stage.lines import Kind
from ops.sandbox.stage.provider import LeverError


@dataclass(frozen=True)
class Levers:
    """Pulled by the admin port, and by what was to be decided later."""

    shop: Shop
    payouts: Payouts
    disputes: Disputes

    def settle(self, object_id: str, to: str) -> None:
        """Decide a pending capture or authorization; end a hold; give collected money back."""
        order = self._order(object_id)
        pending = next((one for one in order.captures if one.status == "PENDING"), None)
        hold = order.hold
        match to:
            case "captured" | "declined" if pending is not None:
                self._decide(order, pending, to)
            case "authorized" | "captured" if hold is not None and hold.status == "PENDING":
                self._held(order, hold)
            case "declined" if hold is not None and hold.status == "PENDING":
                denied = moved(hold, status="DENIED", reason="")
                self.shop.write("authorization.denied", changed(order, hold=denied), denied)
            case "canceled" | "expired" if hold is not None and hold.status in (
                "CREATED",
                "PENDING",
            ):
                void(self.shop, order, hold)
            case "refunded":
                self._refund(order)
            case _:
                raise LeverError(f"An order that is {order.status} cannot be told that.")

    def approve(self, object_id: str) -> None:
        """Have the payer approve; to approve again what is approved changes nothing."""
        status = self._order(object_id).status
        if status in UNAPPROVED:
            payers.approve(self.shop, object_id)
        elif status != "APPROVED":
            raise LeverError("This order needs no approval.")

    def reject(self, object_id: str) -> None:
        """Have the payer go back to the shop: the order waits for them as before."""
        if self._order(object_id).status not in UNAPPROVED:
            raise LeverError("This order needs no approval.")

    def charge_back(self, object_id: str, minor: int) -> None:
        """Have the payer win a dispute about so much of what was collected."""
        order = self._order(object_id)
        taken = next((one for one in order.captures if one.status != "PENDING"), None)
        disputed = sum(one.amount for one in order.disputes)
        if taken is None or not 0 < minor <= taken.amount - disputed:
            raise LeverError("There is not so much that could be taken back.")
        self.disputes.lose(order, taken, minor)

    def decide_refund(self, object_id: str, *, succeeds: bool) -> None:
        """Decide a pending refund."""
        order = self.shop.orders.get(self.shop.parents.get(object_id, ""))
        found = [one for one in order.refunds if one.id == object_id] if order else []
        if order is None or not found or found[0].status != "PENDING":
            raise LeverError("There is no such pending refund.")
        status, reason = ("COMPLETED", "") if succeeds else ("FAILED", "ECHECK")
        refunded(self.shop, order, moved(found[0], status=status, reason=reason))

    def decide_payout(self, object_id: str, *, succeeds: bool) -> None:
        """Decide a payout that is under way."""
        batch = self._batch(object_id)
        if batch.status != "PENDING":
            raise LeverError("This payout is decided.")
        if succeeds:
            self.payouts.pay(batch)
        else:
            self.payouts.fail(batch)

    def return_payout(self, object_id: str) -> None:
        """Have a payout come back that was paid, or that nobody claims."""
        batch = self._batch(object_id)
        if batch.item_status not in ("SUCCESS", "UNCLAIMED"):
            raise LeverError("This payout has not been paid.")
        self.payouts.give_back(batch)

    def due(self, what: str, object_id: str) -> None:
        """Do what was to happen later, unless it has gone another way since."""
        try:
            match what:
                case "refunded":
                    self.decide_refund(object_id, succeeds=True)
                case "paid" | "returned":
                    self.decide_payout(object_id, succeeds=True)
                    if what == "returned":
                        self.shop.stage.later("comes back", object_id)
                case "comes back":
                    self.return_payout(object_id)
                case "chargeback":
                    order = self._order(object_id)
                    self.charge_back(object_id, sum(one.amount for one in order.captures))
                case _:
                    self.settle(object_id, what)
        except LeverError:
            return

    def _decide(self, order: Order, pending: Movement, to: str) -> None:
        came = "COMPLETED" if to == "captured" else "DECLINED"
        one = moved(pending, status=came, reason="")
        after = changed(order, captures=with_capture(order, one))
        if to == "declined" and order.hold is not None:
            after = changed(after, hold=moved(order.hold, status="CREATED"))
        money = Kind.SALE if order.hold is None else Kind.CAPTURE
        self.shop.write(money if to == "captured" else "capture.declined", after, one)
        shown = shows.related(after, shows.capture(after, one, self.shop.stage.public_url))
        self.shop.tell(f"PAYMENT.CAPTURE.{came}", "capture", shown, after.id)

    def _held(self, order: Order, hold: Movement) -> None:
        one = moved(hold, status="CREATED", reason="")
        after = self.shop.write(Kind.AUTHORIZATION, changed(order, hold=one), one)
        shown = shows.related(after, shows.authorization(after, one, self.shop.stage.public_url))
        self.shop.tell("PAYMENT.AUTHORIZATION.CREATED", "authorization", shown, after.id)

    def _refund(self, order: Order) -> None:
        """Give back what is left, as somebody does on the account's own pages: without our name."""
        taken = next((one for one in order.captures if one.status != "PENDING"), None)
        left = 0 if taken is None else taken.amount - order.refunded(taken.id)
        if taken is None or left <= 0:
            raise LeverError("There is nothing left to refund.")
        at = now()
        made = Movement(
            id=new_id(), of=taken.id, status="COMPLETED", amount=left, created=at, updated=at
        )
        refunded(self.shop, order, made)

    def _order(self, id_: str) -> Order:
        try:
            return self.shop.order(id_)
        except Refused:
            raise LeverError("There is no such order.") from None

    def _batch(self, id_: str) -> Batch:
        batch = self.shop.batch(id_)
        if batch is None:
            raise LeverError("There is no such payout.")
        return batch
