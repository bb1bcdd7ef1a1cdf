"""Transactions: the money movements of a merchant, listed and one by one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import NotFound
from domain.ids import Kind, parse
from domain.merchant import Scope
from ingress.asking import caller_of, json_answer
from ingress.backing import MoneyReading
from ingress.lists_in import parse_transactions
from ingress.money_out import transaction_json

_OF_A_PAYMENT: Final = f"{Kind.PAYMENT.value}_"


def routes(
    money: MoneyReading, read_payment: Callable[[Request], Awaitable[Response]]
) -> list[Route]:
    """Return the routes. Replies and logs call a payment's id `transaction_id` too: it leads to the
    payment here, by `read_payment`."""

    async def page(request: Request) -> Response:
        """List the money that moved, newest first."""
        caller = caller_of(request, Scope.READ)
        listed = parse_transactions(request.query_params)
        found = await money.transactions(
            caller, listed.wanted, limit=listed.enough, before=listed.page.before
        )
        counted = await money.count_transactions(caller, listed.wanted) if listed.total else None
        return json_answer(listed.answer(found, transaction_json, counted))

    async def read(request: Request) -> Response:
        """Show one movement, or the payment that the id names."""
        caller, id_ = caller_of(request, Scope.READ), request.path_params["id"]
        if id_.startswith(_OF_A_PAYMENT):
            return await read_payment(request)
        booked = await money.transaction(caller, parse(Kind.TRANSACTION, id_))
        if booked is None:
            raise NotFound("transaction")
        return json_answer(transaction_json(booked))

    return [
        Route("/transactions", page, methods=["GET"]),
        Route("/transactions/{id}", read, methods=["GET"]),
    ]
