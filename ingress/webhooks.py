"""Webhooks: taken in under every address they were given, told apart by who can have signed them."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import MalformedBody, NotFound
from domain.webhook import dedupe_key
from ingress.knocks import Accounts, Door, Letter, knock
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
        stored = await self.door.take(await knock(request, asked, read_event), sender)
        said = {"received": True, "duplicate": not stored.new}
        return Response(msgspec.json.encode(said), media_type="application/json")


def read_event(account: Account, body: bytes) -> Letter:
    """Return a provider's event as it came. Raises `MalformedBody`."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedBody("the webhook's body is not JSON") from None
    return Letter(dedupe_key(account.scheme, document, body), body)
