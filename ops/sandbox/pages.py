"""The page on which the customer pays, approves or declines a payment that requires action."""

import time
from html import escape
from urllib.parse import parse_qsl

from ops.sandbox.account import Account
from ops.sandbox.layout import page
from ops.sandbox.payments import lifecycle
from ops.sandbox.payments.lifecycle import AUTHENTICATION_FAILED
from ops.sandbox.payments.payment import BANK, BANK_TRANSFER, Payment, Status
from ops.sandbox.replies import Answer
from ops.sandbox.wire import Request

#: Currencies without a minor unit, and those with three digits; all others have two.
_NO_DIGITS = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV")
).union(("XAF", "XOF", "XPF"))
_THREE_DIGITS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])

_ENDED: dict[Status, str] = {
    "processing": "This payment is being processed.",
    "authorized": "This payment is approved.",
    "captured": "This payment is paid.",
    "declined": "This payment was declined.",
    "canceled": "This payment was canceled.",
    "expired": "This payment has expired.",
    "refunded": "This payment was refunded.",
    "partially_refunded": "This payment was partially refunded.",
    "charged_back": "This payment was charged back.",
}


class Pages:
    """GET and POST /pay/{id}; the id is the secret that opens the page."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def show(self, _: Request, payment_id: str) -> Answer:
        """Return the page of one payment in its present state."""
        payment = self._account.books.payments.get(payment_id)
        if payment is None:
            return page("Not found", "<h1>There is no such payment.</h1>", status=404)
        await self._account.ledger.flushed()
        return _asking(payment) if payment.status == "requires_action" else _ended(payment)

    async def decide(self, request: Request, payment_id: str) -> Answer:
        """Take the customer's decision, once, and send the browser back to the shop."""
        payment = self._account.books.payments.get(payment_id)
        if payment is None or payment.status != "requires_action":
            return await self.show(request, payment_id)
        match dict(parse_qsl(request.body.decode("latin-1"))).get("decision"):
            case "approve":
                moves = lifecycle.decide(payment, time.time(), self._account.terms)
            case "decline" if payment.source != BANK_TRANSFER:  # whoever does not pay just waits
                moves = lifecycle.decline(payment, AUTHENTICATION_FAILED, time.time())
            case _:
                return page("No decision", "<h1>That is not one of the buttons.</h1>", status=400)
        await self._account.act(moves)
        if payment.return_url is not None:
            return Answer(303, headers={"Location": payment.return_url})
        return _ended(self._account.books.payments[payment_id])


def money(amount: int, currency: str) -> str:
    """Return an amount of minor units for people, e.g. "1,234.50 USD"."""
    digits = 0 if currency in _NO_DIGITS else 3 if currency in _THREE_DIGITS else 2
    whole, rest = divmod(amount, 10**digits)
    return f"{whole:,}{f'.{rest:0{digits}}' if digits else ''} {currency}"


def _about(payment: Payment, more: str = "") -> str:
    described = payment.description
    return (
        f'<p class="amount">{escape(money(payment.amount, payment.currency))}</p>'
        + (f"<p>{escape(described)}</p>" if described else "")
        + f"<dl>{more}<dt>Reference</dt><dd>{escape(payment.reference)}</dd></dl>"
    )


def _asking(payment: Payment) -> Answer:
    if payment.source == BANK_TRANSFER:
        account = (
            f"<dt>Bank</dt><dd>{escape(BANK)}</dd>"
            f"<dt>Account number</dt><dd>{escape(payment.account_number)}</dd>"
        )
        return page(
            "Pay by bank transfer",
            "<h1>Pay by bank transfer</h1><p>Send exactly this amount to this account.</p>"
            + _about(payment, account)
            + '<form method="post"><button name="decision" value="approve">I have paid</button>'
            '</form><p class="soft">Sandbox: no real money moves.</p>',
        )
    return page(
        "Approve this payment?",
        "<h1>Approve this payment?</h1>" + _about(payment) + '<form method="post">'
        '<button name="decision" value="approve">Approve</button>'
        '<button name="decision" value="decline" class="no">Decline</button></form>'
        '<p class="soft">Sandbox: no real money moves.</p>',
    )


def _ended(payment: Payment) -> Answer:
    back = payment.return_url
    leave = (
        "You can close this page."
        if back is None
        else f'<a href="{escape(back)}">Return to the shop</a>'
    )
    title = _ENDED[payment.status]
    return page(title, f"<h1>{escape(title)}</h1>{_about(payment)}<p>{leave}</p>")
