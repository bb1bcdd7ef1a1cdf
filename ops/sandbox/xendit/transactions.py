"""GET /transactions: what moved in the account's balance, newest first, in pages."""

from collections.abc import Iterator
from typing import Any

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.times import epoch_s
from ops.sandbox.xendit import views
from ops.sandbox.xendit.account import Account
from ops.sandbox.xendit.errors import invalid
from ops.sandbox.xendit.numbers import number

PAGE_LIMIT, PAGE_DEFAULT = 50, 10
KNOWN = frozenset({"created[gte]", "created[lte]", "limit", "after_id", "types", "statuses"})
#: How each object's status is told in the balance; a hold is not there, it is no money yet.
PAID = {"SUCCEEDED": "SUCCESS", "PENDING": "PENDING", "FAILED": "FAILED"}
REFUNDED = {"SUCCEEDED": "SUCCESS", "PENDING": "PENDING", "FAILED": "FAILED", "CANCELLED": "VOIDED"}
SENT = {
    "ACCEPTED": "PENDING",
    "REQUESTED": "PENDING",
    "SUCCEEDED": "SUCCESS",
    "FAILED": "FAILED",
    "CANCELLED": "VOIDED",
    "REVERSED": "REVERSED",
}


class Transactions:
    """The balance's movements."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def listed(self, call: Call) -> Answer:
        """GET /transactions."""
        asked = call.query
        if unknown := sorted(asked.keys() - KNOWN):
            raise invalid(f"{unknown[0]} is not allowed")
        since_s = _time(asked.get("created[gte]"), 0.0)
        until_s = _time(asked.get("created[lte]"), float("inf"))
        text = asked.get("limit", str(PAGE_DEFAULT))
        if not (
            text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= PAGE_LIMIT
        ):
            raise invalid(f"limit is between 1 and {PAGE_LIMIT}")
        found = [
            one
            for one in self._all()
            if since_s <= epoch_s(one["created"]) <= until_s
            and asked.get("types", one["type"]) == one["type"]
            and asked.get("statuses", one["status"]) == one["status"]
        ]
        found.sort(key=lambda one: (one["created"], one["id"]), reverse=True)
        if after := asked.get("after_id"):
            ids = [one["id"] for one in found]
            if after not in ids:
                raise invalid("after_id is not the id of a transaction here")
            found = found[ids.index(after) + 1 :]
        page = found[: int(text)]
        return json_answer(200, {"has_more": len(found) > len(page), "data": page, "links": []})

    def _all(self) -> Iterator[dict[str, Any]]:
        account = self._account
        for charge in account.charges.values():
            payment = charge.payment
            if payment is not None and payment.status in PAID:
                minor = payment.captured or payment.amount
                about = ("PAYMENT", "MONEY_IN", PAID[payment.status], payment.id)
                named = (charge.reference, charge.channel, payment.created, payment.updated)
                yield _shown(*about, *named, minor, charge.currency)
        for refund in account.refunds.values():
            channel = account.charge(refund.charge).channel
            about = ("REFUND", "MONEY_OUT", REFUNDED[refund.status], refund.id)
            referred = (refund.reference or "", channel, refund.created, refund.updated)
            yield _shown(*about, *referred, refund.amount, refund.currency)
        for payout in account.payouts.values():
            about = ("DISBURSEMENT", "MONEY_OUT", SENT[payout.status], payout.id)
            sent = (payout.reference, payout.channel, payout.created, payout.updated)
            yield _shown(*about, *sent, payout.amount, payout.currency)
        for taken in account.disputes.values():
            channel = account.charge(taken.charge).channel
            about = ("CHARGEBACK", "MONEY_OUT", "SUCCESS", taken.payment)
            lost = (taken.reference, channel, taken.created, taken.updated)
            yield _shown(*about, *lost, taken.amount, taken.currency) | {"id": f"txn_{taken.id}"}


def _shown(
    type_: str,
    cashflow: str,
    status: str,
    product: str,
    reference: str,
    channel: str,
    created: str,
    updated: str,
    minor: int,
    currency: str,
) -> dict[str, Any]:
    return {
        "id": f"txn_{product}",
        "product_id": product,
        "type": type_,
        "status": status,
        "channel_category": "CARDS" if channel == "CARDS" else "BANK",
        "channel_code": channel,
        "account_identifier": None,
        "reference_id": reference,
        "currency": currency,
        "amount": number(minor, currency),
        "net_amount": number(minor, currency),
        "cashflow": cashflow,
        "settlement_status": None,
        "estimated_settlement_time": None,
        "business_id": views.BUSINESS,
        "created": created,
        "updated": updated,
    }


def _time(text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    try:
        return epoch_s(text)
    except ValueError:
        raise invalid("created is an ISO 8601 time") from None
