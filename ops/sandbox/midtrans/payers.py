"""The pages of payers: their bank's, their wallet's, and where a virtual account is paid into."""

from __future__ import annotations

from dataclasses import dataclass

from ops.sandbox.midtrans.charges import Charges
from ops.sandbox.midtrans.objects import Transaction
from ops.sandbox.midtrans.shelf import CURRENCY, Shelf
from ops.sandbox.replies import Answer
from ops.sandbox.stage import pages
from ops.sandbox.stage.calls import Call

TITLES = {"3ds": "Your bank asks", "wallet": "Pay with your wallet", "transfer": "Make a transfer"}
ENDS = {
    "authorize": "Approved",
    "capture": "Paid",
    "settlement": "Paid",
    "deny": "Refused",
    "cancel": "Cancelled",
    "expire": "Too late",
}


@dataclass
class Payers:
    """Shows an open transaction to its payer and takes their decision."""

    shelf: Shelf
    charges: Charges

    def ask(self, call: Call) -> Answer:
        """GET: the page."""
        shown = self._shown(call)
        if shown is None:
            return pages.missing()
        if shown.status != "pending" or not shown.asks:
            return self._ended(shown)
        return pages.asking(TITLES[shown.asks], shown.minor, CURRENCY, _about(shown))

    def decide(self, call: Call) -> Answer:
        """POST: the button."""
        shown, said = self._shown(call), pages.decision(call.body)
        if shown is None:
            return pages.missing()
        if shown.status == "pending" and shown.asks and said is not None:
            decide = self.charges.approve if said == "approve" else self.charges.reject
            decide(shown.id)
        return self._ended(self.shelf.under(shown.id))

    def _shown(self, call: Call) -> Transaction | None:
        if "account" in call.names:
            return self.shelf.account(call.names["account"])
        return self.shelf.find(call.names["name"])

    def _ended(self, shown: Transaction) -> Answer:
        title = ENDS.get(shown.status, f"It is {shown.status}")
        shop = shown.fields[1]
        back = shop if shop.startswith(("https://", "http://")) else None
        return pages.ended(title, _about(shown), back)


def _about(shown: Transaction) -> dict[str, str]:
    about = {"Order": shown.order_id}
    if shown.masked_card:
        about["Card"] = shown.masked_card
    if shown.va_number:
        about |= {"Bank": shown.bank, "Account": shown.va_number}
    return about
