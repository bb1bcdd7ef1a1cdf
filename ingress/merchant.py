"""The merchant: shown to itself, and its key replaced by a new one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.merchant import DEFAULT_OVERLAP_S, MAX_OVERLAP_S, Scope
from ingress.asking import asker, caller_of, json_answer, kept
from ingress.fields import Fields, open_body
from ingress.people_out import key_json, merchant_json
from ops.store.people import People


@dataclass(frozen=True, slots=True)
class Rotation:
    """What the new key may do (None: what the old one may), and how long the old one stays."""

    scopes: tuple[str, ...] | None
    overlap_s: int


@dataclass(frozen=True, slots=True)
class Merchant:
    """The merchant's handlers and the books they ask; None: there are none."""

    people: People | None

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/merchant", self.read, methods=["GET"]),
            Route("/merchant/api-keys", self.rotate, methods=["POST"]),
        ]

    async def read(self, request: Request) -> Response:
        """Show the merchant its settings and what its key may do; operators change them."""
        caller, books = caller_of(request, Scope.READ), kept(self.people).merchants
        merchant = await asyncio.to_thread(books.find, caller.merchant_id)
        return json_answer(merchant_json(merchant, caller))

    async def rotate(self, request: Request) -> Response:
        """Make a key in place of the asking one; its secret is in this answer and nowhere else."""
        caller, books = caller_of(request, Scope.KEYS), kept(self.people).merchants
        asked = parse_rotation(await request.body())
        who = asker(request, Scope.KEYS)
        made = await asyncio.to_thread(books.rotate, who, asked.scopes, asked.overlap_s)
        return json_answer(key_json(made, caller), 201)


def parse_rotation(body: bytes) -> Rotation:
    """Read what a new key is to be; an empty body asks for the defaults."""
    if not body:
        return Rotation(None, DEFAULT_OVERLAP_S)
    top = open_body(body)
    scopes = _scopes(top)
    overlap_s = top.integer("overlap_s", 0, MAX_OVERLAP_S)
    top.close()
    top.raise_errors()
    return Rotation(scopes, DEFAULT_OVERLAP_S if overlap_s is None else overlap_s)


def _scopes(top: Fields) -> tuple[str, ...] | None:
    value = top.take("scopes")
    if value is None:
        return None
    if not isinstance(value, list) or not value or not all(one in list(Scope) for one in value):
        top.refuse("scopes", "is not a list of scopes", f"send some of {', '.join(Scope)}")
        return None
    return tuple(dict.fromkeys(value))
