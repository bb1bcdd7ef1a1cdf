"""Payment methods: saved for a customer, one of them the default, and deleted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import NotFound
from domain.ids import Kind, parse, public
from domain.merchant import Scope
from domain.payment import Mode
from domain.people import Asker, SavedMethod
from ingress import methods_in
from ingress.asking import asker, json_answer, kept
from ingress.people_out import method_json
from ops.store.people import People


@dataclass(frozen=True, slots=True)
class PaymentMethods:
    """The handlers of saved payment methods and the books they ask; None: there are none."""

    people: People | None
    fingerprint_key: bytes = field(repr=False)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/payment-methods", self.add, methods=["POST"]),
            Route("/payment-methods", self.of_customer, methods=["GET"]),
            Route("/payment-methods/{id}", self.read, methods=["GET"]),
            Route("/payment-methods/{id}", self.delete, methods=["DELETE"]),
            Route("/payment-methods/{id}/default", self.make_default, methods=["POST"]),
        ]

    async def find(self, id_: UUID, merchant_id: UUID, mode: Mode) -> SavedMethod | None:
        """Return a merchant's saved method with its token, for a checkout that names it.

        None: there is none of the merchant in this mode, or it was deleted. Raises `Unavailable`
        without books.
        """
        books = kept(self.people).methods
        try:
            return await asyncio.to_thread(books.find, Asker(merchant_id, mode, ""), id_)
        except NotFound:
            return None

    async def add(self, request: Request) -> Response:
        """Save a provider's token for a customer."""
        who, books = asker(request, Scope.WRITE), kept(self.people).methods
        asked = methods_in.parse_method(await request.body(), who.mode, self.fingerprint_key)
        made = await asyncio.to_thread(
            books.add, who, asked.customer_id, asked.means, make_default=asked.make_default
        )
        location = f"/v1/payment-methods/{public(Kind.PAYMENT_METHOD, made.id)}"
        return json_answer(method_json(made), 201, {"Location": location})

    async def of_customer(self, request: Request) -> Response:
        """List a customer's methods, newest first; there are never so many that they need pages."""
        who, books = asker(request, Scope.READ), kept(self.people).methods
        customer_id = methods_in.parse_customer_of(request.query_params)
        found = await asyncio.to_thread(books.of_customer, who, customer_id)
        return json_answer({"data": [method_json(one) for one in found]})

    async def read(self, request: Request) -> Response:
        """Show a method."""
        who, books = asker(request, Scope.READ), kept(self.people).methods
        return json_answer(method_json(await asyncio.to_thread(books.find, who, _id(request))))

    async def make_default(self, request: Request) -> Response:
        """Make a method the one that is charged when nobody names another."""
        who, books = asker(request, Scope.WRITE), kept(self.people).methods
        return json_answer(
            method_json(await asyncio.to_thread(books.make_default, who, _id(request)))
        )

    async def delete(self, request: Request) -> Response:
        """Delete a method; its provider forgets the token a moment later."""
        who, books = asker(request, Scope.WRITE), kept(self.people).methods
        await asyncio.to_thread(books.delete, who, _id(request))
        return Response(status_code=204)


def _id(request: Request) -> UUID:
    return parse(Kind.PAYMENT_METHOD, request.path_params["id"])
