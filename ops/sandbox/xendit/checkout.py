"""The page on which a payer approves or refuses."""

from ops.sandbox.replies import Answer
from ops.sandbox.stage import pages
from ops.sandbox.stage.calls import Call
from ops.sandbox.xendit.account import Account
from ops.sandbox.xendit.lifecycle import Lifecycle
from ops.sandbox.xendit.objects import Charge

ENDED = {
    "SUCCEEDED": "This payment is paid.",
    "AUTHORIZED": "This payment is approved.",
    "FAILED": "This payment failed.",
    "CANCELED": "This payment was canceled.",
    "EXPIRED": "This payment has expired.",
    "PENDING": "This payment is being processed.",
}


class Checkout:
    """GET and POST /checkout/{id}; the id is the secret that opens the page."""

    def __init__(self, account: Account, life: Lifecycle) -> None:
        self._account = account
        self._life = life

    def page(self, call: Call) -> Answer:
        """GET /checkout/{id}: the payer's page."""
        charge = self._account.charges.get(call.names["id"])
        if charge is None:
            return pages.missing()
        about = {"Channel": charge.channel, "Reference": charge.reference}
        if charge.status == "REQUIRES_ACTION":
            title = "Confirm your card" if charge.channel == "CARDS" else "Pay"
            return pages.asking(title, charge.amount, charge.currency, about)
        back = charge.properties.get(
            "failure_return_url" if charge.status == "FAILED" else "success_return_url"
        )
        return pages.ended(ENDED.get(charge.status, charge.status), about, back)

    def decide(self, call: Call) -> Answer:
        """POST /checkout/{id}: the payer's decision, once."""
        charge = self._account.charges.get(call.names["id"])
        if charge is not None and charge.status == "REQUIRES_ACTION":
            match pages.decision(call.body):
                case "approve":
                    self._life.carry_out(charge)
                case "decline":
                    self._life.fail(charge, refusal_of(charge))
                case _:
                    pass
        return self.page(call)


def refusal_of(charge: Charge) -> str:
    """Return the failure of a payer who refuses."""
    return "AUTHENTICATION_FAILED" if charge.channel == "CARDS" else "USER_DECLINED_PAYMENT"
