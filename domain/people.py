"""People: a merchant's customers and the ways to pay that they saved, as values with their rules."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.errors import FieldError
from domain.events import Actor, Entry, Event, Json, Told
from domain.means import Card, Method
from domain.payment import Mode

#: More ways to pay are no person's: somebody tries cards out.
MAX_METHODS: Final = 50
#: A year beyond these is a typing error.
EXPIRY_YEARS: Final = (2000, 2100)

EMAIL: Final = re.compile(r"(?=.{3,254}\Z)[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
#: E.164, the one spelling of a phone number that every country shares.
PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")


class MethodType(StrEnum):
    """How a payer pays."""

    CARD = "card"
    WALLET = "wallet"
    PAYPAL = "paypal"
    BANK_TRANSFER = "bank_transfer"


class Funding(StrEnum):
    """Where the money of a card comes from."""

    CREDIT = "credit"
    DEBIT = "debit"
    PREPAID = "prepaid"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Postcode:
    """What a country's postal codes look like, and how to say so."""

    pattern: re.Pattern[str]
    example: str


#: Sources: the published formats of the countries' posts (USPS for ZIP+4, Canada Post, Royal Mail).
#: What a country prints with a space or a hyphen is taken without it as well.
POSTCODES: Final[Mapping[str, Postcode]] = {
    "US": Postcode(re.compile(r"[0-9]{5}(?:-[0-9]{4})?"), "94103 or 94103-1234"),
    "CA": Postcode(
        re.compile(r"[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z] ?[0-9][ABCEGHJ-NPRSTV-Z][0-9]"),
        "K1A 0B1",
    ),
    "GB": Postcode(
        re.compile(r"GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?[0-9][0-9A-Z]? ?[0-9][ABD-HJLNP-UW-Z]{2}"),
        "SW1A 1AA",
    ),
    "AT": Postcode(re.compile(r"[1-9][0-9]{3}"), "1010"),
    "AU": Postcode(re.compile(r"[0-9]{4}"), "2000"),
    "BE": Postcode(re.compile(r"[1-9][0-9]{3}"), "1000"),
    "BR": Postcode(re.compile(r"[0-9]{5}-?[0-9]{3}"), "01310-100"),
    "CH": Postcode(re.compile(r"[1-9][0-9]{3}"), "8001"),
    "DE": Postcode(re.compile(r"(?!00)[0-9]{5}"), "10115"),
    # The first two digits are a province's.
    "ES": Postcode(re.compile(r"(?:0[1-9]|[1-4][0-9]|5[0-2])[0-9]{3}"), "28001"),
    "FR": Postcode(re.compile(r"[0-9]{5}"), "75001"),
    "ID": Postcode(re.compile(r"[1-9][0-9]{4}"), "10110"),
    "IN": Postcode(re.compile(r"[1-9][0-9]{2} ?[0-9]{3}"), "110001"),
    "IT": Postcode(re.compile(r"[0-9]{5}"), "00184"),
    "JP": Postcode(re.compile(r"[0-9]{3}-?[0-9]{4}"), "100-0001"),
    # Three pairs of letters are never given out.
    "NL": Postcode(re.compile(r"[1-9][0-9]{3} ?(?!SA|SD|SS)[A-Z]{2}"), "1012 AB"),
    "SG": Postcode(re.compile(r"[0-9]{6}"), "018956"),
}
#: Where an address is not complete without its code.
POSTCODE_NEEDED: Final = frozenset({"US", "CA", "GB"})
#: Elsewhere; the longest in use have ten characters.
ANY_POSTCODE: Final = Postcode(re.compile(r"[0-9A-Z](?:[0-9A-Z -]{0,10}[0-9A-Z])?"), "10115")


@dataclass(frozen=True, slots=True)
class Address:
    """A billing address. Personal data: nothing of it but the country is shown by `repr`."""

    street: str = field(repr=False)
    city: str = field(repr=False)
    country: str
    state: str | None = field(repr=False, default=None)
    zip_code: str | None = field(repr=False, default=None)

    def wrong(self) -> Iterator[FieldError]:
        """Yield what does not hold in its country; `field` names a field of the address."""
        rule = POSTCODES.get(self.country, ANY_POSTCODE)
        fix = f"send a code such as {rule.example}"
        if self.zip_code is None:
            if self.country in POSTCODE_NEEDED:
                yield FieldError("zip_code", f"is missing in {self.country}", fix)
        elif rule.pattern.fullmatch(self.zip_code) is None:
            yield FieldError("zip_code", f"is no postal code of {self.country}", fix)


@dataclass(frozen=True, slots=True)
class Person:
    """What is personal of a customer: sealed as one where it is stored."""

    email: str | None = field(repr=False, default=None)
    name: str | None = field(repr=False, default=None)
    phone: str | None = field(repr=False, default=None)
    billing_address: Address | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything about a customer that its merchant says, and may change."""

    external_id: str | None = None
    username: str | None = field(repr=False, default=None)
    country: str | None = None
    metadata: Mapping[str, str] = field(repr=False, default_factory=dict)
    person: Person = field(default_factory=Person)


@dataclass(frozen=True, slots=True)
class SavedCustomer:
    """A customer as stored."""

    id: UUID
    mode: Mode
    profile: Profile
    created_at: datetime
    updated_at: datetime
    anonymized_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """A way to pay, as its merchant describes it. The token is the provider's, and a secret."""

    type: MethodType
    token: str | None = field(repr=False)
    #: Whose vault the token is in; None: a portable token of the simulators.
    gateway_id: str | None = None
    card: Card | None = None
    funding: Funding = Funding.UNKNOWN
    paypal_email: str | None = field(repr=False, default=None)
    wallet_id: str | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A saved way to pay as stored, with its token opened."""

    id: UUID
    customer_id: UUID
    mode: Mode
    means: Means
    is_default: bool
    created_at: datetime
    updated_at: datetime

    @property
    def method(self) -> Method:
        """What a payment with it is made of, the same as if the token had been sent."""
        means = self.means
        return Method(means.type.value, means.token or means.wallet_id or "", means.card)


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose behalf something is done: it scopes every query, and the audit names it."""

    merchant_id: UUID
    mode: Mode
    key_id: str
    request_id: str = ""


def merchant_told(
    asker: Asker, action: str, entity: str, entity_id: str, said: Json, before: Json | None = None
) -> Told:
    """Return the audit entry and the event of what a merchant did; `said` holds nothing personal."""
    owned = (asker.merchant_id, asker.mode)
    entry = Entry(
        Actor.MERCHANT,
        f"key:{asker.key_id}",
        action,
        entity,
        entity_id,
        *owned,
        before or {},
        said,
        asker.request_id,
    )
    return Told(entry, Event(action, entity, entity_id, said, *owned, asker.request_id))


def card_fingerprint(key: bytes, token: str) -> str:
    """Return what makes a card recognisable that its merchant gave no fingerprint: 64 hex digits.

    The same token has the same fingerprint in a checkout and in a saved method.
    """
    return hmac.new(key, b"card-fingerprint:" + token.encode(), hashlib.sha256).hexdigest()
