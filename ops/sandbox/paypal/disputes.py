"""Disputes v1: read only; a lever has the payer win one."""

from __future__ import annotations

from dataclasses import dataclass

from ops.sandbox.paypal import problems, shows
from ops.sandbox.paypal.objects import Dispute, Movement, Order, changed, new_id, now
from ops.sandbox.paypal.shop import Shop
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.lines import Kind


@dataclass(frozen=True)
class Disputes:
    """The endpoints of disputes."""

    shop: Shop

    def search(self, call: Call) -> Answer:
        """GET /v1/customer/disputes?disputed_transaction_id={capture}."""
        capture = call.query.get("disputed_transaction_id", "")
        base = self.shop.stage.public_url
        found = [
            shows.dispute_in_brief(order, one, base)
            for order in [self.shop.orders.get(self.shop.parents.get(capture, ""))]
            if order is not None
            for one in reversed(order.disputes)
            if one.capture == capture
        ]
        answer = {"links": [shows.link(f"{base}{shows.DISPUTES}", "self")]}
        return json_answer(200, answer | {"items": found} if found else answer)

    def show(self, call: Call) -> Answer:
        """GET /v1/customer/disputes/{id}."""
        order = self.shop.parent(call.names["id"])
        found = [one for one in order.disputes if one.id == call.names["id"]]
        if not found:
            raise problems.absent()
        return json_answer(200, shows.dispute(order, found[0], self.shop.stage.public_url))

    def lose(self, order: Order, capture: Movement, amount: int) -> None:
        """Have the payer win: their money goes back, and the account is told three times."""
        dispute = Dispute(id=f"PP-D-{new_id(8)}", capture=capture.id, amount=amount, created=now())
        after = changed(order, disputes=(*order.disputes, dispute))
        back = Movement(
            id=new_id(),
            of=capture.id,
            status="COMPLETED",
            amount=amount,
            created=dispute.created,
            updated=dispute.created,
            custom_id=order.custom_id,
            invoice_id=order.invoice_id,
        )
        self.shop.write("dispute", after)
        self.shop.stage.record(
            Kind.CHARGEBACK,
            object=dispute.id,
            of=order.id,
            reference=order.custom_id,
            amount=amount,
            currency=order.currency,
            state=after,
        )
        base = self.shop.stage.public_url
        shown = shows.dispute(after, dispute, base)
        self.shop.tell("CUSTOMER.DISPUTE.CREATED", "dispute", shown, order.id)
        reversal = shows.refund(after, back, base)
        self.shop.tell("PAYMENT.CAPTURE.REVERSED", "refund", reversal, order.id)
        self.shop.tell("CUSTOMER.DISPUTE.RESOLVED", "dispute", shown, order.id)
