"""Xendit's requests: the exact bytes of every task, or None for what it has no words for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final, assert_never
from urllib.parse import unquote_plus

import msgspec

from domain.ids import Kind, public
from domain.means import Method
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund
from domain.task import Capture, Charge, GiveBack, PayOut, Task, Void
from workers.gateways.xendit.amounts import COUNTRIES, written
from workers.gateways.xendit.settings import Terms, is_return_url

#: Raise it when `compose` writes other bytes.
ADAPTER_VERSION: Final = 1

#: Xendit's limits: characters, and entries of metadata.
REFERENCE_LIMIT: Final = 255
DESCRIPTION_LIMIT: Final = 1000
PAYOUT_DESCRIPTION_LIMIT: Final = 100
METADATA_ENTRIES: Final = 50
METADATA_NAME: Final = 40
METADATA_VALUE: Final = 500
#: The entries that name our rows to people who look at Xendit's own pages.
PAYMENT_ID: Final = "paylink_payment_id"
PAYOUT_ID: Final = "paylink_payout_id"
#: Where the payer of a number or a QR code goes: such a channel has no page, and repeats this.
RETURN_URL: Final = "paylink_return_url"
#: Why a refund is made, in the merchant's own words.
REASON: Final = "paylink_reason"

#: A stored token of Xendit's: a card, or a wallet that was linked.
STORED: Final = re.compile(r"pt-[A-Za-z0-9-]{1,252}\Z")
#: A channel, for a wallet with the payer's number there: `DANA`, `OVO:+6281234567890`.
CHANNEL: Final = re.compile(r"([A-Z][A-Z0-9_]{1,49})(?::(\+[0-9]{6,15}))?\Z")
#: Where a payout goes: `ID_BCA:000000000099:Account+Holder`, channel, account, and the holder as in a
#: query, because our API takes no spaces in a token.
ACCOUNT: Final = re.compile(r"([A-Z]{2})_([A-Z0-9_]{1,40}):([A-Za-z0-9+.@-]{1,64}):([!-9;-~]+)\Z")
HOLDER_LIMIT: Final = 100
#: Channels where the payer is not sent to a page, but pays to a number or by a code.
PRESENTED: Final = re.compile(r"(?:[A-Z0-9_]*_VIRTUAL_ACCOUNT|QRIS|QRPROMPTPAY|QRPH|VIETQR)\Z")
CARDS: Final = "CARDS"
#: Names of banks and wallets that others in these countries take as well: a payment that names its
#: channel so can go to either.
NEUTRAL: Final[Mapping[str, Mapping[str, str]]] = {
    "bank_transfer": {
        bank: f"{bank.upper()}_VIRTUAL_ACCOUNT"
        for bank in ("bca", "bni", "bri", "cimb", "mandiri", "permata")
    },
    "wallet": {"qris": "QRIS", "shopeepay": "SHOPEEPAY"},
}

#: The reasons that Xendit knows; any other is OTHERS, and goes along as metadata.
REASONS: Final = frozenset({"FRAUDULENT", "DUPLICATE", "REQUESTED_BY_CUSTOMER", "CANCELLATION"})
#: Where a payout can go.
DESTINATIONS: Final = frozenset({"bank_account", "wallet"})

_json: Final = msgspec.json.Encoder(decimal_format="number")


def composed(task: Task, reference: str, terms: Terms) -> bytes | None:
    """Return the exact request; None where Xendit has no words for it."""
    if not 1 <= len(reference) <= REFERENCE_LIMIT:
        return None
    match task:
        case Charge(payment=payment):
            return _written(_charge(payment, reference, terms))
        case Capture(charge=charge, money=money):
            amount = written(money)
            fits = money.currency == charge.money.currency and money.minor <= charge.money.minor
            return _written({"capture_amount": amount} if fits and amount is not None else None)
        case Void():
            return _written({})
        case GiveBack(charge=charge, refund=refund):
            same = refund.money.currency == charge.money.currency
            known = charge.provider_id
            return _written(_refund(refund, known, reference) if same and known else None)
        case PayOut(payout=payout):
            return _written(_payout(payout, reference))
        case _:
            assert_never(task)


def _charge(payment: Payment, reference: str, terms: Terms) -> dict[str, Any] | None:
    amount = written(payment.money)
    country = _country(payment, terms)
    means = _means(payment, terms)
    if amount is None or country is None or means is None:
        return None
    if len(payment.description or "") > DESCRIPTION_LIMIT:
        return None
    metadata = dict(payment.metadata) | {PAYMENT_ID: public(Kind.PAYMENT, payment.id)}
    if _is_presented(payment) and 0 < len(payment.return_url or "") <= METADATA_VALUE:
        metadata[RETURN_URL] = payment.return_url or ""
    if not _are_entries(metadata):
        return None
    described = {"description": payment.description} if payment.description else {}
    return {
        "reference_id": reference,
        "type": "PAY",
        "country": country,
        "currency": payment.money.currency.code,
        "request_amount": amount,
        "capture_method": "AUTOMATIC" if payment.captures_at_once else "MANUAL",
        **means,
        **described,
        "metadata": metadata,
    }


def _country(payment: Payment, terms: Terms) -> str | None:
    """Return the country that the money is collected in. A currency of none of Xendit's countries
    is for cards, in the account's own."""
    own = COUNTRIES.get(payment.money.currency.code)
    if own is not None:
        return own
    return terms.country if payment.method.type == "card" else None


def _means(payment: Payment, terms: Terms) -> dict[str, Any] | None:
    """Return the part of a charge that says how it is paid."""
    type_, token = payment.method.type, payment.method.token
    if type_ not in ("card", "wallet", "bank_transfer"):
        return None
    back = payment.return_url or terms.return_url
    returns = {"success_return_url": back, "failure_return_url": back} if back else {}
    if type_ == "card":
        if not STORED.match(token) or (back and not is_return_url(back)):
            return None
        skipped = terms.skip_three_ds and not payment.wants_3ds
        return {
            "payment_token_id": token,
            "channel_properties": {"skip_three_ds": skipped, **returns},
        }
    if type_ == "wallet" and STORED.match(token):
        if not back or not is_return_url(back):
            return None
        return {"payment_token_id": token, "channel_properties": returns}
    return _channel(payment, back)


def _channel(payment: Payment, back: str | None) -> dict[str, Any] | None:
    found = _named(payment.method)
    if found is None or found[1] == CARDS:
        return None
    code, number = found[1], found[2]
    named: dict[str, Any] = {"account_mobile_number": number} if number else {}
    if PRESENTED.match(code):
        named["expires_at"] = payment.expires_at.astimezone(UTC).isoformat(timespec="seconds")
        if payment.method.holder_name:
            named["display_name"] = payment.method.holder_name
    elif payment.method.type == "bank_transfer" or not back or not is_return_url(back):
        return None  # its page would have nowhere to send the payer
    else:
        named |= {"success_return_url": back, "failure_return_url": back}
    return {"channel_code": code, "channel_properties": named}


def _is_presented(payment: Payment) -> bool:
    found = _named(payment.method)
    return payment.method.type != "card" and bool(found and PRESENTED.match(found[1]))


def _named(method: Method) -> re.Match[str] | None:
    """Return the channel that a method names, and the payer's number there."""
    return CHANNEL.match(NEUTRAL.get(method.type, {}).get(method.token, method.token))


def _refund(refund: Refund, charge_id: str, reference: str) -> dict[str, Any] | None:
    """Return a refund's body. A refund is bounded by what its charge has collected, which only
    Xendit knows for certain."""
    amount, reason = written(refund.money), refund.reason.upper()
    if amount is None or len(refund.reason) > METADATA_VALUE:
        return None
    known = reason in REASONS
    told = {} if known or not refund.reason else {"metadata": {REASON: refund.reason}}
    return {
        "reference_id": reference,
        "payment_request_id": charge_id,
        "currency": refund.money.currency.code,
        "amount": amount,
        "reason": reason if known else "OTHERS",
        **told,
    }


def _payout(payout: Payout, reference: str) -> dict[str, Any] | None:
    amount, found = written(payout.money), ACCOUNT.match(payout.destination.token)
    holder = _holder(found[4]) if found else None
    metadata = dict(payout.metadata) | {PAYOUT_ID: public(Kind.PAYOUT, payout.id)}
    expressible = (
        payout.destination.type in DESTINATIONS
        and COUNTRIES.get(payout.money.currency.code) == (found and found[1])
        and len(payout.description or "") <= PAYOUT_DESCRIPTION_LIMIT
        and _are_entries(metadata)
    )
    if amount is None or found is None or holder is None or not expressible:
        return None
    described = {"description": payout.description} if payout.description else {}
    return {
        "reference_id": reference,
        "channel_code": f"{found[1]}_{found[2]}",
        "channel_properties": {"account_number": found[3], "account_holder_name": holder},
        "amount": amount,
        "currency": payout.money.currency.code,
        **described,
        "metadata": metadata,
    }


def _holder(encoded: str) -> str | None:
    try:
        name = unquote_plus(encoded, errors="strict").strip()
    except UnicodeDecodeError:
        return None
    return name if name.isprintable() and 1 <= len(name) <= HOLDER_LIMIT else None


def _are_entries(metadata: Mapping[str, str]) -> bool:
    return (
        len(metadata) <= METADATA_ENTRIES
        and all(1 <= len(name) <= METADATA_NAME for name in metadata)
        and all(len(value) <= METADATA_VALUE for value in metadata.values())
    )


def _written(fields: dict[str, Any] | None) -> bytes | None:
    """Return the JSON; None also for half a surrogate pair, which no JSON text can carry."""
    if fields is None:
        return None
    try:
        return _json.encode(fields)
    except UnicodeEncodeError:
        return None
