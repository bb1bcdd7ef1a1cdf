"""The sandbox provider's requests: the exact bytes of every task, or None for what it cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final, assert_never

import msgspec

from domain.ids import Kind, public
from domain.money import Money
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund
from domain.task import Capture, Charge, GiveBack, PayOut, Task, Void

#: Raise it when `compose` writes other bytes.
ADAPTER_VERSION: Final = 2

#: Our payment methods as source types; a method that is not here cannot be expressed.
SOURCES: Final[Mapping[str, str]] = {
    "card": "card",
    "wallet": "wallet",
    "paypal": "paypal",
    "bank_transfer": "bank_transfer",
}
#: In these the payer says who they are on the provider's own page, so that there may be nothing to
#: name; the provider wants a word.
NAMED_THERE: Final = frozenset({"paypal", "bank_transfer"})
PAYERS_OWN: Final = "none"
#: Where a payout can go.
DESTINATIONS: Final = frozenset({"bank_account", "wallet", "card"})

#: The provider's limits: characters, entries, and the bytes of a whole body.
REFERENCE_LIMIT: Final = 64
TOKEN_LIMIT: Final = 255
DESCRIPTION_LIMIT: Final = 1000
REASON_LIMIT: Final = 500
URL_LIMIT: Final = 2048
METADATA_ENTRIES: Final = 50
METADATA_NAME: Final = 40
METADATA_VALUE: Final = 500
BODY_LIMIT: Final = 64 * 1024
#: The entries that name our rows to people who look at the provider's own pages.
PAYMENT_ID: Final = "paylink_payment_id"
PAYOUT_ID: Final = "paylink_payout_id"


def composed(task: Task, reference: str) -> bytes | None:
    """Return the exact request; None where this provider has no words for it."""
    if not 1 <= len(reference) <= REFERENCE_LIMIT:
        return None
    match task:
        case Charge(payment=payment):
            return _written(_charge(payment, reference))
        case Capture(charge=charge, money=money):
            fits = money.currency == charge.money.currency and money.minor <= charge.money.minor
            return _written({"amount": money.minor} if fits and _is_some(money) else None)
        case Void():
            return _written({})
        case GiveBack(charge=charge, refund=refund):
            same = refund.money.currency == charge.money.currency
            return _written(_refund(refund, reference) if same else None)
        case PayOut(payout=payout):
            return _written(_payout(payout, reference))
        case _:
            assert_never(task)


def _charge(payment: Payment, reference: str) -> dict[str, Any] | None:
    source, token = SOURCES.get(payment.method.type), payment.method.token
    if source in NAMED_THERE:
        token = token or PAYERS_OWN
    metadata = dict(payment.metadata) | {PAYMENT_ID: public(Kind.PAYMENT, payment.id)}
    expressible = (
        source is not None
        and _is_some(payment.money)
        and 1 <= len(token) <= TOKEN_LIMIT
        and len(payment.description or "") <= DESCRIPTION_LIMIT
        and len(payment.return_url or "") <= URL_LIMIT
        and _are_entries(metadata)
    )
    if not expressible:
        return None
    return {
        "reference": reference,
        "amount": payment.money.minor,
        "currency": payment.money.currency.code,
        "capture": payment.captures_at_once,
        "source": {"type": source, "token": token},
        "three_ds": "required" if payment.wants_3ds else "automatic",
        "return_url": payment.return_url,
        "expires_at": payment.expires_at.astimezone(UTC).isoformat(),
        "description": payment.description,
        "metadata": metadata,
    }


def _refund(refund: Refund, reference: str) -> dict[str, Any] | None:
    """Return a refund's body. A refund is bounded by what its charge has collected, which only the
    provider knows for certain."""
    if not _is_some(refund.money) or len(refund.reason) > REASON_LIMIT:
        return None
    return {"amount": refund.money.minor, "reference": reference, "reason": refund.reason}


def _payout(payout: Payout, reference: str) -> dict[str, Any] | None:
    metadata = dict(payout.metadata) | {PAYOUT_ID: public(Kind.PAYOUT, payout.id)}
    expressible = (
        payout.destination.type in DESTINATIONS
        and _is_some(payout.money)
        and 1 <= len(payout.destination.token) <= TOKEN_LIMIT
        and len(payout.description or "") <= DESCRIPTION_LIMIT
        and _are_entries(metadata)
    )
    if not expressible:
        return None
    return {
        "reference": reference,
        "amount": payout.money.minor,
        "currency": payout.money.currency.code,
        "destination": {"type": payout.destination.type, "token": payout.destination.token},
        "description": payout.description,
        "metadata": metadata,
    }


def _is_some(money: Money) -> bool:
    return money.minor > 0


def _are_entries(metadata: Mapping[str, str]) -> bool:
    return (
        len(metadata) <= METADATA_ENTRIES
        and all(1 <= len(name) <= METADATA_NAME for name in metadata)
        and all(len(value) <= METADATA_VALUE for value in metadata.values())
    )


def _written(fields: dict[str, Any] | None) -> bytes | None:
    """Return the JSON; None also for half a surrogate pair, which no JSON text can carry, and for
    what fits every limit but the whole body's."""
    if fields is None:
        return None
    try:
        body = msgspec.json.encode(fields)
    except UnicodeEncodeError:
        return None
    return body if len(body) <= BODY_LIMIT else None
