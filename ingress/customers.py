"""Customers: created, read, listed, changed, and forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.ids import Kind, parse, public
from domain.merchant import Scope
from ingress import people_in
from ingress.asking import asker, json_answer, kept
from ingress.people_out import customer_json
from ingress.schemas import cursor
from ops.store.people import People


@dataclass(frozen=True, slots=True)
class Customers:
    """The customer handlers and the books they ask; None: there are none."""

    people: People | None

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/customers", self.create, methods=["POST"]),
            Route("/customers", self.page, methods=["GET"]),
            Route("/customers/{id}", self.read, methods=["GET"]),
            Route("/customers/{id}", self.update, methods=["PATCH"]),
            Route("/customers/{id}", self.anonymize, methods=["DELETE"]),
        ]

    async def create(self, request: Request) -> Response:
        """Write a customer down."""
        who, books = asker(request, Scope.WRITE), kept(self.people).customers
        profile = people_in.parse_customer(await request.body())
        made = await asyncio.to_thread(books.create, who, profile)
        location = f"/v1/customers/{public(Kind.CUSTOMER, made.id)}"
        return json_answer(customer_json(made), 201, {"Location": location})

    async def read(self, request: Request) -> Response:
        """Show a customer; of one who was anonymized little is left."""
        who, books = asker(request, Scope.READ), kept(self.people).customers
        return json_answer(customer_json(await asyncio.to_thread(books.find, who, _id(request))))

    async def page(self, request: Request) -> Response:
        """List the merchant's customers, newest first."""
        who, books = asker(request, Scope.READ), kept(self.people).customers
        asked = people_in.parse_customers(request.query_params)
        limit = asked.page.limit
        found = await asyncio.to_thread(
            books.page,
            who,
            before=asked.page.before,
            limit=limit + 1,  # one more than shown tells whether there is more
            external_id=asked.external_id,
            metadata=asked.metadata,
        )
        shown, more = found[:limit], len(found) > limit
        return json_answer(
            {
                "data": [customer_json(customer) for customer in shown],
                "has_more": more,
                "next_cursor": cursor(shown[-1].id) if more else None,
            }
        )

    async def update(self, request: Request) -> Response:
        """Change what the body names; null clears."""
        who, books = asker(request, Scope.WRITE), kept(self.people).customers
        change = people_in.parse_customer_change(await request.body())
        changed = await asyncio.to_thread(books.update, who, _id(request), change)
        return json_answer(customer_json(changed))

    async def anonymize(self, request: Request) -> Response:
        """Forget who it was; the row stays for the books."""
        who, books = asker(request, Scope.WRITE), kept(self.people).customers
        await asyncio.to_thread(books.anonymize, who, _id(request))
        return Response(status_code=204)


def _id(request: Request) -> UUID:
    return parse(Kind.CUSTOMER, request.path_params["id"])
