"""Midtrans' requests: the exact bytes of every task, or None for what it cannot say."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any, Final, assert_never
from urllib.parse import unquote_plus

import msgspec

from domain.ids import Kind, public
from domain.money import Money
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund
from domain.task import Capture, Charge, GiveBack, PayOut, Task, Void
from workers.gateways.midtrans.account import Terms
from workers.gateways.midtrans.shapes import IDR

#: Raise it when `compose` writes other bytes.
ADAPTER_VERSION: Final = 1

#: Whole rupiah; our minor unit is the sen.
SEN: Final = 100
#: Midtrans' limits, in characters.
ORDER_ID_LIMIT: Final = 50
TOKEN_LIMIT: Final = 255
CUSTOM_FIELD_LIMIT: Final = 255
REASON_LIMIT: Final = 255
#: How Midtrans' card tokens begin, with the card's own first digits; and, in test mode, those of our
#: examples. One of another provider's is not sent: its owner would be told that it has timed out.
_CARD: Final = re.compile(r"[0-9]{6}|tok_")
#: The banks whose virtual accounts are asked for by `bank_transfer`; the method's token names one.
BANKS: Final = frozenset({"bca", "bni", "bri", "cimb", "permata"})
#: The wallets; the method's token names one.
WALLETS: Final = frozenset({"gopay", "qris", "shopeepay"})
#: `bank:account:name`; the name is written as in a query string, because a token has no spaces.
_ACCOUNT: Final = re.compile(r"([a-z0-9_]{2,30}):([0-9]{4,34}):([!-~]{1,200})")
_HOLDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,'-]{0,99}")
#: Midtrans' own time, which it also writes without saying so.
WIB: Final = timezone(timedelta(hours=7))


def composed(task: Task, reference: str, terms: Terms) -> bytes | None:
    """Return the exact request; None where Midtrans has no words for it."""
    if not 1 <= len(reference) <= ORDER_ID_LIMIT:
        return None
    match task:
        case Charge(payment=payment):
            return _written(_charge(payment, reference, terms))
        case Capture(charge=charge, money=money):
            fits = charge.provider_id is not None and money.minor <= charge.money.minor
            amount = whole(money)
            if amount is None or not fits:
                return None
            return _written({"transaction_id": charge.provider_id, "gross_amount": amount})
        case Void():
            return b"{}"
        case GiveBack(refund=refund):
            return _written(_refund(refund, reference))
        case PayOut(payout=payout):
            return _written(_payout(payout, reference))
        case _:
            assert_never(task)


def whole(money: Money) -> int | None:
    """Return money in whole rupiah; None where it is none, of another currency, or of a part."""
    if money.currency != IDR or money.minor <= 0 or money.minor % SEN:
        return None
    return money.minor // SEN


def _charge(payment: Payment, reference: str, terms: Terms) -> dict[str, Any] | None:
    amount, means = whole(payment.money), _means(payment, terms)
    if amount is None or means is None:
        return None
    fields: dict[str, Any] = means | {
        "transaction_details": {"order_id": reference, "gross_amount": amount},
        "custom_field1": public(Kind.PAYMENT, payment.id),
    }
    if payment.return_url and len(payment.return_url) <= CUSTOM_FIELD_LIMIT:
        fields["custom_field2"] = payment.return_url
    return fields


def _means(payment: Payment, terms: Terms) -> dict[str, Any] | None:
    token = payment.method.token
    match payment.method.type:
        case "card":
            known = _CARD.match(token) and len(token) <= TOKEN_LIMIT
            return _card(payment, terms) if known else None
        case "bank_transfer" if token in BANKS:
            return {
                "payment_type": "bank_transfer",
                "bank_transfer": {"bank": token},
                "custom_expiry": _expiry(payment),
            }
        case "wallet" if token in WALLETS:
            wallet = {"payment_type": token, "custom_expiry": _expiry(payment)}
            return wallet | {token: _wallet(token, payment.return_url, terms)}
        case _:
            return None


def _card(payment: Payment, terms: Terms) -> dict[str, Any]:
    card: dict[str, Any] = {"token_id": payment.method.token}
    if payment.wants_3ds or terms.always_3ds:
        card["authentication"] = True
    if not payment.captures_at_once:
        card["type"] = terms.preauth_type
    if terms.card_bank:
        card["bank"] = terms.card_bank
    return {"payment_type": "credit_card", "credit_card": card}


def _wallet(token: str, return_url: str | None, terms: Terms) -> dict[str, Any]:
    match token:
        case "qris":
            return {"acquirer": terms.qris_acquirer}
        case "shopeepay":
            return {"callback_url": return_url} if return_url else {}
        case _:
            return {"enable_callback": True, "callback_url": return_url} if return_url else {}


def _expiry(payment: Payment) -> dict[str, Any]:
    """Return when the payer is too late, in whole minutes: no later than the payment itself."""
    lasts_s = (payment.expires_at - payment.created_at).total_seconds()
    return {
        "order_time": _moment(payment.created_at),
        "expiry_duration": max(1, int(lasts_s // 60)),
        "unit": "minute",
    }


def _moment(when: datetime) -> str:
    return when.astimezone(WIB).strftime("%Y-%m-%d %H:%M:%S %z")


def _refund(refund: Refund, reference: str) -> dict[str, Any] | None:
    """Return a refund's body. A refund is bounded by what its charge has collected, which only
    Midtrans knows for certain."""
    amount = whole(refund.money)
    if amount is None or len(refund.reason) > REASON_LIMIT:
        return None
    return {"refund_key": reference, "amount": amount, "reason": refund.reason}


def _payout(payout: Payout, reference: str) -> dict[str, Any] | None:
    """Return both requests of a payout: what is approved has no name yet."""
    amount, account = whole(payout.money), _account(payout)
    if amount is None or account is None:
        return None
    return {
        "create": {"payouts": [account | {"amount": str(amount), "notes": reference}]},
        "approve": {},
    }


def _account(payout: Payout) -> dict[str, str] | None:
    found = _ACCOUNT.fullmatch(payout.destination.token)
    if payout.destination.type != "bank_account" or found is None:
        return None
    holder = unquote_plus(found[3])
    if not _HOLDER.fullmatch(holder):
        return None
    return {
        "beneficiary_name": holder,
        "beneficiary_account": found[2],
        "beneficiary_bank": found[1],
    }


def _written(fields: dict[str, Any] | None) -> bytes | None:
    """Return the JSON; None also for half a surrogate pair, which no JSON text can carry."""
    if fields is None:
        return None
    try:
        return msgspec.json.encode(fields)
    except UnicodeEncodeError:
        return None
