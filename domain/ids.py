"""Identifiers: UUIDv7 inside, a prefixed text at the edges (`pay_0198...`)."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from domain.errors import NotFound

HEX_CHARACTERS = 32


class Kind(StrEnum):
    """What an identifier names; the value is its public prefix."""

    PAYMENT = "pay"
    ATTEMPT = "att"
    TRANSACTION = "txn"
    REFUND = "ref"
    PAYOUT = "po"
    MERCHANT = "mer"
    CUSTOMER = "cus"
    PAYMENT_METHOD = "pm"
    WEBHOOK = "whk"
    REVIEW = "rev"
    EVENT = "evt"


def public(kind: Kind, id_: UUID) -> str:
    """Return the text that leaves the system, for example `pay_` and 32 hexadecimal digits."""
    return f"{kind.value}_{id_.hex}"


def parse(kind: Kind, text: str) -> UUID:
    """Read a public id. Whatever is not one names nothing: raises `NotFound`, never a 500."""
    prefix, _, digits = text.partition("_")
    if prefix != kind.value or len(digits) != HEX_CHARACTERS:
        raise NotFound(kind.name.lower())
    try:
        id_ = UUID(hex=digits)
    except ValueError:
        raise NotFound(kind.name.lower()) from None
    if id_.hex != digits:  # one spelling only, so that caches and logs agree
        raise NotFound(kind.name.lower())
    return id_
