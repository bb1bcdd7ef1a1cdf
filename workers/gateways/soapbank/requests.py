"""Requests to a bank: the exact bytes of every task, or None for what the protocol cannot say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, assert_never
from xml.sax.saxutils import escape

from domain.attempt import Attempt
from domain.money import Money
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund
from domain.task import Capture, Charge, GiveBack, PayOut, Task, Void
from workers.gateways.soapbank.shapes import decimal_of

#: Raise it when `composed` writes other bytes.
ADAPTER_VERSION: Final = 1

NAMESPACE: Final = "urn:soapbank:v1"
ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"

AUTHORISE: Final = "Authorise"
SALE: Final = "Sale"
CAPTURE: Final = "Capture"
CANCEL: Final = "Cancel"
REFUND: Final = "Refund"
PAYOUT: Final = "Payout"
APPROVE: Final = "ApprovePayout"
STATUS: Final = "GetStatus"
STATEMENT: Final = "GetStatement"

#: The protocol's tokens: a card's begins with a small letter, an account's is like an IBAN. The bank
#: tells by this alone what it charges, so a token of the other kind must not pass for it.
CARD_TOKEN: Final = re.compile(r"[a-z][A-Za-z0-9_-]{0,63}")
ACCOUNT_TOKEN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
#: What each of our methods charges; a method that is not here cannot be expressed.
TOKENS: Final[Mapping[str, re.Pattern[str]]] = {
    "card": CARD_TOKEN,
    "bank_transfer": ACCOUNT_TOKEN,
}
#: Where a payout can go.
DESTINATIONS: Final = frozenset({"bank_account"})
#: A reference is ours; with a step's letter behind it, it is the request's id, of 36 at most.
REFERENCE: Final = re.compile(r"[A-Za-z0-9-]{1,32}")
#: The bank's names go into requests as they are.
BANK_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: The steps whose letters make request ids; those of `Attempt.key`.
FIRST: Final = "a"
SECOND: Final = "b"
CANCELS: Final = "v"

#: Between the two requests of a payout; no XML can hold it.
_CUT: Final = b"\0"
#: Where the second one names what the first one made.
_OPEN: Final = b"<BankId></BankId>"


def composed(task: Task, reference: str) -> bytes | None:
    """Return the exact request, for a payout both; None where the protocol has no words for it."""
    if not REFERENCE.fullmatch(reference):
        return None
    match task:
        case Charge(payment=payment):
            return _charge(payment, reference)
        case Capture(charge=charge, money=money):
            fits = money.currency == charge.money.currency and money.minor <= charge.money.minor
            return _of_charge(CAPTURE, charge, reference, money) if fits else None
        case Void(charge=charge):
            return _of_charge(CANCEL, charge, reference, None)
        case GiveBack(charge=charge, refund=refund):
            return _refund(charge, refund, reference)
        case PayOut(payout=payout):
            return _payout(payout, reference)
        case _:
            assert_never(task)


def cancelling(bank_id: str, attempt: Attempt) -> bytes | None:
    """Return the request that cancels a charge which nobody wants; None: no bank has such an id."""
    if not BANK_ID.fullmatch(bank_id):
        return None
    return written(CANCEL, {"RequestId": attempt.key(CANCELS), "BankId": bank_id})


def asking(name: str, value: str) -> bytes | None:
    """Return a look-up by `BankId` or `Reference`; None: nobody could have named it so."""
    return written(STATUS, {name: value}) if BANK_ID.fullmatch(value) else None


def making(request: bytes) -> bytes:
    """Return the first request of a stored payout."""
    return request.partition(_CUT)[0]


def approving(request: bytes, bank_id: str) -> bytes:
    """Return the second one, about the payout that the first one made."""
    named = f"<BankId>{escape(bank_id)}</BankId>".encode()
    return request.partition(_CUT)[2].replace(_OPEN, named)


def written(operation: str, fields: Mapping[str, str]) -> bytes:
    """Return a message; the order of the fields is the protocol's."""
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soap:Envelope xmlns:soap="{ENVELOPE}"><soap:Body>'
        f'<{operation} xmlns="{NAMESPACE}">{inner}</{operation}>'
        "</soap:Body></soap:Envelope>"
    ).encode()


def _charge(payment: Payment, reference: str) -> bytes | None:
    """There is no 3DS at the bank: who needs it must go elsewhere."""
    form, token = TOKENS.get(payment.method.type), payment.method.token
    if form is None or not form.fullmatch(token) or not payment.money.minor or payment.wants_3ds:
        return None
    operation = SALE if payment.captures_at_once else AUTHORISE
    return written(operation, _order(reference, payment.money) | {"Token": token})


def _of_charge(
    operation: str, charge: Attempt, reference: str, money: Money | None
) -> bytes | None:
    bank_id = charge.provider_id or ""
    if not BANK_ID.fullmatch(bank_id) or (money is not None and not money.minor):
        return None
    fields = {"RequestId": reference + FIRST, "BankId": bank_id}
    return written(operation, fields | ({} if money is None else _amount(money)))


def _refund(charge: Attempt, refund: Refund, reference: str) -> bytes | None:
    """Return a refund's request. It is bounded by what its charge has collected, which only the
    bank knows for certain."""
    bank_id = charge.provider_id or ""
    same = refund.money.currency == charge.money.currency
    if not (same and refund.money.minor and BANK_ID.fullmatch(bank_id)):
        return None
    return written(REFUND, _order(reference, refund.money) | {"BankId": bank_id})


def _payout(payout: Payout, reference: str) -> bytes | None:
    destination, money = payout.destination, payout.money
    to_account = destination.type in DESTINATIONS and ACCOUNT_TOKEN.fullmatch(destination.token)
    if not to_account or not money.minor:
        return None
    first = written(PAYOUT, _order(reference, money) | {"Token": destination.token})
    second = written(APPROVE, {"RequestId": reference + SECOND, "BankId": ""})
    return first + _CUT + second


def _order(reference: str, money: Money) -> dict[str, str]:
    return {"RequestId": reference + FIRST, "Reference": reference} | _amount(money)


def _amount(money: Money) -> dict[str, str]:
    return {"Amount": decimal_of(money), "Currency": money.currency.code}
