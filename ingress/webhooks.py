"""Webhooks: taken in under every address they were given, told apart by who can have signed them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import InvalidRequest, MalformedBody, NotFound
from domain.webhook import Scheme
from domain.webhook_keys import dedupe_key
from ingress.knocks import Accounts, Door, Letter, Sender, Taken, knock
from ingress.sizes import PROVIDER_BYTES
from ingress.soap import wrapped
from ingress.strict_xml import Element, elements
from ops.store.gateways import Account


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The webhook handlers: what an event means is a worker's matter."""

    door: Door
    accounts: Accounts

    def routes(self) -> list[Route]:
        """Return the versioned routes: the canonical one names the gateway, the short ones name
        it or its provider."""
        return [
            Route("/webhooks/{provider}", self.named, methods=["POST"]),
            Route("/webhooks/{provider}/{gateway}", self.canonical, methods=["POST"]),
            Route("/webhook/{provider}", self.named, methods=["POST"]),
        ]

    def older_routes(self) -> list[Route]:
        """Return the routes from before there were versions: providers still hold them."""
        return [
            Route("/api/webhooks/{provider}", self.named, methods=["POST"]),
            Route("/api/providers/{provider}/webhook", self.named, methods=["POST"]),
        ]

    async def named(self, request: Request) -> Response:
        """Take an event of a gateway, or of any gateway of a provider."""
        name = request.path_params["provider"]
        known = [one for one in await self.accounts() if name in (one.provider, one.id)]
        if not known:
            raise NotFound("provider")
        return await self._take(request, known, name)

    async def canonical(self, request: Request) -> Response:
        """Take an event of one gateway."""
        provider, gateway = request.path_params["provider"], request.path_params["gateway"]
        known = [one for one in await self.accounts() if one.provider == provider]
        if not known:
            raise NotFound("provider")
        asked = [one for one in known if one.id == gateway]
        # Nobody's name is counted as one: a stranger cannot make up senders.
        return await self._take(request, asked, gateway if asked else provider)

    async def _take(self, request: Request, asked: list[Account], sender: str) -> Response:
        return _answer(await self.door.take(await knock(request, asked, read_event), sender))


def read_event(sender: Sender, body: bytes) -> Letter:
    """Return a provider's event as it came. Raises `MalformedBody`."""
    document = _xml(body) if sender.scheme.body == "xml" else _json(body)
    return Letter(dedupe_key(sender.scheme, document, body, sender.headers), body)


def _json(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedBody("the webhook's body is not JSON") from None


def _xml(body: bytes) -> dict[str, str]:
    """Return the texts of a document by the names of their elements; the first of a name counts."""
    try:
        root = elements(body, PROVIDER_BYTES)
    except InvalidRequest as refusal:  # the sender cannot mend a field: to him it is malformed
        raise MalformedBody(f"the webhook's body {refusal.errors[0].reason}") from None
    found: dict[str, str] = {}
    for element in _leaves(root):
        found.setdefault(element.name, element.text.strip())
    return found


def _leaves(element: Element) -> Iterator[Element]:
    if not element.children:
        yield element
    for child in element.children:
        yield from _leaves(child)


def _answer(taken: Taken) -> Response:
    element = _element(taken.scheme)
    if element is not None:
        return Response(wrapped(element), media_type="text/xml; charset=utf-8")
    said = {"received": True, "duplicate": not taken.new}
    return Response(msgspec.json.encode(said), media_type="application/json")


def _element(scheme: Scheme) -> str | None:
    """Return the empty element that a SOAP answer holds; None: the answer is JSON."""
    if not scheme.answer:
        return None
    namespace, _, name = scheme.answer.removeprefix("{").partition("}")
    return f'<{name} xmlns="{namespace}"/>'
