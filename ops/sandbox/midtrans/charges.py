"""Charging: cards, wallets and transfers, from the merchant's request to the money."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec

from ops.sandbox.midtrans import orders, showing
from ops.sandbox.midtrans.cards import ANY, CARDS, card_of
from ops.sandbox.midtrans.objects import Transaction, now
from ops.sandbox.midtrans.orders import Order
from ops.sandbox.midtrans.shelf import Shelf
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.faults import Fault
from ops.sandbox.stage.lines import Kind
from ops.sandbox.stage.provider import LeverError
from ops.sandbox.stage.stage import Stage

#: What the bank says where a fault makes it say no.
DENIALS = {Fault.SOFT_DECLINE: "51", Fault.HARD_DECLINE: "04"}
LATER = frozenset({Fault.LATER, Fault.LATER_DECLINE})
APPROVED = "00"
#: A payer who refuses on their bank's page.
NOT_AUTHENTICATED = "Card is not authenticated."
DONE = "Success, transaction is found"


@dataclass
class Charges:
    """Makes transactions, and decides those that are open."""

    stage: Stage
    shelf: Shelf
    #: Whether a status repeats where the payer must go, which is not documented either way.
    repeats_links: bool

    def charge(self, call: Call) -> Answer:
        """POST /v2/charge."""
        order = orders.order_of(call.body)
        call.about(order.order_id)
        known = self.shelf.find(order.order_id)
        if known is not None and not known.frees_its_name:
            raise showing.refused("406")
        match order.payment_type:
            case "credit_card":
                shown = self._card(order, call)
            case "bank_transfer":
                shown = self._transfer(order)
            case _:
                shown = self._open(_new(order, asks="wallet"), order)
        call.about(order.order_id, shown.id)
        return json_answer(200, self.shown(shown, links=True))

    def status(self, call: Call) -> Answer:
        """GET /v2/{name}/status."""
        shown = self.shelf.at(call.names["name"])
        call.about(shown.order_id, shown.id)
        body = self.shown(shown, links=self.repeats_links and shown.asks == "3ds")
        body["signature_key"] = showing.signature(body, self.shelf.server_key)
        return json_answer(200, body)

    def shown(self, shown: Transaction, *, links: bool = False) -> dict[str, Any]:
        """Return a transaction as an answer."""
        body = showing.transaction(shown, DONE, self.shelf.merchant)
        return body | (self._links(shown) if links and shown.status == "pending" else {})

    def decide(self, shown: Transaction) -> Transaction:
        """Have the bank and the screening decide about a card, or the payer have paid."""
        card = CARDS.get(shown.masked_card, ANY)
        if shown.masked_card and card.fraud == "deny":
            return self._denied(msgspec.structs.replace(shown, fraud="deny"))
        if shown.masked_card and card.channel_code != APPROVED:
            return self._denied(msgspec.structs.replace(shown, channel_code=card.channel_code))
        if card.fraud == "challenge":
            status = "authorize" if shown.holds else "capture"
            held_up = msgspec.structs.replace(shown, status=status, fraud="challenge", asks="")
            return self.shelf.becomes("challenged", held_up)
        return self.accepted(shown)

    def accepted(self, shown: Transaction) -> Transaction:
        """Move the money, or hold it."""
        card = bool(shown.masked_card)
        status = "authorize" if shown.holds else "capture" if card else "settlement"
        after = msgspec.structs.replace(
            shown,
            status=status,
            fraud="accept",
            asks="",
            channel_code=APPROVED if card else "",
            settled_at="" if card else now(),
        )
        kind = Kind.AUTHORIZATION if shown.holds else Kind.SALE
        after = self.shelf.becomes(kind, after, amount=after.amount)
        if status == "capture" and self.shelf.settle_after_s:
            self.stage.later("settle", after.id, self.shelf.settle_after_s)
        return after

    def denied(self, shown: Transaction, channel_code: str) -> Transaction:
        """Have a bank say no."""
        return self._denied(msgspec.structs.replace(shown, channel_code=channel_code))

    def approve(self, object_id: str) -> None:
        """Have the payer approve: on their bank's page, in their wallet, by their transfer."""
        shown = self.shelf.under(object_id)
        if shown.status != "pending" or not shown.asks:
            raise LeverError(f"Nobody is asked about a transaction that is {shown.status}.")
        self.decide(shown)

    def reject(self, object_id: str) -> None:
        """Have the payer refuse."""
        shown = self.shelf.under(object_id)
        if shown.status != "pending" or not shown.asks:
            raise LeverError(f"Nobody is asked about a transaction that is {shown.status}.")
        self._denied(shown)

    def _card(self, order: Order, call: Call) -> Transaction:
        found = card_of(str(order.means.get("token_id", "")))
        if found is None:
            raise showing.refused("411")
        masked, card = found
        holds = order.means.get("type") == "authorize"
        shown = _new(order, masked_card=masked, holds=holds)
        match call.decision:
            case Fault.SOFT_DECLINE | Fault.HARD_DECLINE as no:
                return self.denied(shown, DENIALS[no])
            case Fault.LATER | Fault.LATER_DECLINE as later:
                return self._later(shown, "accept" if later is Fault.LATER else "deny")
            case Fault.ASKS:
                return self._open(msgspec.structs.replace(shown, asks="3ds"), order)
            case Fault.WRONG_AMOUNT:
                return self.decide(msgspec.structs.replace(shown, amount=shown.amount + 1))
            case Fault.CHARGEBACK:
                self.stage.later("chargeback", shown.id)
                return self.decide(shown)
            case _:
                pass
        if card.asks or (order.means.get("authentication") and card.has_3ds):
            return self._open(msgspec.structs.replace(shown, asks="3ds"), order)
        return self._later(shown, "accept") if card.later else self.decide(shown)

    def _transfer(self, order: Order) -> Transaction:
        number = "".join(secrets.choice("0123456789") for _ in range(16))
        shown = _new(order, asks="transfer", bank=order.means["bank"], va_number=number)
        return self._open(shown, order)

    def _open(self, shown: Transaction, order: Order) -> Transaction:
        self.stage.later("expire", shown.id, order.open_s)
        return self.shelf.becomes("pending", shown)

    def _later(self, shown: Transaction, what: str) -> Transaction:
        self.stage.later(what, shown.id)
        return self.shelf.becomes("pending", shown)

    def _denied(self, shown: Transaction) -> Transaction:
        return self.shelf.becomes(
            "declined", msgspec.structs.replace(shown, status="deny", asks="")
        )

    def _links(self, shown: Transaction) -> dict[str, Any]:
        """Return where the payer must go."""
        base, kind = self.stage.public_url, shown.payment_type
        match shown.asks:
            case "3ds":
                return {"redirect_url": f"{base}/v2/3ds/redirect/{shown.id}"}
            case "wallet":
                code = f"{base}/v2/{kind}/{shown.id}/qr-code"
                app = f"{base}/{kind}/app/{shown.id}"
                actions = [_action("deeplink-redirect", app)] if kind != "qris" else []
                if kind != "shopeepay":
                    actions.insert(0, _action("generate-qr-code", code))
                return {"actions": actions}
            case _:
                return {}


def _action(name: str, url: str) -> dict[str, str]:
    return {"name": name, "method": "GET", "url": url}


def _new(
    order: Order,
    *,
    masked_card: str = "",
    holds: bool = False,
    asks: str = "",
    bank: str = "",
    va_number: str = "",
) -> Transaction:
    return Transaction(
        id=str(uuid.uuid4()),
        order_id=order.order_id,
        amount=order.amount,
        payment_type=order.payment_type,
        status="pending",
        made_at=now(),
        expires_at=now(order.open_s),
        holds=holds,
        masked_card=masked_card,
        asks=asks,
        bank=bank,
        va_number=va_number,
        fields=order.fields,
    )
