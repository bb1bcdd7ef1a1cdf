"""What can be done to a transaction: capture, cancel, expire, approve, deny, refund, charge back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import msgspec

from ops.sandbox.midtrans import orders, showing
from ops.sandbox.midtrans.charges import Charges
from ops.sandbox.midtrans.objects import SEN, Transaction, now
from ops.sandbox.midtrans.shelf import SETTLED, Shelf, new_refund
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind
from ops.sandbox.stage.provider import LeverError

#: Money of these goes back through the API; a transfer's does not.
REFUNDABLE = frozenset({"credit_card", "gopay", "qris", "shopeepay"})
#: What a charge that waits can be forced into, and how.
OPEN = frozenset({"pending", "authorize"})


@dataclass
class Changes:
    """Changes what is there."""

    shelf: Shelf
    charges: Charges

    def capture(self, call: Call) -> Answer:
        """POST /v2/capture: a part of a hold; what is left of it is let go of."""
        given = orders.body_of(call.body)
        orders.only(given, "transaction_id", "gross_amount")
        shown = self.shelf.at(orders.text_of(given, "transaction_id"))
        call.about(shown.order_id, shown.id)
        if shown.status != "authorize" or shown.fraud != "accept":
            raise showing.refused("412")
        amount = orders.amount_of(given, "gross_amount", most=shown.amount)
        if call.decides(Fault.WRONG_AMOUNT) is not None:
            amount -= 1
        after = msgspec.structs.replace(shown, status="capture", amount=amount)
        return self._answer(self.shelf.becomes(Kind.CAPTURE, after, amount=amount))

    def cancel(self, call: Call) -> Answer:
        """POST /v2/{name}/cancel: whatever has not settled, also what was captured today."""
        shown = self._asked(call)
        after = self._cancelled(shown)
        if after is None:
            raise showing.refused("412")
        return self._answer(after)

    def expire(self, call: Call) -> Answer:
        """POST /v2/{name}/expire: what the payer has not acted on."""
        shown = self._asked(call)
        if shown.status != "pending":
            raise showing.refused("412")
        return self._answer(self.expired(shown))

    def approve(self, call: Call) -> Answer:
        """POST /v2/{name}/approve: a person lets a challenged card pass."""
        return self._answer(self.charges.accepted(self._challenged(call)))

    def deny(self, call: Call) -> Answer:
        """POST /v2/{name}/deny: a person does not."""
        shown = msgspec.structs.replace(self._challenged(call), fraud="deny")
        return self._answer(self.charges.denied(shown, ""))

    def refund(self, call: Call) -> Answer:
        """POST /v2/{name}/refund, or refund/online/direct."""
        shown = self._asked(call)
        given = orders.body_of(call.body)
        orders.only(given, "refund_key", "amount", "reason")
        key = orders.text_of(given, "refund_key") or f"{shown.order_id}-{uuid.uuid4().hex[:8]}"
        reason = orders.text_of(given, "reason")
        if any(one.key == key for one in shown.refunds):
            raise showing.refused("406", message="Duplicate refund ID")
        if shown.status not in SETTLED or shown.payment_type not in REFUNDABLE:
            raise showing.refused("412")
        amount = orders.amount_of(given, "amount") if "amount" in given else shown.left
        if amount > shown.left:
            raise showing.refused("412", message="Refund amount is more than what is left.")
        match call.decides(Fault.SOFT_DECLINE, Fault.HARD_DECLINE, Fault.WRONG_AMOUNT):
            case Fault.SOFT_DECLINE:
                body = self.charges.shown(shown)
                said = {"status_code": "202", "status_message": "Refund denied by the bank"}
                return json_answer(200, body | said)
            case Fault.HARD_DECLINE:
                raise showing.refused("414")
            case Fault.WRONG_AMOUNT:
                amount -= 1
            case _:
                pass
        refund = new_refund(key, amount, reason)
        after = self.shelf.gives_back(shown, refund)
        body = self.charges.shown(after) | {
            "status_message": "Success, refund request is approved",
            "refund_chargeback_id": refund.number,
            "refund_amount": showing.rupiah(amount),
            "refund_key": key,
        }
        del body["refunds"]
        return json_answer(200, body)

    def settle(self, object_id: str, to: str) -> None:
        """Force a charge into another status."""
        shown = self.shelf.under(object_id)
        open_ = shown.status in OPEN or shown.fraud == "challenge"
        match to:
            case "captured" if shown.status == "authorize":
                after = msgspec.structs.replace(shown, status="capture", fraud="accept")
                self.shelf.becomes(Kind.CAPTURE, after, amount=after.amount)
            case "captured" if open_:
                self.charges.accepted(msgspec.structs.replace(shown, holds=False))
            case "authorized" if shown.status == "pending" and shown.masked_card:
                self.charges.accepted(msgspec.structs.replace(shown, holds=True))
            case "declined" if open_:
                self.charges.denied(shown, "05")
            case "canceled" if open_:
                self._cancelled(shown)
            case "expired" if open_:
                self.expired(shown)
            case "refunded" if shown.status in SETTLED:
                self.shelf.gives_back(shown, new_refund(uuid.uuid4().hex, shown.left, "by hand"))
            case _:
                raise LeverError(f"A transaction that is {shown.status} cannot be {to}.")

    def charge_back(self, object_id: str, minor: int) -> None:
        """Have the payer's bank take back all that is left; or the whole, where nothing is left."""
        shown = self.shelf.under(object_id)
        taken = shown.left or shown.amount
        if shown.status not in SETTLED | {"refund"} or minor != taken * SEN:
            raise LeverError(f"It is {shown.status}: a bank could only take back {taken * SEN}.")
        after = msgspec.structs.replace(shown, status="chargeback")
        self.shelf.becomes(Kind.CHARGEBACK, after, amount=taken)

    def denied_late(self, object_id: str) -> None:
        """Have a bank deny what had settled, as happens within minutes at some of them."""
        shown = self.shelf.under(object_id)
        if shown.status != "settlement":
            raise LeverError(f"A transaction that is {shown.status} cannot be denied late.")
        after = msgspec.structs.replace(shown, status="deny")
        self.shelf.becomes(Kind.REVERSAL, after, amount=shown.amount)

    def expired(self, shown: Transaction) -> Transaction:
        """End what is open; a hold is let go of."""
        after = msgspec.structs.replace(shown, status="expire", asks="")
        held = shown.status == "authorize"
        kind = Kind.VOID if held else "expired"
        return self.shelf.becomes(kind, after, amount=shown.amount if held else 0)

    def due(self, what: str, object_id: str) -> None:
        """Take what was to happen later, if it still can."""
        shown = self.shelf.under(object_id)
        match what:
            case "expire" if shown.status == "pending":
                self.expired(shown)
            case "accept" if shown.status == "pending":
                self.charges.accepted(shown)
            case "deny" if shown.status == "pending":
                self.charges.denied(shown, "51")
            case "settle" if shown.status == "capture":
                self.shelf.settles(shown)
            case "chargeback" if shown.status in SETTLED | {"capture"}:
                settled = shown if shown.status in SETTLED else self.shelf.settles(shown)
                self.charge_back(object_id, settled.left * SEN)
            case _:
                pass

    def _asked(self, call: Call) -> Transaction:
        shown = self.shelf.at(call.names["name"])
        call.about(shown.order_id, shown.id)
        return shown

    def _challenged(self, call: Call) -> Transaction:
        shown = self._asked(call)
        if shown.fraud != "challenge":
            raise showing.refused("412")
        return shown

    def _cancelled(self, shown: Transaction) -> Transaction | None:
        after = msgspec.structs.replace(shown, status="cancel", asks="")
        if shown.fraud == "challenge" or shown.status == "pending":
            return self.shelf.becomes("canceled", after)
        if shown.status == "authorize":
            return self.shelf.becomes(Kind.VOID, after, amount=shown.amount)
        if shown.status == "capture":
            return self.shelf.becomes(Kind.REVERSAL, after, amount=shown.amount)
        return None

    def _answer(self, shown: Transaction) -> Answer:
        body: dict[str, Any] = self.charges.shown(shown)
        return json_answer(200, body | {"transaction_time": now()})
