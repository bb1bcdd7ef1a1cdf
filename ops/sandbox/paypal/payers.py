"""The payer: what they do on their page, and the payers who are known for something."""

from __future__ import annotations

from urllib.parse import urlencode

from ops.sandbox.paypal.objects import changed
from ops.sandbox.paypal.shop import Shop
from ops.sandbox.replies import Answer
from ops.sandbox.stage import pages
from ops.sandbox.stage.calls import Call, Refused
from ops.sandbox.stage.faults import Fault

#: By the part of their address before the @; the merchant names a payer by `email_address`.
HABITS = {
    "declined": Fault.SOFT_DECLINE,
    "refused": Fault.HARD_DECLINE,
    "review": Fault.LATER,
    "review-declined": Fault.LATER_DECLINE,
    "again": Fault.ASKS,
    "chargeback": Fault.CHARGEBACK,
}


def habit(payer: str) -> Fault | None:
    """Return what this payer is known for."""
    return HABITS.get(payer.partition("@")[0])


def page(shop: Shop, call: Call) -> Answer:
    """GET and POST /checkoutnow?token={order}: the payer approves, or goes back to the shop."""
    try:
        order = shop.order(call.query.get("token", ""))
    except Refused:
        return pages.missing()
    about = {"Order": order.id, "For": order.description or order.invoice_id}
    if order.status not in ("CREATED", "PAYER_ACTION_REQUIRED"):
        return pages.ended("This order needs nothing from you.", about, order.return_url or None)
    if call.method == "GET":
        return pages.asking("Pay with PayPal", order.amount, order.currency, about)
    match pages.decision(call.body):
        case "approve":
            approve(shop, order.id)
            back = _back(order.return_url, order.id)
            return pages.ended("You have approved the payment.", about, back)
        case "decline":  # nothing has happened: they may think again
            back = _back(order.cancel_url, order.id)
            return pages.ended("You have not approved the payment.", about, back)
        case _:
            return pages.asking("Pay with PayPal", order.amount, order.currency, about)


def approve(shop: Shop, id_: str) -> None:
    """Have the payer approve an order that waits for it."""
    order = changed(shop.order(id_), status="APPROVED")
    shop.write("order.approved", order)
    shop.tell_order("CHECKOUT.ORDER.APPROVED", order)


def _back(url: str, id_: str) -> str | None:
    if not url:
        return None
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}{urlencode({'token': id_})}"
