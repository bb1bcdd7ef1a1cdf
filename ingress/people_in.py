"""People, inwards: the bodies and queries about customers, read strictly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.datastructures import QueryParams

from domain.errors import FieldError, InvalidRequest
from domain.people import EMAIL, PHONE, Address, Person, Profile
from ingress.countries import COUNTRIES
from ingress.fields import MISSING, Fields, open_body
from ingress.orders import MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_VALUE
from ingress.queries import MAX_METADATA_QUERY, METADATA, METADATA_FIX, METADATA_VALUE
from ingress.schemas import Page, parse_page
from ingress.strict_json import loads, shown

#: As long as a checkout's `customer.id`, so that one name serves both.
NAME: Final = re.compile(r".{1,100}")
NAME_FIX: Final = "send 1 to 100 characters on one line"
LINE: Final = re.compile(r".{1,200}")
LINE_FIX: Final = "send 1 to 200 characters on one line"
EMAIL_FIX: Final = "send an address such as name@example.com"
PHONE_FIX: Final = "send it as +14155550100: a plus, the country, at most 15 digits"
POSTCODE: Final = re.compile(r".{1,12}")
POSTCODE_FIX: Final = "send 1 to 12 characters"

#: In a query, which nobody has cleaned: no control characters, or PostgreSQL would refuse NUL.
_CLEAN: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,500}")

Change = Callable[[Profile], Profile]


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """Which part of the list of customers is asked for."""

    page: Page
    external_id: str | None
    metadata: Mapping[str, str]


def parse_customer(body: bytes) -> Profile:
    """Read a new customer. Raises `InvalidRequest` with all errors at once."""
    read, _ = _profile(body)
    return replace(Profile(person=Person(**read.pop("person"))), **read)


def parse_customer_change(body: bytes) -> Change:
    """Read a partial update: a field that is null is cleared, one that is left out stays."""
    read, named = _profile(body)
    person = {name: value for name, value in read.pop("person").items() if name in named}
    plain = {name: value for name, value in read.items() if name in named}

    def change(profile: Profile) -> Profile:
        return replace(profile, **plain, person=replace(profile.person, **person))

    return change


def _profile(body: bytes) -> tuple[dict[str, Any], set[str]]:
    """Return every field of a customer, and the names that the body has, null or not."""
    top = open_body(body)
    read: dict[str, Any] = {
        "external_id": top.text("external_id", NAME, NAME_FIX),
        "username": top.text("username", NAME, NAME_FIX),
        "country": read_country(top),
        "metadata": top.strings("metadata", MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_VALUE),
        "person": {
            "email": top.text("email", EMAIL, EMAIL_FIX),
            "name": top.text("name", LINE, LINE_FIX),
            "phone": top.text("phone", PHONE, PHONE_FIX),
            "billing_address": _address(top),
        },
    }
    top.close()
    top.raise_errors()
    return read, set(loads(body))


def parse_customers(query: QueryParams) -> CustomerPage:
    """Read the parameters of the list of customers. Raises `InvalidRequest`."""
    errors: list[FieldError] = []
    known = QueryParams([one for one in query.multi_items() if one[0] in ("cursor", "limit")])
    page, metadata = Page(), dict[str, str]()
    try:
        page = parse_page(known)
    except InvalidRequest as refused:
        errors.extend(refused.errors)
    for name in sorted(set(query)):
        if match := METADATA.fullmatch(name):
            metadata[match[1]] = query[name]
        elif name not in ("cursor", "limit", "external_id"):
            fix = "remove it; known: cursor, external_id, limit, metadata[name]"
            errors.append(FieldError(shown(name), "is not a parameter of this list", fix))
        if name not in known and len(query.getlist(name)) > 1:
            errors.append(FieldError(shown(name), "is there twice", "send it once"))
    external_id = query.get("external_id")
    if external_id is not None and not _is_clean(external_id, NAME):
        errors.append(FieldError("external_id", "does not have the right form", NAME_FIX))
    if len(metadata) > MAX_METADATA_QUERY:
        fix = f"send at most {MAX_METADATA_QUERY}"
        errors.append(FieldError("metadata", "has too many names", fix))
    if not all(METADATA_VALUE.fullmatch(value) for value in metadata.values()):
        errors.append(FieldError("metadata", "does not have the right form", METADATA_FIX))
    if errors:
        raise InvalidRequest(errors)
    return CustomerPage(page, external_id, metadata)


def _is_clean(text: str, pattern: re.Pattern[str]) -> bool:
    return pattern.fullmatch(text) is not None and _CLEAN.fullmatch(text) is not None


def _address(top: Fields) -> Address | None:
    given = top.object("billing_address")
    if given is None:
        return None
    address = Address(
        given.text("street", LINE, LINE_FIX) or "",
        given.text("city", NAME, NAME_FIX) or "",
        read_country(given) or "",
        given.text("state", NAME, NAME_FIX),
        (given.text("zip_code", POSTCODE, POSTCODE_FIX) or "").upper() or None,
    )
    for name in ("street", "city", "country"):
        if name not in given:
            given.refuse(name, MISSING, f"send the {name} of the address")
    for wrong in address.wrong():
        # What did not have the right form has been told already.
        if address.country and (address.zip_code or "zip_code" not in given):
            given.refuse(wrong.field, wrong.reason, wrong.fix)
    given.close()
    return address


def read_country(fields: Fields) -> str | None:
    """Read `country`: a code of ISO 3166-1."""
    value = fields.take("country")
    if value is None or (isinstance(value, str) and value in COUNTRIES):
        return value
    fields.refuse("country", "is not a country", "send an ISO 3166-1 code such as US, DE or ID")
    return None
