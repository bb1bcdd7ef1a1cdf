"""Schemas: what of a request is not its body's matter: keys, waiting, pages."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from starlette.datastructures import Headers, QueryParams

from domain.checkout import Checkout
from domain.errors import FieldError, InvalidRequest, KeyRequired, RawCardDataRefused
from domain.payment import Mode
from ingress.cards import holds_card_number
from ingress.orders import VISIBLE, VISIBLE_FIX, parse_checkout
from ingress.strict_json import shown

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
#: Longer waits would hold connections that a proxy gives up on.
MAX_WAIT_S: Final = 10.0
DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100
PAGE_PARAMETERS: Final = ("cursor", "limit")

CURSOR_FIX: Final = "send the next_cursor of the page before, unchanged, with the same filters"

#: Bytes of the digest in a cursor: enough to notice any damage, and another list. It guards nothing:
#: a cursor only names a place in the caller's own list.
_CHECK_BYTES: Final = 6
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{30}")
_LIMIT: Final = re.compile(r"[0-9]{1,3}")
#: As many decimals as a double has, because that is how clients write what they computed.
_SECONDS: Final = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,17})?")
_PREFERENCE: Final = re.compile(r'\s*wait\s*=\s*"?([0-9]{1,9})"?\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for: `limit` rows older than `before`."""

    limit: int = DEFAULT_LIMIT
    before: UUID | None = None


def parse_order(
    body: bytes,
    headers: Headers,
    mode: Mode,
    fingerprint_key: bytes,
    new_id: Callable[[], UUID],
) -> tuple[Checkout, str]:
    """Read a checkout and its idempotency key, from the header or the body.

    Without a key a live request is refused (`KeyRequired`); a test request gets one made up.
    """
    checkout, in_body = parse_checkout(body, mode, fingerprint_key)
    return checkout, choose_key(headers, in_body, mode, new_id)


def choose_key(
    headers: Headers, in_body: str | None, mode: Mode, new_id: Callable[[], UUID]
) -> str:
    """Return the idempotency key that counts: the header's or the body's, which must agree.

    Without one a live request is refused (`KeyRequired`); a test request gets one made up.
    """
    in_header = parse_idempotency_key(headers)
    if in_header and in_body and in_header != in_body:
        raise InvalidRequest(
            [
                FieldError(
                    "idempotency_key",
                    f"differs from the {IDEMPOTENCY_KEY} header",
                    "send one of the two",
                )
            ]
        )
    key = in_header or in_body
    if key is None and mode is Mode.LIVE:
        raise KeyRequired(
            "a live request that moves money needs an idempotency key",
            fix=f"send a new {IDEMPOTENCY_KEY} header for each request, and the same for a retry",
        )
    return key or f"auto-{new_id().hex}"


def parse_idempotency_key(headers: Headers) -> str | None:
    """Read the header: 1 to 255 visible ASCII characters, once. None: there is none."""
    values = set(headers.getlist(IDEMPOTENCY_KEY))
    if not values:
        return None
    key = values.pop()
    if values:
        raise _refused(IDEMPOTENCY_KEY, "is there twice with different values", "send it once")
    if VISIBLE.fullmatch(key) is None:
        raise _refused(IDEMPOTENCY_KEY, "does not have the right form", VISIBLE_FIX)
    if holds_card_number(key):
        raise RawCardDataRefused(IDEMPOTENCY_KEY)
    return key


def parse_wait(prefer: str | None, query: str | None) -> float:
    """Return how long the caller will wait, in seconds (0 to 10).

    `?wait=` is a demand and refused when it is wrong; `Prefer: wait=` (RFC 7240) is a wish, so
    what cannot be read is ignored and what is too long is cut.
    """
    if query is not None:
        if _SECONDS.fullmatch(query) is None or float(query) > MAX_WAIT_S:
            raise _refused("wait", "is not a time to wait", "send 0 to 10 seconds")
        return float(query)
    for preference in (prefer or "").split(","):
        if match := _PREFERENCE.fullmatch(preference.partition(";")[0]):
            return min(float(match[1]), MAX_WAIT_S)
    return 0.0


def parse_page(query: QueryParams) -> Page:
    """Read the part of a list without filters. Raises `InvalidRequest` with all errors at once."""
    errors: list[FieldError] = []

    def refuse(name: str, reason: str, fix: str) -> None:
        errors.append(FieldError(name, reason, fix))

    for name in sorted(set(query)):
        if name not in PAGE_PARAMETERS:
            known = ", ".join(PAGE_PARAMETERS)
            refuse(shown(name), "is not a parameter of this list", f"remove it; known: {known}")
        elif len(query.getlist(name)) > 1:
            refuse(name, "is there twice", "send it once")
    page = read_page(query, "", refuse)
    if errors:
        raise InvalidRequest(errors)
    return page


def read_page(query: QueryParams, scope: str, refuse: Callable[[str, str, str], None]) -> Page:
    """Read `limit` and `cursor`; what is wrong with them is told to `refuse`."""
    limit, before = query.get("limit", str(DEFAULT_LIMIT)), None
    if _LIMIT.fullmatch(limit) is None or not 1 <= int(limit) <= MAX_LIMIT:
        refuse("limit", "is not a page size", f"send 1 to {MAX_LIMIT}")
        limit = str(DEFAULT_LIMIT)
    if "cursor" in query and (before := _place(query["cursor"], scope)) is None:
        refuse("cursor", "is not one of this list", CURSOR_FIX)
    return Page(int(limit), before)


def cursor(last: UUID, scope: str = "") -> str:
    """Return the opaque text that asks for what comes after `last`, in the list of this scope."""
    return base64.urlsafe_b64encode(last.bytes + _check(last, scope)).rstrip(b"=").decode()


def _place(text: str, scope: str) -> UUID | None:
    if _CURSOR.fullmatch(text) is None:
        return None
    place = UUID(bytes=base64.urlsafe_b64decode(text + "==")[:16])
    return place if cursor(place, scope) == text else None  # one spelling only, to the last bit


def _check(place: UUID, scope: str) -> bytes:
    return hashlib.sha256(b"cursor:" + place.bytes + scope.encode()).digest()[:_CHECK_BYTES]


def _refused(field: str, reason: str, fix: str) -> InvalidRequest:
    return InvalidRequest([FieldError(field, reason, fix)])
