"""The account: its orders and payouts, what was used up, and the events that it tells of."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from ops.sandbox.paypal import problems, shows
from ops.sandbox.paypal.objects import Batch, Movement, Order, new_id, now
from ops.sandbox.stage.keys import Keys
from ops.sandbox.stage.lines import KEY, Kind, Line
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.stage import Stage

#: Keys of captures, authorizations and refunds live longer than those of orders.
PAYMENTS_WINDOW_S = 45 * 86_400.0
#: A batch's number is refused for so long.
BATCH_WINDOW_S = 30 * 86_400.0


@dataclass
class Shop:
    """Everything kept in memory; each change is a line of the ledger with the whole object."""

    stage: Stage
    order_life_s: float
    orders: dict[str, Order] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    #: Authorization, capture, refund, dispute and payout item to their order or batch.
    parents: dict[str, str] = field(default_factory=dict)
    #: Numbers of captured or authorized payments and of refunds, each to its order.
    invoices: dict[str, str] = field(default_factory=dict)
    refund_invoices: set[str] = field(default_factory=set)
    sender_batches: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.order_keys = Keys(self.stage)
        self.payment_keys = Keys(self.stage, PAYMENTS_WINDOW_S)

    def restore(self, line: Line) -> None:
        """Take a line that was written before a restart."""
        if line.kind == KEY:
            self.order_keys.restore(line)
            self.payment_keys.restore(line)
            return
        found: Order | Batch = line.holds(Order | Batch)  # type: ignore[arg-type]
        self._keep(found)

    def order(self, id_: str) -> Order:
        """Return an order. Raises the 404; what nobody approved in time is gone."""
        kept = self.orders.get(id_)
        if kept is None:
            raise problems.absent()
        unpaid = kept.status in ("CREATED", "PAYER_ACTION_REQUIRED", "APPROVED")
        if unpaid and time.time() > kept.made_s + self.order_life_s:
            raise problems.absent()
        return kept

    def parent(self, id_: str) -> Order:
        """Return the order of an authorization, a capture or a refund. Raises the 404."""
        kept = self.orders.get(self.parents.get(id_, ""))
        if kept is None:
            raise problems.absent()
        return kept

    def batch(self, id_: str) -> Batch | None:
        """Return a batch by its own id."""
        return self.batches.get(id_)

    def used(self, sender_batch_id: str) -> Batch | None:
        """Return the batch that has used this number within the last 30 days."""
        kept = self.batches.get(self.sender_batches.get(sender_batch_id, ""))
        fresh = kept is not None and time.time() <= kept.made_s + BATCH_WINDOW_S
        return kept if fresh else None

    def write(self, kind: Kind | str, order: Order, one: Movement | None = None) -> Order:
        """Keep an order and write the line; `one` is what moved, and the order what it belongs to."""
        self._keep(order)
        refund = one is not None and bool(one.of)
        self.stage.record(
            kind,
            object=order.id if one is None else one.id,
            of="" if one is None else order.id,
            reference=order.custom_id,
            refund_reference=one.custom_id if one is not None and refund else "",
            amount=order.amount if one is None else one.amount,
            currency=order.currency,
            state=order,
        )
        return order

    def write_batch(self, kind: Kind | str, batch: Batch) -> Batch:
        """Keep a batch and write the line."""
        self._keep(batch)
        self.stage.record(
            kind,
            object=batch.id,
            reference=batch.sender_batch_id,
            amount=batch.amount,
            currency=batch.currency,
            state=batch,
        )
        return batch

    def tell(self, type_: str, resource_type: str, resource: dict[str, Any], about: str) -> None:
        """Send an event about an order or a batch."""
        event = {
            "id": f"WH-{new_id()}-{new_id()}",
            "create_time": now(),
            "resource_type": resource_type,
            "event_version": "1.0",
            "event_type": type_,
            "summary": f"{type_} about {about}",
            "resource_version": "2.0",
            "resource": resource,
            "links": [],
        }
        # All tries of one event are one transmission: they are signed alike.
        once = {"transmission": str(uuid.uuid4()), "time": now()}
        body = json.dumps(event, separators=(",", ":"))
        self.stage.notify(
            Notice(id=str(event["id"]), type=type_, object=about, body=body, about=once)
        )

    def tell_order(self, type_: str, order: Order) -> None:
        """Tell of an order itself."""
        shown = shows.order(order, self.stage.public_url)
        self.tell(type_, "checkout-order", shown, order.id)

    def _keep(self, found: Order | Batch) -> None:
        if isinstance(found, Batch):
            self.batches[found.id] = found
            self.parents[found.item] = found.id
            if found.sender_batch_id:
                self.sender_batches[found.sender_batch_id] = found.id
            return
        self.orders[found.id] = found
        holds = () if found.hold is None else (found.hold,)
        for one in (*holds, *found.captures, *found.refunds):
            self.parents[one.id] = found.id
        for dispute in found.disputes:
            self.parents[dispute.id] = found.id
        if holds and found.invoice_id:
            self.invoices[found.invoice_id] = found.id
        for capture in found.captures:
            if capture.invoice_id:
                self.invoices.setdefault(capture.invoice_id, found.id)
        self.refund_invoices |= {one.invoice_id for one in found.refunds if one.invoice_id}
