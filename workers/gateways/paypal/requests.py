"""PayPal's requests: the exact bytes of every task, or None for what it cannot say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, assert_never

import msgspec

from domain.money import Money
from domain.payment import Payment
from domain.payout import Payout
from domain.task import Capture, Charge, GiveBack, PayOut, Task, Void
from workers.gateways.paypal.coins import written

#: Raise it when `composed` writes other bytes.
ADAPTER_VERSION: Final = 1

#: The only way to pay here: the payer says who they are on PayPal's own page.
METHOD: Final = "paypal"
#: The only place a payout goes to, a PayPal account; its token is an address or an account's id.
DESTINATION: Final = "wallet"

#: PayPal's limits: characters, and the bytes of a description or a note.
NAME_LIMIT: Final = 127
EMAIL_LIMIT: Final = 254
RECEIVER_LIMIT: Final = 127
URL_LIMIT: Final = 2048
DESCRIPTION_LIMIT: Final = 127
NOTE_LIMIT: Final = 1000

#: A rough shape; PayPal has the last word on addresses.
EMAIL: Final = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+\Z")
ACCOUNT_ID: Final = re.compile(r"[2-9A-HJ-NP-Z]{13}\Z")

#: The call that moves the money, by what the order was made for.
MOVES: Final[Mapping[bool, Literal["capture", "authorize"]]] = {True: "capture", False: "authorize"}
INTENTS: Final[Mapping[bool, str]] = {True: "CAPTURE", False: "AUTHORIZE"}


class ChargeCalls(msgspec.Struct, frozen=True):
    """The two calls of a charge: the bytes that make an order, and those that move its money."""

    create: msgspec.Raw
    move: Literal["capture", "authorize"]
    body: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes requests for one account."""

    #: Its currencies, each with PayPal's number of decimals.
    exponents: Mapping[str, int]
    #: What the payer reads on PayPal's page; None: what the account says.
    brand: str | None = None

    def composed(self, task: Task, reference: str) -> bytes | None:
        """Return the exact request; None where PayPal has no words for it."""
        if not 1 <= len(reference) <= NAME_LIMIT:
            return None
        match task:
            case Charge(payment=payment):
                return self._charge(payment, reference)
            case Capture(charge=charge, money=money):
                fits = money.currency == charge.money.currency and money.minor <= charge.money.minor
                return self._capture(money, reference) if fits else None
            case Void():
                return b"{}"
            case GiveBack(charge=charge, refund=refund):
                same = refund.money.currency == charge.money.currency
                return self._refund(refund.money, reference) if same else None
            case PayOut(payout=payout):
                return self._payout(payout, reference)
            case _:
                assert_never(task)

    def _charge(self, payment: Payment, reference: str) -> bytes | None:
        amount, source = self._amount(payment.money), self._source(payment)
        if payment.method.type != METHOD or amount is None or source is None:
            return None
        # The invoice's number is PayPal's own guard against charging twice: unique per account.
        unit = {"amount": amount, "custom_id": reference, "invoice_id": reference}
        if description := shortened(payment.description or "", DESCRIPTION_LIMIT):
            unit["description"] = description
        at_once = payment.captures_at_once
        create = _json(
            {
                "intent": INTENTS[at_once],
                "purchase_units": [unit],
                "payment_source": {"paypal": source},
            }
        )
        if create is None:
            return None
        calls = ChargeCalls(msgspec.Raw(create), MOVES[at_once], msgspec.Raw(b"{}"))
        return msgspec.json.encode(calls)

    def _source(self, payment: Payment) -> dict[str, Any] | None:
        """Say how the payer approves. A token, if there is one, is the address they log in with."""
        token, back = payment.method.token, payment.return_url
        if token and not _is_email(token, EMAIL_LIMIT):
            return None
        if len(back or "") > URL_LIMIT:
            return None
        context = {
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
            # Otherwise a bank may take days to pay, long after the payment has expired here.
            "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
        }
        if back:
            context |= {"return_url": back, "cancel_url": back}
        if self.brand:
            context["brand_name"] = self.brand
        return {"experience_context": context} | ({"email_address": token} if token else {})

    def _capture(self, money: Money, reference: str) -> bytes | None:
        amount = self._amount(money)
        if amount is None:
            return None
        return _json({"amount": amount, "invoice_id": reference, "final_capture": True})

    def _refund(self, money: Money, reference: str) -> bytes | None:
        """A refund's reason stays with us: PayPal would show it to the payer."""
        amount = self._amount(money)
        if amount is None:
            return None
        return _json({"amount": amount, "custom_id": reference, "invoice_id": reference})

    def _payout(self, payout: Payout, reference: str) -> bytes | None:
        value, receiver = written(payout.money, self.exponents), payout.destination.token
        kind = receiver_type(receiver)
        if payout.destination.type != DESTINATION or value is None or kind is None:
            return None
        item = {
            "recipient_type": kind,
            "receiver": receiver,
            "amount": {"currency": payout.money.currency.code, "value": value},
            "sender_item_id": reference,
        }
        if note := shortened(payout.description or "", NOTE_LIMIT):
            item["note"] = note
        return _json({"sender_batch_header": {"sender_batch_id": reference}, "items": [item]})

    def _amount(self, money: Money) -> dict[str, Any] | None:
        value = written(money, self.exponents)
        return None if value is None else {"currency_code": money.currency.code, "value": value}


def disarming(captures: bool) -> bytes:
    """Return the change that makes an order useless: its own moving call no longer fits it."""
    return msgspec.json.encode(
        [{"op": "replace", "path": "/intent", "value": INTENTS[not captures]}]
    )


def receiver_type(token: str) -> str | None:
    """Return what kind of receiver a payout's token names; None: neither of the two."""
    if _is_email(token, RECEIVER_LIMIT):
        return "EMAIL"
    return "PAYPAL_ID" if ACCOUNT_ID.match(token) else None


def shortened(text: str, limit: int) -> str:
    """Return the beginning that fits into so many bytes; it explains a payment, and decides nothing.

    Half a surrogate pair, which no JSON text can carry, is left out.
    """
    return text.encode(errors="ignore")[:limit].decode(errors="ignore")


def _is_email(text: str, limit: int) -> bool:
    return len(text) <= limit and EMAIL.match(text) is not None


def _json(fields: dict[str, Any]) -> bytes | None:
    try:
        return msgspec.json.encode(fields)
    except UnicodeEncodeError:  # half a surrogate pair in an address
        return None
