"""The list of payments, and what screening made of one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import NotFound
from domain.ids import Kind, parse, public
from domain.merchant import Scope
from ingress.asking import caller_of, json_answer
from ingress.backing import MoneyReading, Reading
from ingress.lists_in import parse_payments
from ingress.money_out import score_json
from ingress.showing import Showing


def routes(reads: Reading, money: MoneyReading, show: Showing) -> list[Route]:
    """Return the routes; `show` shows the payments of the list."""

    async def page(request: Request) -> Response:
        """List the merchant's payments, newest first."""
        caller = caller_of(request, Scope.READ)
        listed = parse_payments(request.query_params)
        found = await reads.page(
            caller, listed.wanted, limit=listed.enough, before=listed.page.before
        )
        counted = await reads.count(caller, listed.wanted) if listed.total else None
        shown = dict(zip([one.id for one in found], await show.many(found), strict=True))
        return json_answer(listed.answer(found, lambda one: shown[one.id], counted))

    async def score(request: Request) -> Response:
        """Show the score and the decision, with the names of what raised it."""
        caller = caller_of(request, Scope.READ)
        id_ = parse(Kind.PAYMENT, request.path_params["payment_id"])
        request.state.transaction_id = public(Kind.PAYMENT, id_)
        screening = await money.screening(caller, id_)
        if screening is None:
            raise NotFound("payment")
        return json_answer(score_json(screening))

    return [
        Route("/payments", page, methods=["GET"]),
        Route("/fraud/scores/{payment_id}", score, methods=["GET"]),
    ]
