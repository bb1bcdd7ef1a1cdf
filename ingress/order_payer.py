"""Order, the payer: who pays a checkout and where they live, read strictly."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace
from functools import lru_cache
from typing import Final
from uuid import UUID

from domain.errors import NotFound
from domain.ids import HEX_CHARACTERS, Kind, parse
from domain.means import Address, Customer
from domain.people import ANY_POSTCODE, EMAIL, POSTCODES
from ingress.countries import COUNTRIES
from ingress.fields import Fields

MAX_NAME: Final = 100
MAX_STREET: Final = 200
MAX_POSTCODE: Final = 12
#: The longest spelling of an address: one of IPv6 that ends as one of IPv4.
MAX_IP: Final = 45

_NAME: Final = re.compile(rf".{{1,{MAX_NAME}}}")
_STREET: Final = re.compile(rf".{{1,{MAX_STREET}}}")
_POSTCODE: Final = re.compile(rf".{{1,{MAX_POSTCODE}}}")
_OURS: Final = re.compile(rf"{Kind.CUSTOMER.value}_[0-9a-f]{{{HEX_CHARACTERS}}}")
_OURS_FIX: Final = "send the id of a saved customer: cus_..."


def read_customer(top: Fields) -> tuple[Customer, UUID | None]:
    """Read the payer. The id is theirs who asks, or names a saved customer by our `cus_...`.

    `customer_id` is short for the latter.
    """
    short = top.take("customer_id")
    saved = None if short is None else _saved(top, short)
    given = top.object("customer")
    if given is None:
        return Customer(id=None if saved is None else str(short)), saved
    ip = given.take("ip")
    address = _ip(ip)
    if ip is not None and address is None:
        given.refuse("ip", "is not an IP address", "send an IPv4 or IPv6 address as a string")
    customer = Customer(
        id=given.text("id", _NAME, f"send 1 to {MAX_NAME} characters"),
        email=given.text("email", EMAIL, "send an address such as name@example.com"),
        ip=address,
        country=read_country(given),
    )
    given.close()
    if short is not None:
        if customer.id not in (None, short):
            given.refuse("id", "differs from customer_id", "send one of the two")
        return replace(customer, id=str(short)), saved
    if customer.id is not None and _OURS.fullmatch(customer.id):
        saved = parse(Kind.CUSTOMER, customer.id)
    return customer, saved


def read_billing(top: Fields) -> Address | None:
    """Read where the payer lives; every part may be left out, `zipCode` is the older spelling."""
    given = top.object("billing_address")
    if given is None:
        return None
    older = given.text("zipCode", _POSTCODE, f"send 1 to {MAX_POSTCODE} characters")
    code = given.text("zip_code", _POSTCODE, f"send 1 to {MAX_POSTCODE} characters")
    if older and code and older != code:
        given.refuse("zipCode", "differs from zip_code", "send one of the two")
    code = (code or older or "").upper() or None
    name = f"send 1 to {MAX_NAME} characters on one line"
    address = Address(
        street=given.text("street", _STREET, f"send 1 to {MAX_STREET} characters on one line"),
        city=given.text("city", _NAME, name),
        state=given.text("state", _NAME, name),
        zip_code=code,
        country=read_country(given),
    )
    given.close()
    rule = POSTCODES.get(address.country or "", ANY_POSTCODE)
    if code is not None and rule.pattern.fullmatch(code) is None:
        where = address.country or "any country"
        spelled = "zip_code" if "zip_code" in given else "zipCode"
        given.refuse(spelled, f"is no postal code of {where}", f"send one such as {rule.example}")
    return address


def read_country(fields: Fields) -> str | None:
    """Read `country`: a code of ISO 3166-1."""
    value = fields.take("country")
    if value is None or (isinstance(value, str) and value in COUNTRIES):
        return value
    fields.refuse("country", "is not a country", "send an ISO 3166-1 code such as US, DE or ID")
    return None


def _saved(top: Fields, value: object) -> UUID | None:
    try:
        return parse(Kind.CUSTOMER, value if isinstance(value, str) else "")
    except NotFound:
        top.refuse("customer_id", "is not a customer's id", _OURS_FIX)
        return None


def _ip(value: object) -> str | None:
    """Return an address in its one spelling; None for anything else, or one with a zone."""
    if not isinstance(value, str) or len(value) > MAX_IP or "%" in value:
        return None
    return _spelled(value)


@lru_cache(maxsize=10_000)
def _spelled(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
