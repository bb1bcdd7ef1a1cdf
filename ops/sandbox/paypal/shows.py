"""Orders, payments, payouts and disputes as PayPal shows them."""

from __future__ import annotations

from typing import Any

from ops.sandbox.paypal import coins
from ops.sandbox.paypal.objects import Batch, Dispute, Movement, Order

ORDERS = "/v2/checkout/orders"
AUTHORIZATIONS = "/v2/payments/authorizations"
CAPTURES = "/v2/payments/captures"
REFUNDS = "/v2/payments/refunds"
PAYOUTS = "/v1/payments/payouts"
ITEMS = "/v1/payments/payouts-item"
DISPUTES = "/v1/customer/disputes"
#: The payer's page, with the order in its query.
CHECKOUT = "/checkoutnow"

Json = dict[str, Any]


def order(kept: Order, base: str, *, full: bool = True) -> Json:
    """Return an order; without `Prefer: return=representation` little is shown of a new one."""
    place = f"{base}{ORDERS}/{kept.id}"
    links = [link(place, "self")]
    if kept.status in ("CREATED", "PAYER_ACTION_REQUIRED"):
        rel = "payer-action" if kept.by_wallet else "approve"
        links.append(link(f"{base}{CHECKOUT}?token={kept.id}", rel))
    if kept.status == "APPROVED":
        call = "capture" if kept.intent == "CAPTURE" else "authorize"
        links.append(link(f"{place}/{call}", call, "POST"))
    brief = {"id": kept.id, "status": kept.status, "links": links}
    if not full:
        return brief
    source = {"paypal": {"email_address": kept.payer} if kept.payer else {}}
    return brief | {
        "intent": kept.intent,
        "payment_source": source,
        "purchase_units": [_unit(kept, base)],
        "create_time": kept.created,
        "update_time": kept.updated,
    }


def authorization(kept: Order, one: Movement, base: str, *, full: bool = True) -> Json:
    """Return the authorization of an order."""
    place = f"{base}{AUTHORIZATIONS}/{one.id}"
    links = [link(place, "self"), link(f"{base}{ORDERS}/{kept.id}", "up")]
    if one.status == "CREATED":
        links += [link(f"{place}/{call}", call, "POST") for call in ("capture", "void")]
    return _movement(kept, one, links, full=full)


def capture(kept: Order, one: Movement, base: str, *, full: bool = True) -> Json:
    """Return a capture."""
    place = f"{base}{CAPTURES}/{one.id}"
    up = f"{base}{ORDERS}/{kept.id}"
    if kept.hold is not None:
        up = f"{base}{AUTHORIZATIONS}/{kept.hold.id}"
    links = [link(place, "self"), link(f"{place}/refund", "refund", "POST"), link(up, "up")]
    found = _movement(kept, one, links, full=full)
    return found | {"final_capture": True} if full else found


def refund(kept: Order, one: Movement, base: str, *, full: bool = True) -> Json:
    """Return a refund."""
    links = [
        link(f"{base}{REFUNDS}/{one.id}", "self"),
        link(f"{base}{CAPTURES}/{one.of}", "up"),
    ]
    return _movement(kept, one, links, full=full)


def related(kept: Order, shown: Json) -> Json:
    """Return an authorization or a capture with the ids that it is related to."""
    ids = {"order_id": kept.id}
    if kept.hold is not None and kept.hold.id != shown["id"]:
        ids["authorization_id"] = kept.hold.id
    return shown | {"supplementary_data": {"related_ids": ids}}


def batch_header(kept: Batch) -> Json:
    """Return what a batch says of itself."""
    sender = {"sender_batch_id": kept.sender_batch_id} if kept.sender_batch_id else {}
    return {
        "payout_batch_id": kept.id,
        "batch_status": kept.status,
        "sender_batch_header": sender,
    }


def batch(kept: Batch, base: str) -> Json:
    """Return a batch with its payout."""
    header = batch_header(kept) | {
        "time_created": kept.created,
        "amount": _payout_money(kept),
    }
    links = [link(f"{base}{PAYOUTS}/{kept.id}", "self")]
    return {"batch_header": header, "items": [item(kept, base)], "links": links}


def item(kept: Batch, base: str) -> Json:
    """Return the payout of a batch."""
    detail: Json = {
        "recipient_type": kept.recipient_type,
        "amount": _payout_money(kept),
        "receiver": kept.receiver,
        "recipient_wallet": "PAYPAL",
    }
    if kept.sender_item_id:
        detail["sender_item_id"] = kept.sender_item_id
    if kept.note:
        detail["note"] = kept.note
    found = {
        "payout_item_id": kept.item,
        "transaction_status": kept.item_status,
        "payout_batch_id": kept.id,
        "payout_item": detail,
        "links": [link(f"{base}{ITEMS}/{kept.item}", "item")],
    }
    if kept.error:
        said = {"name": kept.error, "message": "See the name.", "debug_id": kept.item.lower()}
        found["errors"] = said
    return found


def dispute(kept: Order, one: Dispute, base: str) -> Json:
    """Return a dispute that the payer has won."""
    money = coins.shown(one.amount, kept.currency)
    about: Json = {"seller_transaction_id": one.capture, "transaction_status": "REVERSED"}
    if kept.invoice_id:
        about["invoice_number"] = kept.invoice_id
    if kept.custom_id:
        about["custom"] = kept.custom_id
    return dispute_in_brief(kept, one, base) | {
        "disputed_transactions": [about],
        "dispute_outcome": {"outcome_code": "RESOLVED_BUYER_FAVOUR", "amount_refunded": money},
    }


def dispute_in_brief(kept: Order, one: Dispute, base: str) -> Json:
    """Return a dispute as a list shows it: without its outcome."""
    return {
        "dispute_id": one.id,
        "create_time": one.created,
        "update_time": one.created,
        "reason": "UNAUTHORISED",
        "status": "RESOLVED",
        "dispute_state": "RESOLVED",
        "dispute_amount": coins.shown(one.amount, kept.currency),
        "dispute_life_cycle_stage": "CHARGEBACK",
        "dispute_channel": "INTERNAL",
        "links": [link(f"{base}{DISPUTES}/{one.id}", "self")],
    }


def link(href: str, rel: str, method: str = "GET") -> Json:
    """Return one address that goes with an object."""
    return {"href": href, "rel": rel, "method": method}


def _unit(kept: Order, base: str) -> Json:
    unit: Json = {
        "reference_id": kept.reference_id,
        "amount": coins.shown(kept.amount, kept.currency),
    }
    for name in ("description", "custom_id", "invoice_id"):
        if text := getattr(kept, name):
            unit[name] = text
    payments: Json = {}
    if kept.hold is not None:
        payments["authorizations"] = [authorization(kept, kept.hold, base)]
    if kept.captures:
        payments["captures"] = [capture(kept, one, base) for one in kept.captures]
    if kept.refunds:
        payments["refunds"] = [refund(kept, one, base) for one in kept.refunds]
    return unit | {"payments": payments} if payments else unit


def _movement(kept: Order, one: Movement, links: list[Json], *, full: bool) -> Json:
    found: Json = {"id": one.id, "status": one.status, "links": links}
    if one.reason:
        found["status_details"] = {"reason": one.reason}
    if not full:
        return found
    found["amount"] = coins.shown(one.amount, kept.currency)
    for name in ("invoice_id", "custom_id"):
        if text := getattr(one, name):
            found[name] = text
    return found | {"create_time": one.created, "update_time": one.updated}


def _payout_money(kept: Batch) -> Json:
    return {"currency": kept.currency, "value": coins.text_of(kept.amount, kept.currency)}
