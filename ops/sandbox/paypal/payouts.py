"""Payouts v1: a batch of one, decided later; only the sender's number of it guards a repetition."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import msgspec

from ops.sandbox.paypal import coins, problems, schemas, shows
from ops.sandbox.paypal.objects import Batch, new_id, now
from ops.sandbox.paypal.shop import Shop
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call, Refused
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind

#: A note that plays an error, as PayPal's own sandbox does it: status, name, message.
NOTES = {
    "ERRPYO001": (403, "SENDER_RESTRICTED", "The sender's account is restricted."),
    "ERRPYO002": (403, "SENDER_EMAIL_UNCONFIRMED", "Authorization error occurred"),
    "ERRPYO003": (403, "AUTHORIZATION_ERROR", "Authorization error occurred"),
    "ERRPYO005": (422, "INSUFFICIENT_FUNDS", "The sender's balance does not suffice."),
    "ERRPYO006": (500, "INTERNAL_ERROR", "An internal service error has occurred."),
}
#: A receiver whose address begins like this has no account yet.
UNCLAIMED = "unclaimed"
#: What a receiver of each type is called by.
FORMS = {
    "EMAIL": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z"),
    "PAYPAL_ID": re.compile(r"[2-9A-HJ-NP-Z]{13}\Z"),
    "PHONE": re.compile(r"[0-9+ -]{6,20}\Z"),
}


@dataclass(frozen=True)
class Payouts:
    """The endpoints of payouts."""

    shop: Shop

    def create(self, call: Call) -> Answer:
        """POST /v1/payments/payouts. The `PayPal-Request-Id` guards nothing here."""
        try:
            asked = schemas.read(call, schemas.PayoutRequest)
        except Refused as refused:
            raise _worded(refused) from None
        header, item = asked.sender_batch_header, asked.items[0]
        kind = item.recipient_type or header.recipient_type or ""
        form, currency = FORMS.get(kind), item.amount.currency
        call.about(header.sender_batch_id or "")
        if form is None or not form.match(item.receiver):
            raise _invalid("items[0].receiver", "Receiver is invalid or does not match with type")
        if currency not in coins.DIGITS:
            raise _invalid("items[0].amount.currency", "Currency is not supported")
        minor = coins.minor_of(item.amount.value, currency)
        if minor is None or minor <= 0:
            raise _invalid("items[0].amount.value", "Amount is invalid")
        if header.sender_batch_id:
            self._unused(header.sender_batch_id)
        if played := NOTES.get(item.note):
            raise problems.payout(*played)
        decision = call.decides(Fault.SOFT_DECLINE, Fault.WRONG_AMOUNT, Fault.PAYOUT_RETURNED)
        if decision is Fault.SOFT_DECLINE:
            raise problems.payout(*NOTES["ERRPYO005"])
        more = coins.unit_of(currency) if decision is Fault.WRONG_AMOUNT else 0
        batch = Batch(
            id=new_id(13),
            item=new_id(13),
            status="PENDING",
            item_status="PENDING",
            amount=minor + more,
            currency=currency,
            receiver=item.receiver,
            recipient_type=kind,
            made_s=time.time(),
            created=now(),
            sender_batch_id=header.sender_batch_id or "",
            sender_item_id=item.sender_item_id or "",
            note=item.note,
        )
        call.about(batch.sender_batch_id, batch.id)
        self.shop.write_batch("payout.begun", batch)
        self._tell_batch("PAYMENT.PAYOUTSBATCH.PROCESSING", batch)
        then = "returned" if decision is Fault.PAYOUT_RETURNED else "paid"
        self.shop.stage.later(then, batch.id)
        base = self.shop.stage.public_url
        links = [shows.link(f"{base}{shows.PAYOUTS}/{batch.id}", "self")]
        return json_answer(201, {"batch_header": shows.batch_header(batch), "links": links})

    def show(self, call: Call) -> Answer:
        """GET /v1/payments/payouts/{id}."""
        batch = self.shop.batch(call.names["id"])
        if batch is None:
            raise _absent()
        call.about(batch.sender_batch_id, batch.id)
        return json_answer(200, shows.batch(batch, self.shop.stage.public_url))

    def show_item(self, call: Call) -> Answer:
        """GET /v1/payments/payouts-item/{id}."""
        batch = self.shop.batch(self.shop.parents.get(call.names["id"], ""))
        if batch is None:
            raise _absent()
        call.about(batch.sender_batch_id, batch.id)
        return json_answer(200, shows.item(batch, self.shop.stage.public_url))

    def pay(self, batch: Batch) -> None:
        """Pay out; to whoever has no account the money is only offered."""
        if batch.receiver.startswith(UNCLAIMED):
            self._becomes("payout.unclaimed", batch, "UNCLAIMED", "RECEIVER_UNREGISTERED")
        else:
            self._becomes(Kind.PAYOUT, batch, "SUCCESS", "")

    def fail(self, batch: Batch) -> None:
        """Fail before anything was paid."""
        self._becomes("payout.failed", batch, "FAILED", "RECEIVER_ACCOUNT_LIMITATION")

    def give_back(self, batch: Batch) -> None:
        """Have money come back that was paid, or that nobody has claimed."""
        if batch.item_status == "UNCLAIMED":
            self._becomes("payout.unclaimed.returned", batch, "RETURNED", batch.error)
        else:
            self._becomes(Kind.PAYOUT_RETURNED, batch, "REFUNDED", "")

    def _becomes(self, kind: Kind | str, batch: Batch, status: str, error: str) -> None:
        first = batch.status != "SUCCESS"
        after = msgspec.structs.replace(batch, status="SUCCESS", item_status=status, error=error)
        self.shop.write_batch(kind, after)
        if first:
            self._tell_batch("PAYMENT.PAYOUTSBATCH.SUCCESS", after)
        name = "SUCCEEDED" if status == "SUCCESS" else status
        shown = shows.item(after, self.shop.stage.public_url)
        if after.sender_batch_id:
            shown["sender_batch_id"] = after.sender_batch_id
        self.shop.tell(f"PAYMENT.PAYOUTS-ITEM.{name}", "payouts_item", shown, after.id)

    def _tell_batch(self, type_: str, batch: Batch) -> None:
        shown = {"batch_header": shows.batch_header(batch), "links": []}
        self.shop.tell(type_, "payouts", shown, batch.id)

    def _unused(self, sender_batch_id: str) -> None:
        """Raise the 400 that links to the batch which has used the number."""
        used = self.shop.used(sender_batch_id)
        if used is None:
            return
        href = f"{self.shop.stage.public_url}{shows.PAYOUTS}/{used.id}"
        link = {"href": href, "rel": "self", "method": "GET", "encType": "application/json"}
        raise problems.payout(
            400,
            "USER_BUSINESS_ERROR",
            "User business error.",
            {
                "field": "SENDER_BATCH_ID",
                "location": "body",
                "issue": "Batch with given sender_batch_id already exists",
                "link": [link],
            },
        )


def _worded(refused: Refused) -> Refused:
    """Return what Orders would say of a wrong body in the words of Payouts."""
    details = msgspec.json.decode(refused.answer.body).get("details") or [{}]
    return _invalid(details[0].get("field", ""), details[0].get("issue", "Invalid request"))


def _invalid(field: str, issue: str) -> Refused:
    found = {"field": field, "location": "body", "issue": issue}
    return problems.payout(400, "VALIDATION_ERROR", "Invalid request - see details", found)


def _absent() -> Refused:
    return problems.payout(404, "INVALID_RESOURCE_ID", "Requested resource ID was not found.")
