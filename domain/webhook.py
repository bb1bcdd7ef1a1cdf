"""Webhooks: how a provider proves that it sent one, as a value; what is stored; what it hints at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from domain.due import Due

#: Notices whose sender is not proven yet, because its certificate is not known at the door.
UNVERIFIED: Final = "unverified"
RECEIVED: Final = "received"


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a gateway proves that it is the sender, and what makes two of its webhooks one event.

    `kind` is one of

    `hmac`: HMAC-SHA256 in hex over `<time>.<raw body>`. `header` carries `t=<unix>,v1=<hex>`, where
    `signature_part` may occur several times (rotation); with `time_header`, the time stands there
    and `header` holds nothing but the signature.

    `token`: `header` carries one of the gateway's secrets as it is. Weaker, because it proves
    nothing about the body, and enough, because a body only hints.

    `sha512`: the SHA-512 in hex of something followed by a secret. Of the fields `digested` of the
    JSON body, shown in its field `signature_part`; or, with `header`, of the raw body, shown there.

    `certificate`: RSA with SHA-256 over `<id>|<time>|<secret>|<CRC-32 of the body>`, all of it in
    headers that begin with `header`, under a certificate at an address of one of `hosts` below
    `path`, issued to `names` or to that address. The body itself is as good as unsigned.

    A signed time must lie within `tolerance_s` before ours and `ahead_s` (None: as much) after it.
    """

    header: str = ""
    time_part: str = "t"
    signature_part: str = "v1"
    tolerance_s: int = 300
    #: The parts that together name an event: fields of the body. `a.b` is a field of a field,
    #: `a.*.b` one of each element of a list, `a|b` the first that is there, `@a` a header.
    dedupe: tuple[str, ...] = ("id",)
    kind: Literal["hmac", "token", "sha512", "certificate"] = "hmac"
    time_header: str = ""
    ahead_s: int | None = None
    digested: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    path: str = ""
    names: tuple[str, ...] = ()
    #: A header that names the event all alone where it is there.
    dedupe_header: str = ""
    body: Literal["json", "xml"] = "json"
    #: The element, `{namespace}name`, that a SOAP answer holds; empty: it is answered in JSON.
    answer: str = ""
    #: Another way in which the same account may prove itself.
    otherwise: Scheme | None = None

    def ways(self) -> tuple[Scheme, ...]:
        """Return this scheme and those that stand beside it."""
        return (self,) if self.otherwise is None else (self, *self.otherwise.ways())


def scheme_of(stored: Mapping[str, Any]) -> Scheme:
    """Read a scheme as a gateway's row holds it: JSON, where tuples are lists.

    Rows from before an event could have several parts hold the one part as text.
    """
    found: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
    }
    if isinstance(found.get("dedupe"), str):
        found["dedupe"] = (found["dedupe"],)
    if found.get("otherwise") is not None:
        found["otherwise"] = scheme_of(found["otherwise"])
    return Scheme(**found)


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
    status: str = RECEIVED
    attempt_id: UUID | None = None
    tries: int = 0
    read_began_at: datetime | None = None
    request_id: str = ""
    #: What proves its sender, where that is still to be checked.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Proven(StrEnum):
    """What came of checking who sent a webhook."""

    GENUINE = "genuine"
    FORGED = "forged"
    LATER = "later"  # what it takes could not be had now


@dataclass(frozen=True, slots=True)
class Hint:
    """Which object a webhook speaks of: our reference, the provider's id, or both."""

    reference: str | None
    provider_id: str | None
    type: str
