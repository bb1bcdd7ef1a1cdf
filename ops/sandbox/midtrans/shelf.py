"""The account's transactions: kept in memory, written to the ledger, told to the merchant."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field

import msgspec

from ops.sandbox.midtrans import showing
from ops.sandbox.midtrans.objects import Refund, Transaction, now
from ops.sandbox.stage.lines import Kind
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.provider import LeverError
from ops.sandbox.stage.stage import Stage

CURRENCY = "IDR"
#: Nothing can become of these any more but a refund or a chargeback.
SETTLED = frozenset({"settlement", "partial_refund"})


@dataclass
class Shelf:
    """Every transaction by Midtrans' id, and the names under which else it is found."""

    stage: Stage
    server_key: str
    merchant: str
    settle_after_s: float
    _kept: dict[str, Transaction] = field(default_factory=dict)
    _orders: dict[str, str] = field(default_factory=dict)
    _accounts: dict[str, str] = field(default_factory=dict)
    _refunds: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Transaction | None:
        """Return a transaction by its order_id or by Midtrans' id, aged to this moment."""
        shown = self._kept.get(self._orders.get(name, name))
        return None if shown is None else self._aged(shown)

    def at(self, name: str) -> Transaction:
        """The same for the API: 404 where there is none."""
        shown = self.find(name)
        if shown is None:
            raise showing.refused("404")
        return shown

    def under(self, object_id: str) -> Transaction:
        """The same for levers and timers."""
        shown = self.find(object_id)
        if shown is None:
            raise LeverError("There is no such transaction.")
        return shown

    def account(self, number: str) -> Transaction | None:
        """Return the transaction that a virtual account belongs to."""
        id_ = self._accounts.get(number)
        return None if id_ is None else self.find(id_)

    def refunded(self, number: str) -> tuple[Transaction, Refund]:
        """Return a refund and its transaction."""
        shown = self.under(self._refunds.get(number, ""))
        return shown, next(one for one in shown.refunds if str(one.number) == number)

    def becomes(
        self, kind: Kind | str, shown: Transaction, *, amount: int = 0, tell: bool = True
    ) -> Transaction:
        """Keep what a transaction has become, and tell the merchant. `amount` is what moved, in
        rupiah; none is moved by a kind of our own."""
        self._keep(shown)
        self.stage.record(
            kind,
            object=shown.id,
            reference=shown.order_id,
            amount=amount * 100,
            currency=CURRENCY if amount else "",
            state=shown,
        )
        if tell:
            self.tell(shown)
        return shown

    def gives_back(self, shown: Transaction, refund: Refund) -> Transaction:
        """Keep a refund, and tell the merchant."""
        refunds = (*shown.refunds, refund)
        left = shown.left - refund.amount
        status = "partial_refund" if left > 0 else "refund"
        after = msgspec.structs.replace(shown, refunds=refunds, status=status)
        self._keep(after)
        self.stage.record(
            Kind.REFUND,
            object=str(refund.number),
            of=shown.id,
            reference=shown.order_id,
            refund_reference=refund.key,
            amount=refund.amount * 100,
            currency=CURRENCY,
            state=after,
        )
        self.tell(after)
        self.stage.later("bank", str(refund.number))
        return after

    def confirms(self, number: str) -> None:
        """Have the bank confirm a refund: it is told a second time."""
        shown, refund = self.refunded(number)
        if refund.bank_at:
            raise LeverError("The bank has confirmed it already.")
        sure = msgspec.structs.replace(refund, bank_at=now())
        refunds = tuple(sure if one is refund else one for one in shown.refunds)
        self.becomes("confirmed", msgspec.structs.replace(shown, refunds=refunds))

    def tell(self, shown: Transaction) -> None:
        """Send a notification of the transaction as it is now."""
        body = showing.transaction(shown, "midtrans payment notification", self.merchant)
        body["signature_key"] = showing.signature(body, self.server_key)
        self.stage.notify(
            Notice(
                id=str(uuid.uuid4()),
                type=shown.status,
                object=shown.id,
                reference=shown.order_id,
                body=msgspec.json.encode(body).decode(),
            )
        )

    def restore(self, shown: Transaction) -> None:
        """Take what an earlier process has written."""
        self._keep(shown)

    def settles(self, shown: Transaction) -> Transaction:
        """Have the bank pay out what a card was charged."""
        return self.becomes(
            "settled", msgspec.structs.replace(shown, status="settlement", settled_at=now())
        )

    def _aged(self, shown: Transaction) -> Transaction:
        """With no time to settle, a captured card has settled as soon as anybody looks."""
        clean = shown.status == "capture" and shown.fraud == "accept"
        return self.settles(shown) if clean and not self.settle_after_s else shown

    def _keep(self, shown: Transaction) -> None:
        self._kept[shown.id] = shown
        self._orders[shown.order_id] = shown.id
        if shown.va_number:
            self._accounts[shown.va_number] = shown.id
        for refund in shown.refunds:
            self._refunds[str(refund.number)] = shown.id


def new_refund(key: str, amount: int, reason: str) -> Refund:
    """Return a refund with a number of its own."""
    number = secrets.randbelow(10**12) + 10**6
    return Refund(number=number, key=key, amount=amount, reason=reason, made_at=now())
