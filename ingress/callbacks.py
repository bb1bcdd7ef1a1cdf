"""Callbacks: a gateway's word in our own shape, JSON or XML; stored, then worked off like an event."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.callback import Callback
from domain.errors import FieldError, InvalidRequest, NotFound
from domain.webhook import Scheme
from domain.webhook_keys import dedupe_key
from ingress import dialects
from ingress.fields import Fields
from ingress.formats import Syntax, wants
from ingress.knocks import Accounts, Door, Letter, Sender, knock
from ingress.sizes import PROVIDER_BYTES
from ingress.soap import envelope_of
from ingress.strict_json import BODY, Inexact, loads
from ingress.xml_in import ANY, parse_xml
from ops.store.gateways import Account

#: The setting of a gateway that shows a token instead of signing: the header it shows it in. The
#: token is one of its webhook secrets.
HEADER_SETTING: Final = "callback_header"
ROOT: Final = "callbackResponse"
#: What is beside the two names explains and decides nothing: it is cut, never refused.
MAX_STATUS: Final = 64
MAX_MESSAGE: Final = 500

_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_NAME: Final = re.compile(r"[\x21-\x7e]{1,255}")
_NAME_FIX: Final = "send 1 to 255 visible ASCII characters"


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The callback handler: it believes nothing but that the gateway wants to be asked."""

    door: Door
    accounts: Accounts

    def routes(self) -> list[Route]:
        """Return the versioned route."""
        return [Route("/callback/{gateway}", self.called, methods=["POST"])]

    def older_routes(self) -> list[Route]:
        """Return the route from before there were versions."""
        return self.routes()

    async def called(self, request: Request) -> Response:
        """Take a callback of one gateway."""
        id_ = request.path_params["gateway"]
        known = [_proven(one) for one in await self.accounts() if one.id == id_]
        if not known:
            raise NotFound("gateway")
        syntax = wants(request.headers).body
        if syntax is Syntax.XML:
            request.state.envelope = envelope_of(await request.body())
        read = partial(read_callback, syntax=syntax)
        taken = await self.door.take(await knock(request, known, read), id_)
        return dialects.answer(request, {"received": True, "duplicate": not taken.new}, ROOT)


def read_callback(sender: Sender, body: bytes, *, syntax: Syntax) -> Letter:
    """Return a callback in the one form that is stored, so that JSON and XML are one event.

    Raises `MalformedBody`, or `InvalidRequest`: no name is there, or it is another gateway's.
    Fields that are not known are passed over, because gateways add some without asking; and what
    looks like a card number is taken, because references do.
    """
    errors: list[FieldError] = []
    found = _document(body, syntax)
    fields = Fields(found, "", errors)
    callback = Callback(
        transaction_id=_named(found, fields, "transaction_id"),
        reference_id=_named(found, fields, "reference_id"),
        status=_told(found, "status", MAX_STATUS),
        message=_told(found, "message", MAX_MESSAGE),
        timestamp=_told(found, "timestamp", MAX_STATUS),
    )
    if found.get("gateway_id") not in (None, sender.account.id):
        fix = f"send {sender.account.id}"
        fields.refuse("gateway_id", "is not the gateway of this address", fix)
    if not errors and callback.transaction_id is None and callback.reference_id is None:
        fix = "send the reference of our request, or your own of its answer"
        fields.refuse("transaction_id", "is missing, and so is reference_id", fix)
    fields.raise_errors()
    stored = callback.body()
    return Letter(dedupe_key(sender.scheme, None, stored), stored)


def _proven(account: Account) -> Account:
    """Return the account with the scheme of its callbacks."""
    header = account.settings.get(HEADER_SETTING)
    if not isinstance(header, str) or _HEADER.fullmatch(header) is None:
        return account
    return replace(account, scheme=Scheme(header, kind="token"))


def _document(body: bytes, syntax: Syntax) -> Mapping[str, Any]:
    if syntax is Syntax.XML:
        return parse_xml(body, ANY, PROVIDER_BYTES)[0]
    found = loads(body)
    if not isinstance(found, dict):
        fix = 'send an object: {"transaction_id": "..."}'
        raise InvalidRequest([FieldError(BODY, "is not a JSON object", fix)])
    return found


def _named(found: Mapping[str, Any], fields: Fields, name: str) -> str | None:
    """Read a name; some gateways count theirs, so a number is one as well."""
    value = found.get(name)
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if text is None or (isinstance(text, str) and _NAME.fullmatch(text)):
        return text
    fields.refuse(name, "is not a name", _NAME_FIX)
    return None


def _told(found: Mapping[str, Any], name: str, most: int) -> str | None:
    value = found.get(name)
    if isinstance(value, Inexact):
        value = value.text
    return str(value)[:most] if isinstance(value, str | int) else None
