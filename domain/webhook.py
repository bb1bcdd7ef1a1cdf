"""Webhook schemes: how a provider signs, as a value; the ingress knows nothing else of providers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal, assert_never
from uuid import UUID

from domain.due import Due

#: A header with more parts than this is not a signature header.
MAX_PARTS = 32
SIGNATURE_HEX = 64
#: A longer text in a header is no token.
MAX_TOKEN = 1_024
#: What a token is made to sign. Equal tokens make equal MACs, and those are compared in a time that
#: says nothing about the token.
TOKEN_MESSAGE = b"a token is shown"


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a gateway proves that it is the sender.

    `hmac` is `t=<unix>,v1=<hex>` style signing: HMAC-SHA256 over `<t>.<raw body>`. `header` carries
    the parts, `signature_part` may occur several times (rotation), and the signed time must lie
    within `tolerance_s` of ours, on both sides. With `token`, `header` carries one of the gateway's
    secrets as it is: weaker, because it proves nothing about the body, and enough, because a body
    only hints. `dedupe` names the field of the JSON body that identifies the event.
    """

    header: str
    time_part: str = "t"
    signature_part: str = "v1"
    tolerance_s: int = 300
    dedupe: str = "id"
    kind: Literal["hmac", "token"] = "hmac"


#: How each provider signs. Configuring a gateway copies the scheme into the gateway's row.
SCHEMES: Mapping[str, Scheme] = MappingProxyType({"sandbox": Scheme(header="sandbox-signature")})


@dataclass(frozen=True, slots=True)
class Signed:
    """What is to be checked: the exact signed bytes and each candidate signature (32 raw bytes)."""

    message: bytes
    signatures: tuple[bytes, ...]


def signed(scheme: Scheme, headers: Mapping[str, str], body: bytes, now_s: int) -> Signed | None:
    """Read the header that proves the sender. None: absent, malformed, too long ago or ahead."""
    match scheme.kind:
        case "hmac":
            return _timed(scheme, headers, body, now_s)
        case "token":
            return _shown(headers.get(scheme.header.lower(), ""))
        case _:
            assert_never(scheme.kind)


def _shown(token: str) -> Signed | None:
    if not (token.isascii() and token.isprintable() and 0 < len(token) <= MAX_TOKEN):
        return None
    return Signed(TOKEN_MESSAGE, (hmac.digest(token.encode(), TOKEN_MESSAGE, "sha256"),))


def _timed(scheme: Scheme, headers: Mapping[str, str], body: bytes, now_s: int) -> Signed | None:
    parts = list(_parts(headers.get(scheme.header.lower(), "")))
    times = [value for name, value in parts if name == scheme.time_part]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 12:
        return None
    if abs(now_s - int(times[0])) > scheme.tolerance_s:
        return None
    signatures = tuple(
        bytes.fromhex(value)
        for name, value in parts
        if name == scheme.signature_part and _is_lower_hex(value)
    )
    if not signatures:
        return None
    return Signed(times[0].encode() + b"." + body, signatures)


def _parts(header: str) -> Iterator[tuple[str, str]]:
    for part in header.split(",", MAX_PARTS)[:MAX_PARTS]:
        name, separator, value = part.strip().partition("=")
        if separator:
            yield name, value


def _is_lower_hex(value: str) -> bool:
    return len(value) == SIGNATURE_HEX and all(c in "0123456789abcdef" for c in value)


def dedupe_key(scheme: Scheme, document: object, body: bytes) -> str:
    """Return what makes this event one event: its id, else the digest of its bytes."""
    if isinstance(document, dict):
        value = document.get(scheme.dedupe)
        if isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable():
            return value
    return "sha256:" + hashlib.sha256(body).hexdigest()


@dataclass(frozen=True, slots=True)
class Notice:
    """A stored webhook. It only hints: what counts is what the provider says when asked."""

    id: UUID
    gateway_id: str
    dedupe_key: str
    body: bytes = field(repr=False)
    received_at: datetime
    last_copy_at: datetime
    due: Due
    status: str = "received"
    attempt_id: UUID | None = None
    tries: int = 0
    read_began_at: datetime | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """Which object a webhook speaks of: our reference, the provider's id, or both."""

    reference: str | None
    provider_id: str | None
    type: str
